// The last decisions of an autoscaler, as `ballast why` asks for them:
//   GET .../autoscalers/NAME/decisions[?limit=N] ->
//   {"kind":"DecisionList","items":[{"first":TIME,"last":TIME,"count":N,"decision":{...}}, ...]}
// newest first; `decision` is what reconcilers/autoscaler/decision_json.h wrote. Owned by
// controller/cmd; called on the HTTP server's worker threads.
#pragma once

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/request_info.h"
#include "reconcilers/ports/load_history.h"

namespace ballast::apiserver {

class Decisions {
 public:
  static constexpr int kDefaultLimit = 20;
  static constexpr int kMaxLimit = 1000;

  Decisions(const Registry& registry, const reconcilers::LoadHistory& history)
      : registry_(registry), history_(history) {}

  void Handle(const RequestInfo& info, const HttpRequest& request, const Respond& respond) const;

 private:
  const Registry& registry_;
  const reconcilers::LoadHistory& history_;
};

}  // namespace ballast::apiserver
