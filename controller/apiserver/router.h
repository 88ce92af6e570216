// Which handler answers which path. Filled before the server starts, constant afterwards.
#pragma once

#include <map>
#include <string>

#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

class Router {
 public:
  // `path` is exact. GET answers HEAD too.
  void Handle(const std::string& method, const std::string& path, SyncHandler handler);

  // 404 and 405 (with Allow) included; a handler's exception is a 500.
  [[nodiscard]] HttpResponse Route(const HttpRequest& request) const;

 private:
  std::map<std::string, std::map<std::string, SyncHandler>> handlers_;  // path, method
};

}  // namespace ballast::apiserver
