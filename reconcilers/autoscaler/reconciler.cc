#include "reconcilers/autoscaler/reconciler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/reasons.h"
#include "reconcilers/autoscaler/decision_json.h"
#include "reconcilers/autoscaler/history.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;
namespace reason = api::reason;

// How much a newly measured start-up counts against what was known.
constexpr double kNewStartup = 0.3;
// One that takes longer has other reasons than starting: an image that is pulled, a crash.
constexpr double kLongestStartup = 600;

std::int64_t SecondOf(api::Time time) {
  return duration_cast<seconds>(time.time_since_epoch()).count();
}

std::string Replicas(int count) {
  return std::to_string(count) + (count == 1 ? " replica" : " replicas");
}

}  // namespace

struct AutoscalerReconciler::Memory {
  bool recalled = false;
  ScalingHistory history;
  // Scale-ups that are not all in service yet.
  struct Awaited {
    Clock::Steady since{};
    int replicas = 0;
  };
  std::deque<Awaited> awaited;
  std::optional<Decision> last;
  DecisionRow row;
  bool row_saved = true;
  std::optional<Clock::Steady> saved_at;
  std::optional<Clock::Steady> shown_at;
  std::optional<api::AutoscalerStatus> shown;
  std::string missing;  // the metric that is not known, and why
  std::optional<Clock::Steady> missing_since;
  bool told_unread = false;
  std::string told;  // the last warning, so that it is not said each second
};

struct AutoscalerReconciler::Pass {
  const api::ObjectKey key;
  const Clock::Steady now;
  Memory& memory;
  std::shared_ptr<const api::Autoscaler> autoscaler;
  std::shared_ptr<const api::WebApp> app;
  std::optional<LoadSeries> load;
  DecideInput input;
  Decision decision;
  AutoscalerProblems problems;
};

AutoscalerReconciler::AutoscalerReconciler(AutoscalerDependencies dependencies)
    : d_(dependencies) {}
AutoscalerReconciler::~AutoscalerReconciler() = default;

AutoscalerReconciler::Memory& AutoscalerReconciler::MemoryOf(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Memory>& memory = memory_[key];
  if (!memory) memory = std::make_unique<Memory>();
  return *memory;
}

void AutoscalerReconciler::Forget(const api::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  memory_.erase(key);
}

Result<Outcome> AutoscalerReconciler::Reconcile(const api::ObjectKey& key) {
  std::shared_ptr<const api::Autoscaler> autoscaler;
  const Presence presence = d_.desired.GetAutoscaler(key, autoscaler);
  if (presence != Presence::kPresent) {
    Forget(key);
    d_.status.Remove(key);
    // Deleted, and not only unread: one of the same name starts anew.
    if (presence == Presence::kAbsent) {
      if (auto forgotten = d_.history.Forget(key); !forgotten) {
        return std::unexpected(forgotten.error());
      }
    }
    return Outcome();
  }
  Pass pass{.key = key,
            .now = d_.clock.Now(),
            .memory = MemoryOf(key),
            .autoscaler = std::move(autoscaler),
            .app = nullptr,
            .load = std::nullopt,
            .input = {},
            .decision = {},
            .problems = {}};
  Recall(pass);
  const api::ScaleTargetRef& target = pass.autoscaler->spec.scale_target_ref;
  const api::ObjectKey app_key{"WebApp", key.ns, target.name};
  switch (d_.desired.GetWebApp(app_key, pass.app)) {
    case Presence::kPresent:
      break;
    case Presence::kUnknown:
      if (!d_.desired.LookedOnce()) return Outcome{.requeue_after = kLookAgain};
      [[fallthrough]];
    case Presence::kAbsent:
      return Idle(pass, "there is no WebApp " + target.name + " in the namespace " + key.ns);
  }
  if (!pass.app->spec.pod_template) {
    return Idle(pass, "WebApp " + target.name +
                          " has no template: it is a pool of labelled containers, which Ballast "
                          "does not start");
  }
  Observe(pass);
  LearnStartup(pass);
  pass.decision = Decide(pass.input, pass.memory.history);
  if (!pass.memory.recalled && pass.decision.replicas < pass.input.current) {
    pass.decision.replicas = pass.input.current;
    pass.decision.message = "what was decided before cannot be read: nothing is scaled down";
  }
  auto acted = Act(pass);
  KeepDecision(pass);
  Show(pass, MakeAutoscalerStatus(*pass.autoscaler, pass.input, pass.decision, pass.memory.history,
                                  pass.problems));
  if (!acted) return std::unexpected(acted.error());
  return Outcome{.requeue_after = kLookAgain};
}

// What an earlier controller knew. While it cannot be read, nothing is scaled down: who has
// forgotten the peak of a minute ago would.
void AutoscalerReconciler::Recall(Pass& pass) {
  Memory& memory = pass.memory;
  if (memory.recalled) return;
  const auto stored = d_.history.LoadState(pass.key);
  if (!stored) {
    pass.problems.history = stored.error().message;
    if (!std::exchange(memory.told_unread, true)) {
      d_.events.Record(pass.key, EventType::kWarning, reason::kHistoryNotRead,
                       "what was decided before cannot be read, nothing is scaled down until it "
                       "can: " +
                           stored.error().message);
    }
    return;
  }
  if (!stored->empty()) {
    auto decoded = DecodeScalingHistory(*stored);
    if (decoded) {
      memory.history = std::move(*decoded);
    } else {
      d_.events.Record(
          pass.key, EventType::kWarning, reason::kHistoryNotKept,
          "what was decided before is not understood, and forgotten: " + decoded.error().message);
    }
  }
  memory.recalled = true;
}

Result<Outcome> AutoscalerReconciler::Idle(Pass& pass, std::string why) {
  if (pass.memory.told != why) {
    d_.events.Record(pass.key, EventType::kWarning, reason::kFailedGetScale, why);
    pass.memory.told = why;
  }
  pass.problems.target = std::move(why);
  pass.memory.awaited.clear();
  Show(pass, MakeIdleStatus(*pass.autoscaler, pass.problems));
  return Outcome{.requeue_after = kLookAgain};
}

void AutoscalerReconciler::Observe(Pass& pass) {
  const api::AutoscalerSpec& spec = pass.autoscaler->spec;
  const api::ObjectKey app = pass.app->Key();
  DecideInput& input = pass.input;
  input.spec = &spec;
  input.current = pass.app->spec.replicas;
  input.now = d_.clock.WallNow();
  input.startup_seconds = pass.memory.history.startup_seconds;
  input.zones = &d_.zones;
  pass.load = d_.load.Load(app);
  if (pass.load) {
    input.load = &*pass.load;
    if (const LoadSample* last = pass.load->Last()) input.in_service = last->in_service;
  }
  input.held = d_.load.Held(app);
  const bool resources = std::ranges::any_of(spec.metrics, [](const api::Metric& metric) {
    return metric.type == api::MetricType::kResource;
  });
  if (resources) {
    // As measured: of all containers of a replica together.
    double cpu_limit = 0;
    double memory_limit = 0;
    bool all_cpu = true;
    bool all_memory = true;
    for (const api::Container& container : pass.app->spec.pod_template->containers) {
      cpu_limit += static_cast<double>(container.limits.cpu_millis) / 1000;
      memory_limit += static_cast<double>(container.limits.memory_bytes);
      all_cpu = all_cpu && container.limits.cpu_millis > 0;
      all_memory = all_memory && container.limits.memory_bytes > 0;
    }
    if (!all_cpu) cpu_limit = 0;  // percent of what?
    if (!all_memory) memory_limit = 0;
    for (const auto& [replica, sample] : d_.load.Resources(app)) {
      input.usage.push_back({.replica = replica,
                             .ready = true,
                             .started = {},
                             .cpu = sample.cpu,
                             .memory = sample.memory,
                             .cpu_limit = cpu_limit,
                             .memory_limit = memory_limit});
    }
    // Those on their way, and those that cannot be measured, are missing, as HPA says: they count
    // as idle where the others ask for more, and as busy where they ask for fewer.
    while (!input.usage.empty() && std::ssize(input.usage) < input.current) {
      input.usage.push_back({.replica = "",
                             .ready = true,
                             .started = {},
                             .cpu = std::nullopt,
                             .memory = std::nullopt,
                             .cpu_limit = cpu_limit,
                             .memory_limit = memory_limit});
    }
  }
  for (std::size_t i = 0; i < spec.metrics.size(); ++i) {
    if (spec.metrics[i].type != api::MetricType::kExternal) continue;
    input.external[i] = d_.external.Read(spec.metrics[i].prometheus);
  }
}

// From the decision to the last of its replicas in service.
void AutoscalerReconciler::LearnStartup(Pass& pass) {
  auto& awaited = pass.memory.awaited;
  // Somebody else has scaled: nobody knows what is waited for.
  if (!awaited.empty() && awaited.back().replicas != pass.input.current) awaited.clear();
  while (!awaited.empty() && pass.input.in_service >= awaited.front().replicas) {
    const double took = std::chrono::duration<double>(pass.now - awaited.front().since).count();
    awaited.pop_front();
    if (took < 0 || took > kLongestStartup) continue;
    double& known = pass.memory.history.startup_seconds;
    known = known == 0 ? took : known + kNewStartup * (took - known);
  }
}

// In its first seconds, and for a moment later, a metric may well be unknown: nobody needs to hear
// of that.
void AutoscalerReconciler::TellMissing(Pass& pass) {
  Memory& memory = pass.memory;
  std::string missing;
  for (const MetricProposal& metric : pass.decision.metrics) {
    if (!metric.replicas && missing.empty()) missing = metric.name + ": " + metric.problem;
  }
  if (missing.empty() || missing != memory.missing) {
    memory.missing_since = missing.empty() ? std::nullopt : std::optional(pass.now);
    memory.missing = std::move(missing);
    if (memory.missing.empty()) memory.told.clear();
    return;
  }
  if (memory.missing == memory.told || pass.now - *memory.missing_since < kTellMissingAfter) return;
  d_.events.Record(pass.key, EventType::kWarning, reason::kFailedGetMetric, memory.missing);
  memory.told = memory.missing;
}

Result<void> AutoscalerReconciler::Act(Pass& pass) {
  Memory& memory = pass.memory;
  const int from = pass.input.current;
  const int to = pass.decision.replicas;
  TellMissing(pass);
  if (to == from) return {};
  if (auto set = d_.scaler.SetReplicas(pass.app->Key(), from, to); !set) {
    pass.problems.update = set.error().message;
    // Somebody else was faster: the next pass sees what they wanted.
    if (set.error().code == Code::kConflict) return {};
    d_.events.Record(pass.key, EventType::kWarning, reason::kFailedUpdateScale,
                     "set " + Replicas(to) + ": " + set.error().message);
    return set;
  }
  NoteScaled(memory.history, SecondOf(pass.input.now), from, to);
  if (to > from) {
    memory.awaited.push_back({.since = pass.now, .replicas = to});
  } else {
    memory.awaited.clear();
  }
  d_.events.Record(
      pass.key, EventType::kNormal, reason::kSuccessfulRescale,
      "from " + std::to_string(from) + " to " + Replicas(to) + ": " + pass.decision.message);
  d_.metrics.Add("ballast_autoscaler_scalings_total", 1,
                 {{"namespace", pass.key.ns},
                  {"autoscaler", pass.key.name},
                  {"direction", to > from ? "up" : "down"}});
  return {};
}

void AutoscalerReconciler::KeepDecision(Pass& pass) {
  Memory& memory = pass.memory;
  const bool acted = pass.decision.replicas != pass.input.current;
  const bool same = memory.last && !acted && SameDecision(*memory.last, pass.decision);
  if (same) {
    ++memory.row.count;
    memory.row.last = pass.input.now;
    memory.row.json = EncodeDecision(pass.input, pass.decision);  // the figures of the newest
    memory.row_saved = false;
  } else {
    if (!memory.row_saved) static_cast<void>(d_.history.SaveDecision(pass.key, memory.row));
    memory.row = {.id = 0,
                  .first = pass.input.now,
                  .last = pass.input.now,
                  .count = 1,
                  .json = EncodeDecision(pass.input, pass.decision)};
    memory.row_saved = false;
  }
  memory.last = pass.decision;
  const bool due = !memory.saved_at || pass.now - *memory.saved_at >= kSaveEvery;
  if (acted || !same || due) SaveHistory(pass, acted || due);
}

// A decision that was acted on is written down at once, all else every now and then.
void AutoscalerReconciler::SaveHistory(Pass& pass, bool state) {
  Memory& memory = pass.memory;
  auto saved = d_.history.SaveDecision(pass.key, memory.row);
  memory.row_saved = saved.has_value();
  if (state && memory.recalled) {
    if (saved) saved = d_.history.SaveState(pass.key, EncodeScalingHistory(memory.history));
    memory.saved_at = pass.now;
  }
  if (!saved) {
    d_.events.Record(pass.key, EventType::kWarning, reason::kHistoryNotKept,
                     "what was decided could not be written down: " + saved.error().message);
  }
}

void AutoscalerReconciler::Show(Pass& pass, api::AutoscalerStatus status) {
  Memory& memory = pass.memory;
  for (api::Condition& condition : status.conditions) {
    condition.last_transition = d_.clock.WallNow();
    if (!memory.shown) continue;
    for (const api::Condition& before : memory.shown->conditions) {
      if (before.type == condition.type && before.status == condition.status) {
        condition.last_transition = before.last_transition;
      }
    }
  }
  const bool due = !memory.shown_at || pass.now - *memory.shown_at >= kShowEvery;
  if (memory.shown && !Notable(*memory.shown, status) && (!due || *memory.shown == status)) return;
  d_.status.SetAutoscaler(pass.key, status);
  memory.shown = std::move(status);
  memory.shown_at = pass.now;
}

}  // namespace ballast::reconcilers
