// A request and its answer, without any HTTP library, so that handlers are plain functions. Values.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace ballast::apiserver {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query: "/status"
  std::map<std::string, std::string> query;
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers;  // further ones
};

// Called on the server's thread; answers from memory and never waits.
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// An error as plain text.
[[nodiscard]] HttpResponse TextResponse(int status, std::string_view text);

// "/a%20b?x=1&y" -> path and query. False: not a path, or bad percent-encoding.
[[nodiscard]] bool ParseTarget(std::string_view target, HttpRequest& request);

}  // namespace ballast::apiserver
