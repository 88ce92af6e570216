// Reads what the HAProxy of one load balancer counts, over connections of its own, so that it
// neither waits for the commands of others nor they for it. One thread at a time.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "reconcilers/autoscaler/load_counters.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/data_plane_factory.h"

namespace ballast::reconcilers {

class LoadProbe {
 public:
  // One that does not answer in time is left alone for a while: others wait behind it.
  static constexpr std::chrono::seconds kLeaveAlone{10};

  LoadProbe(const Clock& clock, DataPlaneFactory& planes) : clock_(clock), planes_(planes) {}

  // The instance that serves, and the numbers of those before it, which still end their
  // connections; how many reloads there were.
  void Follow(const InstanceRef& serving, const std::set<int>& retiring, int reloads);
  // One command to the worker that serves. Old workers are asked as well while there are any: their
  // WebSockets and downloads are load all the same.
  Result<LoadReading> Read();

 private:
  struct Answers {
    std::string info;
    std::string stat;
  };
  Result<Answers> Ask();
  void AddElsewhere(LoadReading& reading);

  const Clock& clock_;
  DataPlaneFactory& planes_;
  InstanceRef serving_;
  int reloads_ = 0;
  std::shared_ptr<DataPlane> plane_;
  std::map<int, std::shared_ptr<DataPlane>> retiring_;
  std::string process_;      // of the last reading
  bool old_workers_ = true;  // there may be some
  std::optional<Clock::Steady> leave_alone_until_;
};

// The counts of web apps' backends in the reply to `show stat`.
[[nodiscard]] Result<std::vector<BackendCounters>> CountersOf(std::string_view show_stat);

}  // namespace ballast::reconcilers
