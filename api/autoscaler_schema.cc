#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "api/cron.h"
#include "api/schemas.h"

namespace ballast::api {
namespace {

constexpr int kMostReplicas = 1000;  // as spec.replicas of a WebApp

Schema<ScaleTargetRef> TargetRefSchema() {
  const std::string only = "must be WebApp: Ballast scales nothing else";
  Schema<ScaleTargetRef> schema;
  schema
      .Add("apiVersion", &ScaleTargetRef::api_version,
           Choice<std::string>({{kApiVersion, kApiVersion}}), "The version of the target's schema",
           kApiVersion)
      .Required("kind", &ScaleTargetRef::kind,
                Choice<std::string>({{"WebApp", "WebApp"}}, {{"Deployment", only},
                                                             {"StatefulSet", only},
                                                             {"ReplicaSet", only},
                                                             {"LoadBalancer", only}}),
                "The kind of what is scaled", "WebApp")
      .Required("name", &ScaleTargetRef::name, Text("a DNS label, at most 40", RuleObjectName),
                "The WebApp, in the Autoscaler's own namespace", "shop");
  return schema;
}

Schema<ScalingPolicy> PolicySchema() {
  Schema<ScalingPolicy> schema;
  schema
      .Required("type", &ScalingPolicy::type,
                Choice<ScalingPolicyType>(
                    {{"Pods", ScalingPolicyType::kPods}, {"Percent", ScalingPolicyType::kPercent}}),
                "What `value` counts: replicas, or percent of the replicas there are", "Pods")
      .Required("value", &ScalingPolicy::value, Integer<int>(1, 2'147'483'647),
                "How many replicas may come or go within the period", "4")
      .Required("periodSeconds", &ScalingPolicy::period_seconds, Integer<int>(1, 1800),
                "The period", "15");
  return schema;
}

Schema<ScalingRules> RulesSchema(const std::string& window, const std::string& policies) {
  Schema<ScalingRules> schema;
  schema
      .Optional("stabilizationWindowSeconds", &ScalingRules::stabilization_window_seconds,
                Integer<int>(0, 3600),
                "How far to look back for the safest of the past proposals; left out: " + window,
                "60")
      .Optional("selectPolicy", &ScalingRules::select_policy,
                Choice<SelectPolicy>({{"Max", SelectPolicy::kMax},
                                      {"Min", SelectPolicy::kMin},
                                      {"Disabled", SelectPolicy::kDisabled}}),
                "Which policy counts: the one that allows the largest change (left out: this one), "
                "the smallest, or no scaling in this direction",
                "Min")
      .Optional("policies", &ScalingRules::policies, List(MapOf("policy", PolicySchema()), 1, 20),
                "How fast the number may change; left out: " + policies,
                "[{type: Pods, value: 4, periodSeconds: 15}]")
      .Optional("tolerance", &ScalingRules::tolerance, Quantity(0, 100'000),
                "How far the metric may be from its target without consequences, as a ratio; left "
                "out: 100m, which is 10 %",
                "50m");
  return schema;
}

Schema<ScalingBehavior> BehaviorSchema() {
  Schema<ScalingBehavior> schema;
  schema
      .Optional("scaleUp", &ScalingBehavior::scale_up,
                MapOf("map", RulesSchema("0", "4 replicas or 100 percent in 15 seconds")),
                "Growing; left out: at once and without limit",
                "{policies: [{type: Percent, value: 100, periodSeconds: 15}]}")
      .Optional("scaleDown", &ScalingBehavior::scale_down,
                MapOf("map", RulesSchema("300", "100 percent in 15 seconds")),
                "Shrinking; left out: as Ballast thinks best",
                "{stabilizationWindowSeconds: 120, selectPolicy: Min}");
  return schema;
}

Schema<Panic> PanicSchema() {
  Schema<Panic> schema;
  schema
      .Add("windowSeconds", &Panic::window_seconds, Integer<int>(1, 600),
           "The short window that a sudden load is looked for in", "6")
      .Add("thresholdPercent", &Panic::threshold_percent, Integer<int>(110, 1000),
           "A load of that many percent of what the replicas can take is sudden", "200");
  return schema;
}

Type<std::string> CronText() {
  return {.name = "string",
          .allowed = "five fields as in crontab(5)",
          .read =
              [](const Cursor& at, std::string& out) {
                std::string text;
                if (!ReadText(at, "a string", text)) return;
                if (const auto cron = ParseCron(text); !cron) return at.Error(cron.error().message);
                out = std::move(text);
              },
          .write = [](const std::string& value, Style) { return Value::Text(value); },
          .is_empty = [](const std::string& value) { return value.empty(); },
          .describe = nullptr};
}

Type<std::string> TimeZone() {
  Type<std::string> type = Text("a name of the IANA time zone database", RuleTimeZone);
  type.read = [read = type.read](const Cursor& at, std::string& out) {
    std::string text;
    read(at, text);
    if (text.empty()) return;
    const auto& knows = at.context().options.knows_time_zone;
    if (knows && !knows(text)) {
      return at.ErrorWanted("a time zone that this machine knows, such as Europe/Zurich or UTC");
    }
    out = std::move(text);
  };
  return type;
}

Schema<ScalingSchedule> ScheduleSchema() {
  Schema<ScalingSchedule> schema;
  schema
      .Required("start", &ScalingSchedule::start, CronText(),
                "When it starts: minute, hour, day of the month, month, weekday", "\"0 8 * * 1-5\"")
      .Required("duration", &ScalingSchedule::duration,
                Duration(Millis{60'000}, Millis{std::int64_t{31} * 24 * 3'600'000}),
                "How long it lasts", "10h")
      .Add("timeZone", &ScalingSchedule::time_zone, TimeZone(), "Whose clock `start` means",
           "Europe/Zurich")
      .Optional("minReplicas", &ScalingSchedule::min_replicas, Integer<int>(0, kMostReplicas),
                "The least number while it lasts; left out: as without it", "6")
      .Optional("maxReplicas", &ScalingSchedule::max_replicas, Integer<int>(1, kMostReplicas),
                "The largest number while it lasts; left out: as without it", "80")
      .Check([](const Cursor& at, ScalingSchedule&) {
        if (at.node().Find("minReplicas") == nullptr && at.node().Find("maxReplicas") == nullptr) {
          at.DerivedError("", "must have minReplicas or maxReplicas: it would change nothing");
        }
      });
  return schema;
}

template <typename Visit>
void VisitItems(const Cursor& at, std::string_view list, std::size_t limit, Visit visit) {
  const Member* member = at.node().Find(list);
  if (member == nullptr || member->value.kind != Value::Kind::kList) return;
  const Cursor list_at = at.At(*member);
  for (std::size_t i = 0; i < std::min(limit, member->value.items.size()); ++i) {
    visit(i, list_at.At(i));
  }
}

// A second target for the same number is a slip: the lower one would always win.
void CheckMetricsDiffer(const Cursor& at, const AutoscalerSpec& spec) {
  std::map<std::tuple<std::string, ResourceName, std::string, std::string>, std::size_t> seen;
  VisitItems(at, "metrics", spec.metrics.size(), [&](std::size_t i, const Cursor& item) {
    const Metric& metric = spec.metrics[i];
    const Member* type = item.node().Find("type");
    if (type == nullptr || metric.target == MetricTarget{}) return;  // has been said
    const auto [found, is_new] =
        seen.emplace(std::tuple(type->value.text, metric.resource, metric.prometheus.url,
                                metric.prometheus.query),
                     i);
    if (is_new) return;
    item.DerivedError(
        "", fmt::format("measures the same as metrics[{}]: only one target for it", found->second));
  });
}

void CheckSchedules(const Cursor& at, const AutoscalerSpec& spec) {
  VisitItems(at, "schedules", spec.schedules.size(), [&](std::size_t i, const Cursor& item) {
    const ScalingSchedule& schedule = spec.schedules[i];
    const int min = schedule.min_replicas.value_or(spec.min_replicas);
    const int max = schedule.max_replicas.value_or(spec.max_replicas);
    if (min <= max) return;
    if (schedule.max_replicas) {
      item.DerivedError("maxReplicas", fmt::format("must be at least minReplicas, which is {}{}",
                                                   min, schedule.min_replicas ? "" : " in spec"));
    } else {
      item.DerivedError("minReplicas",
                        fmt::format("must be at most maxReplicas, which is {} in spec: give the "
                                    "schedule its own maxReplicas",
                                    max));
    }
  });
}

Schema<AutoscalerSpec> SpecSchema() {
  Schema<AutoscalerSpec> schema;
  schema
      .Required("scaleTargetRef", &AutoscalerSpec::scale_target_ref,
                MapOf("map", TargetRefSchema()), "What is scaled", "{kind: WebApp, name: shop}")
      .Add("minReplicas", &AutoscalerSpec::min_replicas, Integer<int>(0, kMostReplicas),
           "The least number of replicas; 0: none while there are no requests, and the first "
           "request waits for one",
           "2")
      .Required("maxReplicas", &AutoscalerSpec::max_replicas, Integer<int>(1, kMostReplicas),
                "The largest number of replicas. At least minReplicas", "40")
      .Add("coldStartTimeoutSeconds", &AutoscalerSpec::cold_start_timeout_seconds,
           Integer<int>(1, 3600),
           "How long a request waits for the first replica before it is answered 503", "30")
      .Required("metrics", &AutoscalerSpec::metrics, List(MapOf("metric", MetricSchema()), 1, 20),
                "What to look at. Each proposes a number, and the largest counts",
                "[{type: RequestRate, requestRate: {target: {averageValue: \"50\"}}}]")
      .Optional("behavior", &AutoscalerSpec::behavior, MapOf("map", BehaviorSchema()),
                "How fast the number may change, with the fields and the meaning of Kubernetes' "
                "HPA",
                "{scaleDown: {stabilizationWindowSeconds: 120}}")
      .Optional("panic", &AutoscalerSpec::panic, MapOf("map", PanicSchema()),
                "When a load counts as sudden, so that shrinking stops and growing looks at a "
                "short time only",
                "{windowSeconds: 6, thresholdPercent: 200}")
      .Add("schedules", &AutoscalerSpec::schedules,
           List(MapOf("schedule", ScheduleSchema()), 0, 50, Repeats::kRefused),
           "Times with other limits, ahead of peaks that are known",
           "[{start: \"0 8 * * 1-5\", duration: 10h, minReplicas: 6}]")
      .Refuse("targetCPUUtilizationPercentage", "is not known: write a metric of type Resource")
      .Check([](const Cursor& at, AutoscalerSpec& spec) {
        if (at.node().Find("maxReplicas") != nullptr && spec.max_replicas < spec.min_replicas) {
          at.DerivedError("maxReplicas", fmt::format("must be at least minReplicas, which is {}",
                                                     spec.min_replicas));
          return;
        }
        CheckMetricsDiffer(at, spec);
        if (spec.max_replicas > 0) CheckSchedules(at, spec);
      });
  return schema;
}

}  // namespace

const Schema<Autoscaler>& AutoscalerSchema() {
  static const Schema<Autoscaler> schema = [] {
    Schema<Autoscaler> autoscaler;
    autoscaler.Constant("apiVersion", kApiVersion, "The version of this schema")
        .Constant("kind", "Autoscaler", "How many replicas a WebApp has while its load changes")
        .Required("metadata", &Autoscaler::meta, MapOf("map", MetaSchema(true)), "Name and labels",
                  "{name: shop}")
        .Required("spec", &Autoscaler::spec, MapOf("map", SpecSchema()), "What is wanted",
                  "{scaleTargetRef: {kind: WebApp, name: shop}, maxReplicas: 40, metrics: "
                  "[{type: RequestRate, requestRate: {target: {averageValue: \"50\"}}}]}")
        .Refuse("status", "is written by Ballast: leave it out");
    return autoscaler;
  }();
  return schema;
}

}  // namespace ballast::api
