#include "controller/apiserver/router.h"

#include <exception>
#include <utility>

namespace ballast::apiserver {

void Router::Handle(const std::string& method, const std::string& path, SyncHandler handler) {
  handlers_[path][method] = std::move(handler);
}

HttpResponse Router::Route(const HttpRequest& request) const {
  const auto methods = handlers_.find(request.path);
  if (methods == handlers_.end()) {
    std::string paths = "no such path; there are";
    for (const auto& [path, handlers] : handlers_) paths += " " + path;
    return TextResponse(404, paths);
  }
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  const auto handler = methods->second.find(method);
  if (handler == methods->second.end()) {
    HttpResponse response = TextResponse(405, "method not allowed");
    std::string& allow = response.headers["Allow"];
    for (const auto& [name, unused] : methods->second) {
      allow += (allow.empty() ? "" : ", ") + name + (name == "GET" ? ", HEAD" : "");
    }
    return response;
  }
  try {
    return handler->second(request);
  } catch (const std::exception& error) {
    return TextResponse(500, std::string("internal error: ") + error.what());
  }
}

}  // namespace ballast::apiserver
