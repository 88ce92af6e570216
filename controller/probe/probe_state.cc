#include "controller/probe/probe_state.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace ballast::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// Until the first success a probe runs again after a twentieth of the time already waited: what
// takes 400 ms to start is found 20 ms late at worst, what takes a minute is not pestered.
constexpr int kQuickShare = 20;
constexpr milliseconds kQuickest{20};
constexpr milliseconds kSlowestConnect{200};
constexpr milliseconds kSlowestHttp{1'000};
// A process in the container costs more than a connection.
constexpr int kQuickExecShare = 4;
constexpr milliseconds kQuickestExec{200};

std::size_t IndexOf(ProbeKind kind) { return static_cast<std::size_t>(kind); }

api::Probe PlainConnect(std::uint16_t port) {
  return {.action = api::TcpSocketAction{.port = port}, .period_seconds = 1};
}

}  // namespace

ProbeState::ProbeState(const reconcilers::ProbeTarget& target, Steady start, Steady now)
    : start_(start), spread_(std::hash<std::string>()(target.container_id)) {
  const auto set = [this](ProbeKind kind, const std::optional<api::Probe>& probe) {
    if (probe) slots_[IndexOf(kind)] = Slot{.probe = *probe};
  };
  set(ProbeKind::kStartup, target.startup);
  set(ProbeKind::kReadiness, target.readiness);
  set(ProbeKind::kLiveness, target.liveness);
  if (!target.readiness && target.port_answers) {
    set(ProbeKind::kReadiness, PlainConnect(target.port));
  }
  if (slot(ProbeKind::kStartup) != nullptr) {
    Activate(ProbeKind::kStartup, now);
  } else {
    OnStarted(now);
  }
}

ProbeState::Slot* ProbeState::slot(ProbeKind kind) {
  std::optional<Slot>& slot = slots_[IndexOf(kind)];
  return slot ? &*slot : nullptr;
}

const api::Probe& ProbeState::probe(ProbeKind kind) const { return slots_[IndexOf(kind)]->probe; }

void ProbeState::Activate(ProbeKind kind, Steady now) {
  Slot* const it = slot(kind);
  if (it == nullptr) return;
  it->active = true;
  // Delays count from the container's start, also for those that wait for the startup probe.
  it->first = std::max(now, start_ + seconds(it->probe.initial_delay_seconds));
  it->due = it->first;
  it->count_from = it->first;
}

std::optional<ProbeState::Steady> ProbeState::NextDue() const {
  std::optional<Steady> next;
  for (const std::optional<Slot>& slot : slots_) {
    if (!slot || !slot->active || slot->under_way) continue;
    if (!next || slot->due < *next) next = slot->due;
  }
  return next;
}

std::vector<ProbeKind> ProbeState::Due(Steady now) {
  std::vector<ProbeKind> result;
  for (const ProbeKind kind : {ProbeKind::kStartup, ProbeKind::kReadiness, ProbeKind::kLiveness}) {
    Slot* const it = slot(kind);
    if (it == nullptr || !it->active || it->under_way || now < it->due) continue;
    it->under_way = true;
    it->began = now;
    result.push_back(kind);
  }
  return result;
}

bool ProbeState::OnResult(ProbeKind kind, bool success, const std::string& message, Steady now) {
  Slot* const it = slot(kind);
  if (it == nullptr || !it->under_way) return false;
  it->under_way = false;
  const reconcilers::Health before = health_;
  if (success) {
    ++it->successes;
    it->failures = 0;
    it->message.clear();
  } else {
    it->successes = 0;
    it->message = message;
    if (it->began >= it->count_from) {
      ++it->failures;
      it->count_from = it->began + seconds(it->probe.period_seconds);
    }
  }
  Schedule(*it, success, now);
  Judge(kind, *it, now);
  health_.message = Message();
  return before.started != health_.started || before.ready != health_.ready ||
         before.alive != health_.alive || before.decided != health_.decided;
}

void ProbeState::OnNoResult(ProbeKind kind, const std::string& message, Steady now) {
  Slot* const it = slot(kind);
  if (it == nullptr || !it->under_way) return;
  it->under_way = false;
  // Says why there is no verdict yet, but nothing of a container that is known to be well.
  if (it->successes == 0) it->message = message;
  Schedule(*it, false, now);
  health_.message = Message();
}

void ProbeState::Judge(ProbeKind kind, Slot& slot, Steady now) {
  const bool good = slot.successes >= slot.probe.success_threshold;
  const bool bad = slot.failures >= slot.probe.failure_threshold;
  switch (kind) {
    case ProbeKind::kStartup:
      if (good) {
        slot.active = false;
        OnStarted(now);
      } else if (bad) {
        slot.active = false;
        health_.alive = false;
        health_.decided = true;
      }
      break;
    case ProbeKind::kReadiness:
      if (good) SetReady(true, now);
      if (bad) SetReady(false, now);
      break;
    case ProbeKind::kLiveness:
      // For good: whoever hears of it replaces the container.
      if (bad) {
        slot.active = false;
        health_.alive = false;
        health_.decided = true;
      }
      break;
  }
}

void ProbeState::OnStarted(Steady now) {
  health_.started = true;
  Activate(ProbeKind::kReadiness, now);
  Activate(ProbeKind::kLiveness, now);
  if (slot(ProbeKind::kReadiness) == nullptr) SetReady(true, now);
}

void ProbeState::SetReady(bool ready, Steady now) {
  health_.decided = true;
  if (health_.ready == ready) return;
  health_.ready = ready;
  health_.ready_since = ready ? now : Steady{};
}

// The last failure of what matters most: what is dead, what has not started, what is not ready.
std::string ProbeState::Message() const {
  for (const ProbeKind kind : {ProbeKind::kLiveness, ProbeKind::kStartup, ProbeKind::kReadiness}) {
    const std::optional<Slot>& slot = slots_[IndexOf(kind)];
    if (slot && !slot->message.empty()) return slot->message;
  }
  return {};
}

void ProbeState::Schedule(Slot& slot, bool success, Steady now) const {
  const nanoseconds period = seconds(slot.probe.period_seconds);
  if (success && !slot.succeeded_once) {
    slot.succeeded_once = true;
    // Containers that were first seen at the same moment are probed at different ones from now on.
    // Not with further successes wanted: those come once a period.
    const bool spread = slot.probe.success_threshold <= 1;
    const nanoseconds share = period / 2 * static_cast<int>(spread_ % 1000) / 1000;
    slot.due = slot.began + (spread ? period - share : period);
  } else if (slot.succeeded_once) {
    slot.due = slot.began + period;
  } else {
    slot.due = slot.began + QuickInterval(slot, now);
  }
  slot.due = std::max(slot.due, now);
}

nanoseconds ProbeState::QuickInterval(const Slot& slot, Steady now) const {
  const nanoseconds period = seconds(slot.probe.period_seconds);
  const nanoseconds waited = now - slot.first;
  if (std::holds_alternative<api::ExecAction>(slot.probe.action)) {
    return std::min(period, std::max<nanoseconds>(kQuickestExec, waited / kQuickExecShare));
  }
  const bool connect = std::holds_alternative<api::TcpSocketAction>(slot.probe.action);
  const nanoseconds slowest = connect ? kSlowestConnect : kSlowestHttp;
  return std::min({period, slowest, std::max<nanoseconds>(kQuickest, waited / kQuickShare)});
}

}  // namespace ballast::probe
