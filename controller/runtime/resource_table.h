// What ResourceMonitor knows: which web apps somebody asks about, their containers, when each is
// due to be looked at, and what two looks at it tell. It never asks the engine and never waits. One
// thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "api/meta.h"
#include "controller/runtime/resource_targets.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/load_reader.h"

namespace ballast::runtime {

struct MeasuredContainer {
  std::string sidecar;  // "": the one that serves
  double cpu = 0;       // CPUs
  double memory = 0;    // bytes
};

struct MeasuredReplica {
  reconcilers::ResourceSample total;  // `at`: of its oldest part
  std::chrono::nanoseconds window{};  // that the CPUs are the mean of
  std::vector<MeasuredContainer> containers;
};
using MeasuredReplicas = std::map<std::string, MeasuredReplica>;  // by replica (server name)

struct ResourceIntervals {
  std::chrono::milliseconds interval{5'000};
  std::chrono::milliseconds first_interval{250};  // between the first two looks at a container
  std::chrono::milliseconds interest{30'000};     // that an ask keeps it going
  std::chrono::milliseconds max_age{30'000};      // older figures are not told
};

class ResourceTable {
 public:
  using Steady = reconcilers::Clock::Steady;

  explicit ResourceTable(ResourceIntervals intervals) : intervals_(intervals) {}

  // True: nobody had asked lately, and nothing is known.
  bool Ask(const api::ObjectKey& app, Steady now);
  // Its containers are looked up anew at once.
  void LookAgain(const api::ObjectKey& app);
  // Forgets what nobody asks about any more.
  void Expire(Steady now);

  // Apps whose containers are to be looked up now: a Sync is owed for each.
  [[nodiscard]] std::vector<api::ObjectKey> ToSync(Steady now) const;
  void Sync(const api::ObjectKey& app, const std::vector<ResourceTarget>& targets, Steady now);

  // Containers to look at now, at most `most`, those that wait for their first figures before the
  // others; a Record is owed for each.
  [[nodiscard]] std::vector<std::string> Take(Steady now, std::size_t most);
  void Record(const std::string& id, const Result<reconcilers::StatsSample>& sample, Steady now,
              api::Time wall);

  // Are there figures of each container, or a reason for none?
  [[nodiscard]] bool Settled(const api::ObjectKey& app) const;
  // As Kubernetes does: a replica of which a part is not known is left out.
  [[nodiscard]] MeasuredReplicas Replicas(const api::ObjectKey& app, Steady now) const;

  // When there is something to do next, unless somebody asks.
  [[nodiscard]] std::optional<Steady> NextDue() const;

 private:
  struct Figures {
    double cpu = 0;
    double memory = 0;
    std::chrono::nanoseconds window{};
    api::Time wall{};
    Steady at{};
  };
  struct Entry {
    api::ObjectKey app;
    ResourceTarget target;
    std::optional<reconcilers::StatsSample> last;
    Steady last_at{};
    std::optional<Figures> figures;
    bool settled = false;
    Steady due{};
  };
  struct App {
    Steady asked{};
    Steady next_sync{};
    bool synced = false;
    std::set<std::string> ids;
    std::size_t unsettled = 0;
  };

  void Drop(App& app, const std::string& id);
  void Schedule(const std::string& id, Entry& entry, Steady due);
  // False: two looks do not tell it (it was restarted between them, or no time passed).
  static bool Compute(Entry& entry, const reconcilers::StatsSample& sample, Steady now,
                      api::Time wall);

  const ResourceIntervals intervals_;
  std::map<api::ObjectKey, App> apps_;
  std::unordered_map<std::string, Entry> entries_;  // by container id
  std::set<std::pair<Steady, std::string>> queue_;  // those that nobody looks at right now
};

}  // namespace ballast::runtime
