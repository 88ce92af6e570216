// Requests that wait in HAProxy for a server (haproxy/hold.h): a reload is put off for them, and
// those that wait in a worker that was replaced all the same are let go too; see
// load_balancer_traffic.h. Everything here runs with the lock held.
#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/haproxy/stats.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::BackendModel;
using haproxy::ServerModel;
using haproxy::StatKind;
using haproxy::StatRow;

std::string ShowStat(const std::string& backend) {
  constexpr int kBackendAndServers = 6;
  return fmt::format("show stat {} {} -1", backend, kBackendAndServers);
}

// Requests that are in a backend without being in one of its servers, nor in a queue of one that
// can take them.
std::int64_t Held(const std::vector<StatRow>& rows) {
  std::int64_t held = 0;
  for (const StatRow& row : rows) {
    if (row.kind == StatKind::kBackend && row.active_servers > 0) return 0;
    held += row.kind == StatKind::kBackend ? row.current_sessions : -row.current_sessions;
    held -= std::max<std::int64_t>(row.queued, 0);
  }
  return held;
}

}  // namespace

// One of its servers that takes traffic; null: none does.
const ServerModel* LoadBalancerTraffic::TakesTraffic(const BackendModel& backend) const {
  const auto server = std::ranges::find_if(backend.servers, [&](const ServerModel& one) {
    const auto seen = servers_.find({backend.name, one.name});
    return one.admin == ServerAdmin::kReady && seen != servers_.end() && seen->second.up;
  });
  return server == backend.servers.end() ? nullptr : &*server;
}

// Does the reload that is due wait for requests that wait? It would leave them behind: AdmitLate
// lets them go too, but only if the next server comes from this controller. Not for long, since
// others wait for the reload; not when the reload is what a server may be missing for.
bool LoadBalancerTraffic::PutOff() {
  if (!must_reload_.empty() || !applied_->holds) return false;
  std::vector<std::string> names;
  std::vector<std::string> commands;
  for (const BackendModel& backend : applied_->backends) {
    if (backend.hold_seconds == 0 || TakesTraffic(backend) != nullptr) continue;
    names.push_back(backend.name);
    commands.push_back(ShowStat(backend.name));
  }
  if (names.empty()) return false;
  const Result<std::vector<std::string>> replies = plane_->Commands(commands);
  if (!replies) return false;  // found out by others
  std::vector<std::string> waiting;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto rows = haproxy::ParseShowStat((*replies)[i]);
    if (rows && Held(*rows) > 0) waiting.push_back(names[i]);
  }
  if (waiting.empty()) return false;
  const auto now = d_.clock.Now();
  if (!put_off_since_) {
    put_off_since_ = now;
    d_.events.Record(
        key_, EventType::kNormal, api::reason::kReloadPutOff,
        fmt::format("requests wait for a replica of {}: a reload waits for them, {} s at most ({})",
                    fmt::join(waiting, ", "), kHeldPatience / std::chrono::seconds(1),
                    dirty_ ? fmt::format("{}", fmt::join(dirty_->reasons, "; ")) : ""));
  }
  return now - *put_off_since_ < kHeldPatience;
}

// After whatever may have replaced workers: a reload, another instance, another controller.
void LoadBalancerTraffic::ExpectLate() {
  late_until_.reset();
  if (!applied_ || !applied_->holds) return;
  int longest = 0;
  for (const BackendModel& backend : applied_->backends) {
    longest = std::max(longest, backend.hold_seconds);
  }
  if (longest > 0) late_until_ = d_.clock.Now() + std::chrono::seconds(longest + 1);
}

// Gives a server to replaced workers in which requests wait. False: there are none any more.
bool LoadBalancerTraffic::AdmitLate() {
  if (!late_until_ || !attached_ || !applied_) return false;
  std::vector<std::pair<DataPlane*, int>> workers;
  const auto add = [&workers](DataPlane& plane, bool old_only) {
    const Result<std::vector<WorkerProcess>> processes = plane.Processes();
    if (!processes) return;
    for (const WorkerProcess& process : *processes) {
      if (process.old || !old_only) workers.emplace_back(&plane, process.pid);
    }
  };
  add(*plane_, true);
  for (const auto& [number, plane] : retiring_) add(*plane, false);
  if (workers.empty() || d_.clock.Now() >= *late_until_) {
    late_until_.reset();
    return false;
  }
  for (const BackendModel& backend : applied_->backends) {
    if (backend.hold_seconds == 0) continue;
    const ServerModel* const server = TakesTraffic(backend);
    if (server == nullptr) continue;
    for (const auto& [plane, pid] : workers) {
      const Result<std::string> reply = plane->OnWorker(pid, ShowStat(backend.name));
      const auto rows = reply ? haproxy::ParseShowStat(*reply) : std::unexpected(reply.error());
      if (!rows || Held(*rows) <= 0) continue;
      const bool has = std::ranges::any_of(*rows, [&](const StatRow& row) {
        return row.kind == StatKind::kServer && row.name == haproxy::LateName(server->name);
      });
      if (has) continue;  // its script is about to see it
      static_cast<void>(plane->OnWorker(pid, haproxy::LateServerCommand(backend, *server).text));
    }
  }
  return true;
}

}  // namespace ballast::reconcilers
