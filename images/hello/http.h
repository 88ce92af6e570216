// Requests as the app sees them and answers as bytes: no sockets, no clock, no state. The answer is
// written by hand, since a Beast response would cost several allocations more for each request.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::hello {

struct Request {
  std::string_view method;
  std::string_view path;   // without the query, prefix removed
  std::string_view query;  // without the '?'
  std::string_view cookie;
  std::string_view body;                                               // at most the first 4 KiB
  std::vector<std::pair<std::string_view, std::string_view>> headers;  // only for /headers
};

// What happens to the process once the answer is with the client.
enum class After { kNothing, kExit, kHang };

struct Response {
  int status = 200;
  std::string_view type = "application/json";
  std::string body;
  std::string headers;  // further header lines, each with its \r\n
  std::chrono::milliseconds wait{0};
  After after = After::kNothing;
  std::chrono::milliseconds hang{0};  // 0: for ever
  int exit_code = 1;
};

// How the connection goes on; decides the Connection header.
struct Framing {
  bool head = false;
  bool http10 = false;
  bool keep_alive = true;
};

std::string Serialize(const Response& response, const Framing& framing, std::string_view id);
std::string_view Reason(int status);

// "a=1&b=2": the value of `name`, undecoded.
std::optional<std::string_view> QueryValue(std::string_view query, std::string_view name);
// "a=1; b=2" of a Cookie header.
std::optional<std::string_view> CookieValue(std::string_view cookie, std::string_view name);
// Digits only, within 0 and max; nothing otherwise.
std::optional<long> Digits(std::string_view text, long max);

}  // namespace ballast::hello
