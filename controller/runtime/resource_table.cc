#include "controller/runtime/resource_table.h"

#include <algorithm>

namespace ballast::runtime {
namespace {

using reconcilers::StatsSample;
using std::chrono::nanoseconds;

// The engine's clock tells best when it looked, but somebody may have set it in between.
constexpr std::chrono::seconds kMostDrift{2};

nanoseconds Between(const StatsSample& before, const StatsSample& after, nanoseconds by_ours) {
  const nanoseconds by_engine = after.at - before.at;
  const nanoseconds drift = by_engine - by_ours;
  return by_engine.count() > 0 && drift < kMostDrift && -drift < kMostDrift ? by_engine : by_ours;
}

}  // namespace

bool ResourceTable::Ask(const api::ObjectKey& app, Steady now) {
  const auto [found, added] = apps_.try_emplace(app);
  found->second.asked = now;
  return added;
}

void ResourceTable::LookAgain(const api::ObjectKey& app) {
  const auto found = apps_.find(app);
  if (found == apps_.end()) return;
  found->second.next_sync = {};
  found->second.synced = false;
}

void ResourceTable::Expire(Steady now) {
  for (auto it = apps_.begin(); it != apps_.end();) {
    App& app = it->second;
    if (now - app.asked < intervals_.interest) {
      ++it;
      continue;
    }
    while (!app.ids.empty()) Drop(app, std::string(*app.ids.begin()));
    it = apps_.erase(it);
  }
}

std::vector<api::ObjectKey> ResourceTable::ToSync(Steady now) const {
  std::vector<api::ObjectKey> due;
  for (const auto& [key, app] : apps_) {
    if (app.next_sync <= now) due.push_back(key);
  }
  return due;
}

void ResourceTable::Sync(const api::ObjectKey& app, const std::vector<ResourceTarget>& targets,
                         Steady now) {
  const auto found = apps_.find(app);
  if (found == apps_.end()) return;
  App& known = found->second;
  known.next_sync = now + intervals_.interval;
  known.synced = true;
  std::set<std::string> gone = known.ids;
  for (const ResourceTarget& target : targets) {
    gone.erase(target.id);
    const auto [entry, added] = entries_.try_emplace(target.id);
    entry->second.target = target;
    if (!added) continue;
    entry->second.app = app;
    known.ids.insert(target.id);
    ++known.unsettled;
    Schedule(target.id, entry->second, Steady{});
  }
  for (const std::string& id : gone) Drop(known, id);
}

std::vector<std::string> ResourceTable::Take(Steady now, std::size_t most) {
  std::vector<std::string> ids;
  while (ids.size() < most && !queue_.empty() && queue_.begin()->first <= now) {
    ids.push_back(queue_.begin()->second);
    queue_.erase(queue_.begin());
  }
  return ids;
}

void ResourceTable::Record(const std::string& id, const Result<StatsSample>& sample, Steady now,
                           api::Time wall) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;  // nobody asks any more
  Entry& entry = found->second;
  auto wait = intervals_.interval;
  bool settled = true;
  if (sample) {
    if (!Compute(entry, *sample, now, wall)) {
      wait = intervals_.first_interval;
      settled = false;
    }
    entry.last = *sample;
    entry.last_at = now;
  } else if (sample.error().code == Code::kNotFound ||
             sample.error().code == Code::kFailedPrecondition) {
    entry.last.reset();
    entry.figures.reset();
  }
  // What is left is an engine that does not answer: the last figures hold until they are too old.
  if (settled && !entry.settled) {
    entry.settled = true;
    --apps_.at(entry.app).unsettled;
  }
  Schedule(id, entry, now + wait);
}

bool ResourceTable::Settled(const api::ObjectKey& app) const {
  const auto found = apps_.find(app);
  return found != apps_.end() && found->second.synced && found->second.unsettled == 0;
}

MeasuredReplicas ResourceTable::Replicas(const api::ObjectKey& app, Steady now) const {
  MeasuredReplicas replicas;
  std::set<std::string> incomplete;
  const auto found = apps_.find(app);
  if (found == apps_.end()) return replicas;
  for (const std::string& id : found->second.ids) {
    const Entry& entry = entries_.at(id);
    const auto& figures = entry.figures;
    if (!figures || now - figures->at > intervals_.max_age) {
      incomplete.insert(entry.target.replica);
      continue;
    }
    const auto [place, added] = replicas.try_emplace(entry.target.replica);
    MeasuredReplica& replica = place->second;
    replica.total.cpu += figures->cpu;
    replica.total.memory += figures->memory;
    replica.total.at = added ? figures->wall : std::min(replica.total.at, figures->wall);
    replica.window = std::max(replica.window, figures->window);
    replica.containers.push_back({entry.target.sidecar, figures->cpu, figures->memory});
  }
  for (const std::string& name : incomplete) replicas.erase(name);
  for (auto& [name, replica] : replicas) {
    std::ranges::sort(replica.containers, {}, &MeasuredContainer::sidecar);
  }
  return replicas;
}

std::optional<ResourceTable::Steady> ResourceTable::NextDue() const {
  std::optional<Steady> next;
  const auto at = [&next](Steady time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [key, app] : apps_) at(std::min(app.next_sync, app.asked + intervals_.interest));
  if (!queue_.empty()) at(queue_.begin()->first);
  return next;
}

void ResourceTable::Drop(App& app, const std::string& id) {
  const auto found = entries_.find(id);
  if (!found->second.settled) --app.unsettled;
  queue_.erase({found->second.due, id});
  entries_.erase(found);
  app.ids.erase(id);
}

void ResourceTable::Schedule(const std::string& id, Entry& entry, Steady due) {
  queue_.erase({entry.due, id});
  entry.due = due;
  queue_.emplace(due, id);
}

bool ResourceTable::Compute(Entry& entry, const StatsSample& sample, Steady now, api::Time wall) {
  if (!entry.last || sample.cpu_nanoseconds < entry.last->cpu_nanoseconds) return false;
  const nanoseconds window = Between(*entry.last, sample, now - entry.last_at);
  if (window.count() <= 0) return false;
  const auto used = static_cast<double>(sample.cpu_nanoseconds - entry.last->cpu_nanoseconds);
  double cpu = used / static_cast<double>(window.count());
  if (sample.online_cpus > 0) cpu = std::min(cpu, static_cast<double>(sample.online_cpus));
  entry.figures = Figures{.cpu = cpu,
                          .memory = static_cast<double>(std::max<std::int64_t>(sample.memory, 0)),
                          .window = window,
                          .wall = wall,
                          .at = now};
  return true;
}

}  // namespace ballast::runtime
