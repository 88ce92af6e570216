#include "reconcilers/loadbalancer/load_probe.h"

#include <algorithm>
#include <vector>

#include "reconcilers/haproxy/replies.h"
#include "reconcilers/haproxy/stats.h"
#include "reconcilers/loadbalancer/target.h"

namespace ballast::reconcilers {
namespace {

using haproxy::StatKind;
using haproxy::StatRow;

// Backends and servers; backends alone: 0.1 ms however many servers there are.
constexpr char kShowServers[] = "show stat -1 6 -1";
constexpr char kShowBackends[] = "show stat -1 2 -1";

std::int64_t NotLess(std::int64_t value) { return std::max<std::int64_t>(value, 0); }

TrafficCounters CountersOf(const StatRow& row) {
  return {.arrived = NotLess(row.total_sessions),
          .ended = NotLess(row.requests),
          .errors = NotLess(row.errors),
          .mean_millis =
              NotLess(row.queue_time) + NotLess(row.connect_time) + NotLess(row.response_time),
          .current = static_cast<int>(NotLess(row.current_sessions)),
          .queued = static_cast<int>(NotLess(row.queued))};
}

// In a backend's sessions there are those that wait in queues; what is neither there nor at a
// server while none takes traffic is held until one does.
void Complete(BackendCounters& backend) {
  int at_servers = 0;
  for (ServerCounters& server : backend.servers) {
    at_servers += server.counters.current + server.counters.queued;
    backend.counters.queued += server.counters.queued;
    server.counters.current += server.counters.queued;
  }
  if (backend.active_servers == 0) {
    backend.held = std::max(0, backend.counters.current - at_servers);
    backend.counters.queued = std::max(backend.counters.queued, backend.held);
  }
  std::ranges::sort(backend.servers, {}, &ServerCounters::name);
}

}  // namespace

Result<std::vector<BackendCounters>> CountersOf(std::string_view show_stat) {
  const Result<std::vector<StatRow>> rows = haproxy::ParseShowStat(show_stat);
  if (!rows) return std::unexpected(rows.error());
  std::vector<BackendCounters> backends;
  BackendCounters current;
  // The rows of a backend's servers come before its own.
  for (const StatRow& row : *rows) {
    if (row.kind == StatKind::kServer) {
      current.servers.push_back({std::string(row.name), CountersOf(row)});
      continue;
    }
    if (row.kind != StatKind::kBackend) continue;
    current.app = AppOfBackend(std::string(row.proxy));
    if (!current.app.ns.empty()) {
      current.counters = CountersOf(row);
      current.active_servers = static_cast<int>(NotLess(row.active_servers));
      Complete(current);
      backends.push_back(std::move(current));
    }
    current = {};
  }
  std::ranges::sort(backends, {}, &BackendCounters::app);
  return backends;
}

void LoadProbe::Follow(const InstanceRef& serving, const std::set<int>& retiring, int reloads) {
  reloads_ = reloads;
  if (serving_ != serving || plane_ == nullptr) {
    serving_ = serving;
    plane_ = planes_.Open(serving);
    old_workers_ = true;
    leave_alone_until_.reset();
  }
  std::erase_if(retiring_, [&](const auto& entry) { return !retiring.contains(entry.first); });
  for (const int number : retiring) {
    if (retiring_.contains(number)) continue;
    retiring_[number] = planes_.Open({serving.load_balancer, number, ""});
  }
}

Result<LoadReading> LoadProbe::Read() {
  if (plane_ == nullptr) return Error(Code::kUnavailable, "no HAProxy has answered yet");
  if (leave_alone_until_ && clock_.Now() < *leave_alone_until_) {
    return Error(Code::kTimeout, "HAProxy did not answer in time");
  }
  leave_alone_until_.reset();
  Result<Answers> answers = Ask();
  // A connection that a reload or a restart has ended is told of once; the next one is fine.
  if (!answers && answers.error().code == Code::kUnavailable) answers = Ask();
  if (!answers) {
    if (answers.error().code == Code::kTimeout) leave_alone_until_ = clock_.Now() + kLeaveAlone;
    return std::unexpected(answers.error());
  }
  LoadReading reading{.reloads = reloads_, .at = clock_.Now()};
  reading.process = std::to_string(serving_.number) + "/" + haproxy::ProcessIdentity(answers->info);
  Result<std::vector<BackendCounters>> backends = CountersOf(answers->stat);
  if (!backends) return std::unexpected(backends.error());
  reading.backends = *std::move(backends);
  if (process_ != reading.process) old_workers_ = true;
  process_ = reading.process;
  AddElsewhere(reading);
  return reading;
}

Result<LoadProbe::Answers> LoadProbe::Ask() {
  Result<std::vector<std::string>> replies = plane_->Commands({"show info", kShowServers});
  if (!replies) return std::unexpected(replies.error());
  if (replies->size() != 2) return Error(Code::kInternal, "HAProxy answered something else");
  return Answers{std::move((*replies)[0]), std::move((*replies)[1])};
}

// Old workers exist only after a reload: they are looked for once there was one, until none is
// left. What cannot be learned of them is left out.
void LoadProbe::AddElsewhere(LoadReading& reading) {
  std::vector<std::string> replies;
  if (old_workers_) {
    if (Result<std::vector<std::string>> old = plane_->OldWorkers(kShowBackends)) {
      old_workers_ = !old->empty();
      replies = *std::move(old);
    }
  }
  for (const auto& [number, plane] : retiring_) {
    const Result<std::vector<WorkerProcess>> workers = plane->Processes();
    if (!workers) continue;
    for (const WorkerProcess& worker : *workers) {
      Result<std::string> reply = plane->OnWorker(worker.pid, kShowBackends);
      if (reply) replies.push_back(*std::move(reply));
    }
  }
  for (const std::string& reply : replies) {
    const Result<std::vector<BackendCounters>> old = CountersOf(reply);
    if (!old) continue;
    for (const BackendCounters& backend : *old) {
      const auto it =
          std::ranges::lower_bound(reading.backends, backend.app, {}, &BackendCounters::app);
      if (it == reading.backends.end() || it->app != backend.app) continue;
      it->elsewhere += backend.counters.current;
    }
  }
}

}  // namespace ballast::reconcilers
