// What web apps have to do, over HTTP: GET /ballast/v1/top and
// /ballast/v1/load/namespaces/NS/webapps/NAME. Who asks was found to be allowed (access.h). Owned
// by controller/cmd; called on the HTTP server's worker threads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/meta.h"
#include "api/status.h"
#include "controller/apiserver/http_types.h"
#include "reconcilers/autoscaler/load.h"
#include "reconcilers/ports/clock.h"

namespace ballast::apiserver {

// Figures of now; nothing: not known.
struct LoadFigures {
  std::optional<double> request_rate;
  std::optional<double> concurrency;
  std::optional<double> queued;
  std::optional<double> response_seconds;
  std::optional<double> error_rate;
  std::optional<double> cpu;     // CPUs
  std::optional<double> memory;  // bytes
};
struct TopReplica {
  std::string name;
  LoadFigures figures;
};
struct TopWebApp {
  api::ObjectKey key;
  LoadFigures figures;  // cpu and memory: of all replicas of which they are known
  int in_service = 0;
  int held = 0;
  std::vector<TopReplica> replicas;  // sorted by name
};

// Where it comes from. Called for several requests at once; answers from memory or the disk.
class LoadView {
 public:
  virtual ~LoadView() = default;
  // Of one namespace; "": of all. Sorted by key.
  [[nodiscard]] virtual std::vector<TopWebApp> Top(const std::string& ns) = 0;
  [[nodiscard]] virtual bool Exists(const api::ObjectKey& app) const = 0;
  // As the port LoadHistory.
  virtual Result<std::vector<reconcilers::LoadSample>> Seconds(const api::ObjectKey& app,
                                                               std::int64_t after) const = 0;
  virtual Result<std::vector<reconcilers::LoadSample>> Minutes(const api::ObjectKey& app,
                                                               std::int64_t after) const = 0;
};

class LoadApi {
 public:
  static constexpr std::int64_t kDefaultSince = 900;  // seconds

  LoadApi(LoadView& view, const reconcilers::Clock& clock) : view_(view), clock_(clock) {}
  // Nothing: the path is none of these.
  [[nodiscard]] std::optional<HttpResponse> Handle(const HttpRequest& request) const;

 private:
  [[nodiscard]] HttpResponse Top(const HttpRequest& request) const;
  [[nodiscard]] HttpResponse Load(const HttpRequest& request, const std::string& rest) const;

  LoadView& view_;
  const reconcilers::Clock& clock_;
};

}  // namespace ballast::apiserver
