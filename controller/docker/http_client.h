// HTTP/1.1 over a unix socket with a small pool of kept-alive connections: one blocking exchange
// per call, from any thread. Knows nothing of Docker. Owner: ApiClient.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/status.h"

namespace ballast::docker {

class Canceller;
class Deadline;
class UnixStream;

struct Request {
  std::string method = "GET";
  std::string target;
  std::string body;  // of `content_type`, or empty
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
  // May be sent a second time when a kept-alive connection turns out to be dead.
  bool idempotent = true;
  std::chrono::milliseconds timeout{30'000};
  bool timeout_is_silence = false;       // counts from the last byte instead of the first
  bool endless_body = false;             // `timeout` is for the header only
  const Canceller* canceller = nullptr;  // may be null
};

struct Response {
  int status = 0;
  std::string content_type;
  std::string body;
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

// Takes a body as it arrives instead of having it collected. Used for 2xx answers only.
struct BodySink {
  std::function<void(const Response& header)> on_header;        // may be empty
  std::function<Result<void>(std::string_view chunk)> on_data;  // an error ends the exchange
};

struct HttpOptions {
  std::string socket_path;
  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds idle_timeout{10'000};
  std::size_t max_idle = 8;
  std::size_t max_body_bytes = std::size_t{128} << 20;
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();

  // Any HTTP status is a success here; errors are about the connection.
  [[nodiscard]] Result<Response> Exchange(const Request& request, const BodySink* sink = nullptr);
  // Idempotent ones without a canceller, on a connection each: all are sent before the first answer
  // is awaited. Answers in their order.
  [[nodiscard]] std::vector<Result<Response>> ExchangeAll(const std::vector<Request>& requests);

 private:
  struct Idle {
    std::unique_ptr<UnixStream> stream;
    std::chrono::steady_clock::time_point since;
  };

  // Error: nothing was sent.
  static Result<void> SendOn(UnixStream& stream, const Request& request);
  Result<Response> ReceiveOn(UnixStream& stream, const Request& request, const BodySink* sink,
                             bool& reusable) const;
  std::unique_ptr<UnixStream> TakeIdle();  // null: none
  void GiveBack(std::unique_ptr<UnixStream> stream);
  void DropExpired();  // with mutex_ held

  const HttpOptions options_;
  std::mutex mutex_;
  std::vector<Idle> idle_;  // the most recently used last
};

}  // namespace ballast::docker
