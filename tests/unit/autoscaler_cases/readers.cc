#include <cmath>
#include <string>

#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

std::string Numbered(const std::string& path, const char* name, std::size_t i) {
  return path + (path.empty() ? "" : ".") + name + "[" + std::to_string(i) + "]";
}

// Ages are whole seconds in the tables; what is not is nearer to its floor in upstream's clock.
std::int64_t SecondOf(double age) { return kNow - static_cast<std::int64_t>(std::floor(age)); }

api::SelectPolicy Select(const std::string& word, Fields& fields) {
  if (word == "Min" || word == "MinPolicySelect" || word == "MinChangePolicySelect") {
    return api::SelectPolicy::kMin;
  }
  if (word == "Disabled" || word == "DisabledPolicySelect") return api::SelectPolicy::kDisabled;
  if (word != "Max" && word != "MaxPolicySelect" && word != "MaxChangePolicySelect") {
    fields.problems().push_back("unknown selectPolicy " + word);
  }
  return api::SelectPolicy::kMax;
}

hpa::Phase PhaseOf(const std::string& word, Fields& fields) {
  if (word == "Running") return hpa::Phase::kRunning;
  if (word == "Pending") return hpa::Phase::kPending;
  if (word == "Succeeded") return hpa::Phase::kSucceeded;
  if (word == "Failed") return hpa::Phase::kFailed;
  if (word != "Unknown") fields.problems().push_back("unknown phase " + word);
  return hpa::Phase::kUnknown;
}

// A pod whose containers are told one by one is used, and requests, what these do together.
void ReadContainers(Fields& pod_fields, const std::string& only, hpa::Pod& pod) {
  const auto containers = pod_fields.List({"containers"});
  if (containers.empty()) return;
  std::int64_t usage = 0;
  std::int64_t request = 0;
  bool has_usage = true;
  bool has_request = true;
  for (std::size_t i = 0; i < containers.size(); ++i) {
    Fields fields(containers[i], Numbered(pod_fields.path(), "containers", i),
                  pod_fields.problems());
    const std::string name = fields.Text("name");
    const auto used = fields.Integer({"usage"});
    const auto wanted = fields.Integer({"request"});
    fields.Finish();
    if (!only.empty() && name != only) continue;
    has_usage &= used.has_value();
    has_request &= wanted.has_value();
    usage += used.value_or(0);
    request += wanted.value_or(0);
  }
  pod.usage = has_usage ? std::optional(usage) : std::nullopt;
  pod.request = has_request ? std::optional(request) : std::nullopt;
}

}  // namespace

api::ScalingRules ReadRules(Fields fields) {
  api::ScalingRules rules;
  rules.stabilization_window_seconds = fields.OptionalInt({"stabilizationWindowSeconds"});
  if (fields.Find({"selectPolicy"}) != nullptr) {
    rules.select_policy = Select(fields.Text("selectPolicy"), fields);
  }
  if (fields.Find({"policies"}) != nullptr) {
    rules.policies.emplace();
    const auto policies = fields.List({"policies"});
    for (std::size_t i = 0; i < policies.size(); ++i) {
      Fields policy(policies[i], Numbered(fields.path(), "policies", i), fields.problems());
      const std::string type = policy.Text("type");
      if (type != "Pods" && type != "Percent") {
        fields.problems().push_back("unknown policy type " + type);
      }
      rules.policies->push_back({.type = type == "Percent" ? api::ScalingPolicyType::kPercent
                                                           : api::ScalingPolicyType::kPods,
                                 .value = policy.Int("value", 0),
                                 .period_seconds = policy.Int("periodSeconds", 0)});
      policy.Finish();
    }
  }
  if (const auto tolerance = fields.Number({"tolerance"})) {
    rules.tolerance = {.millis = std::llround(*tolerance * 1000)};
  }
  fields.Finish();
  return rules;
}

api::ScalingBehavior ReadBehavior(Fields fields) {
  api::ScalingBehavior behavior;
  if (fields.Find({"scaleUp"}) != nullptr) behavior.scale_up = ReadRules(fields.Object("scaleUp"));
  if (fields.Find({"scaleDown"}) != nullptr) {
    behavior.scale_down = ReadRules(fields.Object("scaleDown"));
  }
  fields.Finish();
  return behavior;
}

hpa::ScaleEvents ReadEvents(Fields& history, const char* name) {
  hpa::ScaleEvents events;
  const auto items = history.List({name});
  for (std::size_t i = 0; i < items.size(); ++i) {
    Fields event(items[i], Numbered(history.path(), name, i), history.problems());
    const int change = event.OptionalInt({"change", "replicaChange"}).value_or(0);
    const double age = event.Number({"ageSeconds"}).value_or(0);
    event.Ignore({"outdated"});  // follows from the age
    events.push_back({.second = SecondOf(age), .change = change});
    event.Finish();
  }
  return events;
}

hpa::Recommendations ReadRecommendations(Fields& history, bool& initial) {
  hpa::Recommendations log;
  const Json* value = history.Find({"recommendations"});
  initial = value == nullptr;
  if (initial) return log;
  if (value->is_string()) {
    initial = value->get<std::string>() == "initial";
    if (!initial) history.problems().emplace_back("recommendations must be \"initial\" or a list");
    return log;
  }
  const auto items = history.List({"recommendations"});
  for (std::size_t i = 0; i < items.size(); ++i) {
    Fields item(items[i], Numbered(history.path(), "recommendations", i), history.problems());
    const int replicas = item.OptionalInt({"replicas", "recommendation"}).value_or(0);
    const double age = item.Number({"ageSeconds"}).value_or(0);
    log.push_back({.second = SecondOf(age), .replicas = replicas});
    item.Finish();
  }
  return log;
}

hpa::Tolerance ReadTolerance(Fields& fields) {
  hpa::Tolerance tolerance;
  const Json* value = fields.Find({"tolerance"});
  if (value == nullptr) return tolerance;
  if (value->is_number()) {
    tolerance.down = tolerance.up = value->get<double>();
    return tolerance;
  }
  Fields both = fields.Object("tolerance");
  tolerance.down = both.Number({"scaleDown", "down"}).value_or(tolerance.down);
  tolerance.up = both.Number({"scaleUp", "up"}).value_or(tolerance.up);
  both.Finish();
  return tolerance;
}

hpa::Readiness ReadReadiness(Fields& fields) {
  // Upstream's tests decide with these.
  return {.cpu_initialization_period = fields.Number("cpuInitializationPeriodSeconds", 120),
          .initial_readiness_delay = fields.Number("initialReadinessDelaySeconds", 10)};
}

std::vector<hpa::Pod> ReadPods(Fields& fields) {
  std::vector<hpa::Pod> pods;
  const std::string only = fields.Text("container");
  const auto items = fields.List({"pods"});
  for (std::size_t i = 0; i < items.size(); ++i) {
    Fields item(items[i], Numbered(fields.path(), "pods", i), fields.problems());
    hpa::Pod pod;
    item.Ignore({"name"});
    pod.known = item.Bool("known", true);
    pod.phase = PhaseOf(item.Text("phase", "Running"), item);
    pod.deleting = item.Bool("deleting", false);
    pod.ready = item.Bool("ready", true);
    if (item.Has("ready") && item.Find({"ready"}) == nullptr) pod.ready.reset();
    const auto start = item.Number({"startAgeSeconds"});
    if (item.Has("startAgeSeconds")) pod.start_age = start;
    pod.ready_transition_age =
        item.Number({"readyTransitionAgeSeconds"}).value_or(pod.ready_transition_age);
    pod.usage = item.Integer({"usage", "value"});
    pod.request = item.Integer({"request"});
    pod.sample_age = item.Number("metricAgeSeconds", 0);
    pod.sample_window = item.Number("metricWindowSeconds", 60);
    ReadContainers(item, only, pod);
    item.Finish();
    pods.push_back(pod);
  }
  return pods;
}

void GiveSamples(const std::vector<const Json*>& values, std::vector<hpa::Pod>& pods,
                 Fields& fields) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i == pods.size()) pods.push_back({.known = false});
    if (values[i]->is_null()) continue;
    if (values[i]->is_number_integer()) {
      pods[i].usage = values[i]->get<std::int64_t>();
    } else {
      fields.problems().push_back("a sample must be an integer: " + values[i]->dump());
    }
  }
}

std::vector<std::int64_t> ReadValues(Fields& fields, std::initializer_list<const char*> names) {
  std::vector<std::int64_t> values;
  for (const Json* value : fields.List(names)) {
    const Json wrapped = {{"value", *value}};
    Fields one(&wrapped, fields.path(), fields.problems());
    if (const auto number = one.Integer({"value"})) values.push_back(*number);
  }
  return values;
}

}  // namespace ballast::reconcilers::cases
