// The logs of replicas, as `kubectl logs` asks for them. Owned by controller/cmd; called on the
// HTTP server's worker threads. Docker's answer is read by a thread of its own for each log, as
// fast as the client takes it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/request_info.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/engine.h"

namespace ballast::apiserver {

struct PodLogRequest {
  std::string container;  // empty: the one that serves
  bool previous = false;  // of the container before the one that is there now
  reconcilers::LogRequest log;
};
// From the words of the query: container, follow, previous, tailLines, sinceSeconds, sinceTime,
// timestamps.
[[nodiscard]] ApiResult<PodLogRequest> ParsePodLogRequest(const HttpRequest& request,
                                                          api::Time now);

// Which of a replica's containers is meant; `containers` are all with its label. Pure.
[[nodiscard]] ApiResult<reconcilers::ContainerInfo> ChooseContainer(
    const std::vector<reconcilers::ContainerInfo>& containers, const ErrorSubject& pod,
    const std::string& ns, const PodLogRequest& request);

class PodLogs {
 public:
  static constexpr int kMaxAtOnce = 100;

  // `instance`: whose replicas; those of another controller on this engine are not shown.
  PodLogs(reconcilers::Engine& engine, const reconcilers::Clock& clock, std::string instance)
      : engine_(engine),
        clock_(clock),
        instance_(std::move(instance)),
        open_(std::make_shared<std::atomic<int>>(0)) {}

  void Handle(const RequestInfo& info, const HttpRequest& request, const Respond& respond) const;

 private:
  reconcilers::Engine& engine_;
  const reconcilers::Clock& clock_;
  const std::string instance_;
  const std::shared_ptr<std::atomic<int>> open_;  // logs that are being read
};

}  // namespace ballast::apiserver
