#include "controller/runtime/container_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace ballast::runtime {
namespace {

using reconcilers::ContainerInfo;
using reconcilers::ContainerState;
using reconcilers::DockerHealth;
using reconcilers::EngineEvent;

constexpr std::array<std::string_view, 9> kActions{
    "create", "start", "die", "destroy", "kill", "pause", "unpause", "rename", "health_status"};

// Events may carry whole seconds only; a `die` this much before the start is of an earlier run.
constexpr std::chrono::seconds kEventTimeSlack{1};

const std::string& None() {
  static const std::string none;
  return none;
}

std::optional<DockerHealth> ParseHealth(const std::string& text) {
  if (text == "healthy") return DockerHealth::kHealthy;
  if (text == "unhealthy") return DockerHealth::kUnhealthy;
  if (text == "starting") return DockerHealth::kStarting;
  return std::nullopt;
}

void ApplyDie(const EngineEvent& event, api::Time now, ContainerInfo& info) {
  const bool timed = event.time != api::Time{};
  if (timed && event.time + kEventTimeSlack < info.started_at) return;
  // An inspect has already told more exactly when.
  if (info.state != ContainerState::kExited || info.finished_at < info.started_at) {
    info.finished_at = timed ? event.time : now;
  }
  info.state = ContainerState::kExited;
  info.health = DockerHealth::kNone;
  const std::string& code = Attribute(event, "exitCode");
  std::from_chars(code.data(), code.data() + code.size(), info.exit_code);
}

}  // namespace

const std::string& Attribute(const EngineEvent& event, const std::string& name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? None() : found->second;
}

const std::string& ContainerOf(const EngineEvent& event) {
  if (event.type == "container") {
    return std::ranges::find(kActions, event.action) != kActions.end() ? event.id : None();
  }
  if (event.type == "network" && (event.action == "connect" || event.action == "disconnect")) {
    return Attribute(event, "container");
  }
  return None();
}

Told ApplyToInfo(const EngineEvent& event, api::Time now, ContainerInfo& info) {
  if (event.type != "container") return Told::kPart;
  if (event.action == "die") {
    ApplyDie(event, now, info);
  } else if (event.action == "pause") {
    if (info.state == ContainerState::kRunning) info.state = ContainerState::kPaused;
  } else if (event.action == "unpause") {
    if (info.state == ContainerState::kPaused) info.state = ContainerState::kRunning;
  } else if (event.action == "health_status") {
    const std::optional<DockerHealth> health = ParseHealth(Attribute(event, "health"));
    if (!health) return Told::kPart;
    info.health = *health;
    return Told::kAll;
  }
  return Told::kPart;
}

bool Lives(const ContainerInfo& info) {
  return info.state == ContainerState::kRunning || info.state == ContainerState::kPaused ||
         info.state == ContainerState::kRestarting;
}

bool Lacking(const ContainerInfo& info) {
  switch (info.state) {
    case ContainerState::kRunning:
    case ContainerState::kPaused:
    case ContainerState::kRestarting:
      return info.started_at == api::Time{};
    case ContainerState::kExited:
    case ContainerState::kDead:
      return info.finished_at == api::Time{};
    case ContainerState::kCreated:
    case ContainerState::kRemoving:
      return false;
  }
  return false;
}

bool Agrees(const ContainerInfo& listed, const ContainerInfo& known) {
  if (listed.state != known.state || listed.name != known.name) return false;
  if (known.state == ContainerState::kExited) return listed.exit_code == known.exit_code;
  if (!Lives(known)) return true;
  // Lists say nothing about the health of a paused container.
  const bool same_health = known.state != ContainerState::kRunning || listed.health == known.health;
  return same_health && listed.networks == known.networks;
}

}  // namespace ballast::runtime
