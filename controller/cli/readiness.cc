#include "controller/cli/readiness.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// What Degraded says, for somebody who waits: "; ImagePullFailed: no such image".
std::string Trouble(const json& status) {
  const json& degraded = Condition(status, "Degraded");
  if (Text(degraded, "status") != "True") return "";
  return fmt::format("; {}: {}", Text(degraded, "reason"), Text(degraded, "message", "no details"));
}

std::string Replicas(std::int64_t count, std::int64_t of, const char* what) {
  return fmt::format("{} of {} replicas {}", count, of, what);
}

Readiness WebAppReadiness(const json& object) {
  const json& status = Field(object, "status");
  const std::int64_t in_service = Number(status, "inServiceReplicas");
  const std::int64_t updated = Number(status, "updatedReplicas");
  const json& progressing = Condition(status, "Progressing");
  const json& available = Condition(status, "Available");
  const json& spec = Field(object, "spec");
  if (!Field(spec, "template").is_object()) {
    return {.ready = true, .text = Text(available, "message", "a pool of labelled containers")};
  }
  const std::int64_t wanted = Field(status, "desiredReplicas").is_number_integer()
                                  ? Number(status, "desiredReplicas")
                                  : Number(spec, "replicas");
  if (Text(progressing, "status") == "False") {
    return {.failed = true,
            .text = fmt::format("{}: {}", Text(progressing, "reason"),
                                Text(progressing, "message", "no details"))};
  }
  if (Text(progressing, "reason") == "RolloutPaused") {
    return {.failed = true, .text = "RolloutPaused: spec.paused keeps the rollout from going on"};
  }
  if (updated < wanted) {
    return {.text = Replicas(updated, wanted, "of the new revision") + Trouble(status)};
  }
  if (in_service < wanted) {
    return {.text = Replicas(in_service, wanted, "in service") + Trouble(status)};
  }
  if (Text(available, "status") != "True" || Text(progressing, "reason") != "RolloutComplete") {
    return {.text = Text(progressing, "message", "the rollout is not complete") + Trouble(status)};
  }
  const std::string url = Text(status, "url", "");
  return {.ready = true,
          .text = Replicas(in_service, wanted, "in service") + (url.empty() ? "" : ", " + url)};
}

Readiness BalancerReadiness(const json& object) {
  const json& status = Field(object, "status");
  const json& available = Condition(status, "Available");
  if (Text(available, "status") == "True") {
    const json& degraded = Condition(status, "Degraded");
    if (Text(degraded, "status") == "True") {
      return {.text = fmt::format("{}: {}", Text(degraded, "reason"),
                                  Text(degraded, "message", "no details"))};
    }
    const json& progressing = Condition(status, "Progressing");
    if (Text(progressing, "status") != "True") return {.ready = true, .text = ""};
    return {.text = fmt::format("a reload is due: {}", Text(progressing, "message", "soon"))};
  }
  return {.text = Text(available, "message", Text(available, "reason", "not ready yet").c_str())};
}

}  // namespace

Readiness ReadinessOf(const json& object, std::int64_t generation) {
  const std::string kind = Text(object, "kind");
  if (kind != "WebApp" && kind != "LoadBalancer") return {.ready = true};
  const json& status = Field(object, "status");
  if (Field(Field(object, "metadata"), "deletionTimestamp").is_string()) {
    return {.failed = true, .text = "it is being deleted"};
  }
  if (Number(status, "observedGeneration") < generation) {
    return {.text = "the controller has not seen it yet"};
  }
  return kind == "WebApp" ? WebAppReadiness(object) : BalancerReadiness(object);
}

Readiness ScaledTo(const json& webapp, std::int64_t replicas) {
  const json& status = Field(webapp, "status");
  const std::int64_t wanted = Number(Field(webapp, "spec"), "replicas");
  if (wanted != replicas) {
    return {.failed = true, .text = fmt::format("somebody else wants {} replicas", wanted)};
  }
  const std::int64_t in_service = Number(status, "inServiceReplicas");
  const std::int64_t there = Number(status, "replicas");
  if (in_service < wanted) {
    return {.text = Replicas(in_service, wanted, "in service") + Trouble(status)};
  }
  if (there > wanted) {
    return {.text = fmt::format("{} in service, {} still leaving", wanted, there - wanted)};
  }
  return {.ready = true, .text = Replicas(in_service, wanted, "in service")};
}

}  // namespace ballast::cli
