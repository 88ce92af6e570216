#include "controller/probe/probe_monitor.h"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "controller/probe/net_probe.h"
#include "controller/probe/probe_state.h"
#include "controller/runtime/log.h"

namespace ballast::probe {
namespace {

namespace asio = boost::asio;
using reconcilers::Health;
using reconcilers::ProbeTarget;
using Steady = reconcilers::Clock::Steady;

constexpr std::size_t kMaxExecOutput = 200;

// A start time that only becomes known later changes nothing.
bool SameTarget(const ProbeTarget& known, const ProbeTarget& wanted) {
  if (known.started_at != api::Time{} && wanted.started_at != api::Time{}) return known == wanted;
  ProbeTarget with_start = wanted;
  with_start.started_at = known.started_at;
  return known == with_start;
}

std::string_view NameOf(ProbeKind kind) {
  switch (kind) {
    case ProbeKind::kStartup:
      return "startup";
    case ProbeKind::kReadiness:
      return "readiness";
    case ProbeKind::kLiveness:
      return "liveness";
  }
  return "";
}

// Only the command's own exit code or timeout says something of the container. Any other error is
// the engine's: while Docker is away, every replica would be taken out and then killed for it.
ProbeResult JudgeExec(const Result<reconcilers::ExecResult>& result, const std::string& command) {
  const std::string what = "exec " + command + ": ";
  if (!result) {
    const bool its_own = result.error().code == Code::kTimeout;
    return {its_own ? Verdict::kFailure : Verdict::kNone, what + result.error().message};
  }
  if (result->exit_code == 0) return {Verdict::kSuccess, ""};
  const std::string first = result->output.substr(0, result->output.find('\n'));
  return {Verdict::kFailure,
          fmt::format("{}exit code {}{}{}", what, result->exit_code, first.empty() ? "" : ": ",
                      first.substr(0, kMaxExecOutput))};
}

std::string_view NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFailure:
      return "failure";
    case Verdict::kSuccess:
      return "success";
    case Verdict::kNone:
      return "error";
  }
  return "";
}

// A container that is being probed. The io thread only.
struct Watched {
  Watched(asio::io_context& io, ProbeTarget what, ProbeState first)
      : target(std::move(what)), state(std::move(first)), timer(io) {}
  ProbeTarget target;
  ProbeState state;
  asio::steady_timer timer;
};
using WatchedPtr = std::shared_ptr<Watched>;

}  // namespace

class ProbeMonitor::Impl {
 public:
  Impl(reconcilers::Engine& engine, const reconcilers::Clock& clock,
       reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics, Options options)
      : engine_(engine),
        clock_(clock),
        enqueuer_(enqueuer),
        metrics_(metrics),
        options_(options),
        work_(asio::make_work_guard(io_)),
        execs_(options.exec_threads) {}
  ~Impl() { Stop(); }

  void Start() {
    if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  }

  void Stop() {
    io_.stop();
    execs_.stop();
    execs_.join();
    if (thread_.joinable()) thread_.join();
  }

  void Watch(const ProbeTarget& target) {
    const std::lock_guard lock(mutex_);
    const auto known = results_.find(target.container_id);
    if (known != results_.end() && SameTarget(known->second.target, target)) {
      if (target.started_at != api::Time{}) known->second.target.started_at = target.started_at;
      return;
    }
    const Steady now = clock_.Now();
    auto watched =
        std::make_shared<Watched>(io_, target, ProbeState(target, StartOf(target, now), now));
    results_[target.container_id] = {target, watched->state.health(), watched.get()};
    // Under the lock, so that the io thread hears of Watch and Forget in the order of the calls.
    asio::post(io_, [this, watched = std::move(watched)] {
      WatchedPtr& place = watched_[watched->target.container_id];
      if (place) place->timer.cancel();
      place = watched;
      Arm(watched);
    });
  }

  void Forget(const std::string& container_id) {
    const std::lock_guard lock(mutex_);
    if (results_.erase(container_id) == 0) return;
    asio::post(io_, [this, container_id] {
      const auto found = watched_.find(container_id);
      if (found == watched_.end()) return;
      found->second->timer.cancel();
      watched_.erase(found);
    });
  }

  Health Get(const std::string& container_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = results_.find(container_id);
    return found == results_.end() ? Health{} : found->second.health;
  }

 private:
  struct Known {
    ProbeTarget target;
    Health health;
    const Watched* watched = nullptr;  // whose health it is
  };

  [[nodiscard]] Steady StartOf(const ProbeTarget& target, Steady now) const {
    if (target.started_at == api::Time{}) return now;
    const auto age = clock_.WallNow() - target.started_at;
    return now - std::max(age, api::Time::duration::zero());
  }

  void Run() {
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::exception& exception) {
        runtime::Log(runtime::LogLevel::kError, "Exception in a probe",
                     {{"error", exception.what()}});
      }
    }
  }

  [[nodiscard]] bool Current(const WatchedPtr& watched) const {
    const auto found = watched_.find(watched->target.container_id);
    return found != watched_.end() && found->second == watched;
  }

  void Arm(const WatchedPtr& watched) {
    const std::optional<Steady> due = watched->state.NextDue();
    if (!due) return;
    watched->timer.expires_after(*due - clock_.Now());
    watched->timer.async_wait([this, watched](const boost::system::error_code& cancelled) {
      if (cancelled || !Current(watched)) return;
      for (const ProbeKind kind : watched->state.Due(clock_.Now())) Begin(watched, kind);
      Arm(watched);
    });
  }

  void Begin(const WatchedPtr& watched, ProbeKind kind) {
    const api::Probe& probe = watched->state.probe(kind);
    if (const auto* exec = std::get_if<api::ExecAction>(&probe.action)) {
      BeginExec(watched, kind, *exec, std::chrono::seconds(probe.timeout_seconds));
    } else if (in_flight_ >= options_.max_in_flight) {
      waiting_.emplace_back(watched, kind);
    } else {
      ++in_flight_;
      NetProbe::Run(io_, probe, watched->target.address, watched->target.port,
                    [this, watched, kind](const ProbeResult& result) {
                      --in_flight_;
                      End(watched, kind, result);
                      BeginWaiting();
                    });
    }
  }

  void BeginWaiting() {
    while (!waiting_.empty() && in_flight_ < options_.max_in_flight) {
      const auto [watched, kind] = std::move(waiting_.front());
      waiting_.pop_front();
      if (Current(watched)) Begin(watched, kind);
    }
  }

  void BeginExec(const WatchedPtr& watched, ProbeKind kind, const api::ExecAction& exec,
                 std::chrono::seconds timeout) {
    const std::string& id = watched->target.container_id;
    asio::post(execs_, [this, watched, kind, id, command = exec.command, timeout] {
      const std::string name = command.empty() ? std::string() : command.front();
      ProbeResult result = JudgeExec(engine_.Exec(id, command, timeout), name);
      asio::post(io_,
                 [this, watched, kind, result = std::move(result)] { End(watched, kind, result); });
    });
  }

  void End(const WatchedPtr& watched, ProbeKind kind, const ProbeResult& result) {
    if (!Current(watched)) return;
    metrics_.Add("ballast_probes_total", 1,
                 {{"probe", NameOf(kind)}, {"result", NameOf(result.verdict)}});
    bool changed = false;
    if (result.verdict == Verdict::kNone) {
      watched->state.OnNoResult(kind, result.message, clock_.Now());
    } else {
      changed = watched->state.OnResult(kind, result.verdict == Verdict::kSuccess, result.message,
                                        clock_.Now());
    }
    {
      const std::lock_guard lock(mutex_);
      const auto known = results_.find(watched->target.container_id);
      if (known == results_.end() || known->second.watched != watched.get()) return;
      known->second.health = watched->state.health();
    }
    if (changed) {
      const Health& health = watched->state.health();
      runtime::Log(runtime::LogLevel::kDebug, "Health changed",
                   {{"object", watched->target.app},
                    {"container", watched->target.container_id},
                    {"started", health.started},
                    {"ready", health.ready},
                    {"alive", health.alive},
                    {"message", health.message}});
      enqueuer_.Enqueue(watched->target.app);
    }
    Arm(watched);
  }

  reconcilers::Engine& engine_;
  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer& enqueuer_;
  reconcilers::Metrics& metrics_;
  const Options options_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Known> results_;

  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  // The io thread's own.
  std::unordered_map<std::string, WatchedPtr> watched_;
  std::deque<std::pair<WatchedPtr, ProbeKind>> waiting_;
  std::size_t in_flight_ = 0;

  asio::thread_pool execs_;
  std::thread thread_;
};

ProbeMonitor::ProbeMonitor(reconcilers::Engine& engine, const reconcilers::Clock& clock,
                           reconcilers::Enqueuer& enqueuer, reconcilers::Metrics& metrics,
                           Options options)
    : impl_(std::make_unique<Impl>(engine, clock, enqueuer, metrics, options)) {}
ProbeMonitor::~ProbeMonitor() = default;

void ProbeMonitor::Start() { impl_->Start(); }
void ProbeMonitor::Stop() { impl_->Stop(); }
void ProbeMonitor::Watch(const reconcilers::ProbeTarget& target) { impl_->Watch(target); }
void ProbeMonitor::Forget(const std::string& container_id) { impl_->Forget(container_id); }
reconcilers::Health ProbeMonitor::Get(const std::string& container_id) const {
  return impl_->Get(container_id);
}

}  // namespace ballast::probe
