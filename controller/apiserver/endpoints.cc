#include "controller/apiserver/endpoints.h"

#include <nlohmann/json.hpp>

namespace ballast::apiserver {
namespace {

void AddPublic(Router& router, const StatusSource& source) {
  router.Handle("GET", "/healthz", [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; });
  router.Handle("GET", "/readyz", [&source](const HttpRequest&) {
    const std::string missing = source.NotReady();
    if (missing.empty()) return HttpResponse{.body = "ok\n"};
    return TextResponse(503, "not ready: " + missing);
  });
  router.Handle("GET", "/metrics", [&source](const HttpRequest&) {
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = source.MetricsText()};
  });
}

}  // namespace

Router PublicRouter(const StatusSource& source) {
  Router router;
  AddPublic(router, source);
  return router;
}

Router PrivateRouter(const StatusSource& source) {
  Router router;
  AddPublic(router, source);
  router.Handle("GET", "/status", [&source](const HttpRequest&) {
    const nlohmann::json json = EncodeStatus(source.Report());
    // What came from outside (logs, labels) may be no UTF-8.
    return HttpResponse{
        .content_type = "application/json",
        .body = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
  });
  return router;
}

}  // namespace ballast::apiserver
