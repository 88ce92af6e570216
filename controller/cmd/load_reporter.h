// What the API shows of loads, put together from the load monitor, its history and the web apps
// that there are. Owned by Controller; any thread.
#pragma once

#include "controller/apiserver/load_api.h"
#include "controller/runtime/load_monitor.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/load_history.h"

namespace ballast::cmd {

class LoadReporter final : public apiserver::LoadView {
 public:
  // All of it outlives this.
  LoadReporter(runtime::LoadMonitor& monitor, const reconcilers::LoadHistory& history,
               const reconcilers::DesiredState& desired)
      : monitor_(monitor), history_(history), desired_(desired) {}

  [[nodiscard]] std::vector<apiserver::TopWebApp> Top(const std::string& ns) override;
  [[nodiscard]] bool Exists(const api::ObjectKey& app) const override;
  Result<std::vector<reconcilers::LoadSample>> Seconds(const api::ObjectKey& app,
                                                       std::int64_t after) const override {
    return monitor_.Seconds(app, after);
  }
  Result<std::vector<reconcilers::LoadSample>> Minutes(const api::ObjectKey& app,
                                                       std::int64_t after) const override {
    return history_.Minutes(app, after);
  }

 private:
  runtime::LoadMonitor& monitor_;
  const reconcilers::LoadHistory& history_;
  const reconcilers::DesiredState& desired_;
};

}  // namespace ballast::cmd
