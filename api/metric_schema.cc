#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/schemas.h"

namespace ballast::api {
namespace {

struct TypeName {
  MetricType type;
  const char* name;
  const char* member;
};

const std::vector<TypeName>& TypeNames() {
  static const std::vector<TypeName> names = {
      {MetricType::kRequestRate, "RequestRate", "requestRate"},
      {MetricType::kConcurrency, "Concurrency", "concurrency"},
      {MetricType::kResponseTime, "ResponseTime", "responseTime"},
      {MetricType::kResource, "Resource", "resource"},
      {MetricType::kExternal, "External", "external"}};
  return names;
}

struct TargetField {
  TargetType type;
  const char* name;
  const char* member;
};

constexpr TargetField kUtilization = {TargetType::kUtilization, "Utilization",
                                      "averageUtilization"};
constexpr TargetField kAverageValue = {TargetType::kAverageValue, "AverageValue", "averageValue"};
constexpr TargetField kValue = {TargetType::kValue, "Value", "value"};

// Which values a type of metric may be compared with, and how the quantity reads.
struct TargetRules {
  std::vector<TargetField> fields;
  std::string meaning;  // of the quantity
  std::string example;
  std::int64_t most_millis = 1'000'000'000'000'000'000;  // 1P
};

std::string Joined(const std::vector<TargetField>& fields) {
  std::string all;
  for (const TargetField& field : fields)
    all += (all.empty() ? "" : " or ") + std::string(field.member);
  return all;
}

// The one value that is there decides; `type`, which HPA demands, must agree with it.
void CheckTarget(const Cursor& at, const std::vector<TargetField>& fields, MetricTarget& target) {
  if (fields.size() > 1) {
    std::vector<std::string> names;
    for (const TargetField& field : fields) names.emplace_back(field.member);
    CheckOneOf(at, names);
  }
  for (const TargetField& field : fields) {
    if (at.node().Find(field.member) == nullptr) continue;
    if (at.node().Find("type") != nullptr && target.type != field.type) {
      at.DerivedError("type",
                      fmt::format("must be {}, since there is {}", field.name, field.member));
    }
    target.type = field.type;
    return;
  }
}

Schema<MetricTarget> TargetSchema(const TargetRules& rules) {
  std::vector<std::pair<std::string, TargetType>> words;
  for (const TargetField& field : rules.fields) words.emplace_back(field.name, field.type);
  Type<TargetType> type = Choice<TargetType>(words);
  type.is_empty = [](const TargetType&) { return true; };  // follows from the value: no default
  Schema<MetricTarget> schema;
  schema
      .Add("type", &MetricTarget::type, type, "Says which value follows; may be left out",
           rules.fields.front().name)
      .Presence([](const MetricTarget&) { return true; });
  const bool one = rules.fields.size() == 1;
  const auto add = [&](const TargetField& field, auto member, const auto& kind, std::string meaning,
                       std::string example) {
    if (one) {
      schema.Required(field.member, member, kind, std::move(meaning), std::move(example));
    } else {
      schema.Add(field.member, member, kind, std::move(meaning), std::move(example))
          .Presence([of = field.type](const MetricTarget& target) { return target.type == of; });
    }
  };
  for (const TargetField& field : {kUtilization, kAverageValue, kValue}) {
    const bool allowed = std::any_of(rules.fields.begin(), rules.fields.end(),
                                     [&](const TargetField& f) { return f.type == field.type; });
    if (!allowed) {
      schema.Refuse(field.member, fmt::format("is not allowed here: use {}", Joined(rules.fields)));
    } else if (field.type == TargetType::kUtilization) {
      Type<int> percent = Integer<int>(1, 100);
      percent.is_empty = [](const int& value) { return value == 0; };
      add(field, &MetricTarget::average_utilization, percent,
          "Percent of the containers' limits that the replicas use on average", "70");
    } else {
      const std::string scope = field.type == TargetType::kValue ? "in all" : "for each replica";
      add(field, &MetricTarget::quantity, Quantity(1, rules.most_millis),
          rules.fields.size() == 1 ? rules.meaning : fmt::format("{}, {}", rules.meaning, scope),
          rules.example);
    }
  }
  schema.Check([fields = rules.fields](const Cursor& at, MetricTarget& target) {
    CheckTarget(at, fields, target);
  });
  return schema;
}

Type<MetricTarget> Target(const TargetRules& rules) { return MapOf("map", TargetSchema(rules)); }

std::string RuleQuery(std::string_view text) {
  const bool allowed =
      !text.empty() && text.size() <= 8192 && std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7F) || c == '\n' || c == '\t';
      });
  return allowed ? "" : "an expression of PromQL, at most 8192 bytes";
}

// Ballast appends /api/v1/query?query=... to it.
std::string RuleUrl(std::string_view text) {
  constexpr char kWanted[] =
      "a URL such as http://prometheus:9090 (http or https, host, port and path only; at most "
      "2048)";
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return kWanted;
  }
  const std::size_t slash = rest.find('/');
  const std::string_view path = slash == rest.npos ? "" : rest.substr(slash);
  std::string host(rest.substr(0, slash));
  if (host.starts_with('[')) {  // [::1]:9090
    const std::size_t end = host.find(']');
    if (end == host.npos || host.find(':') > end) return kWanted;
    if (!RuleCidr(std::string_view(host).substr(1, end - 1)).empty()) return kWanted;
    host.replace(0, end + 1, "ipv6");
  }
  const bool path_allowed = std::all_of(path.begin(), path.end(), [](char c) {
    return c > 0x20 && c < 0x7F &&
           std::string_view("\"<>\\^`{|}?#").find(c) == std::string_view::npos;
  });
  return text.size() <= 2048 && path_allowed && RuleHeaderHost(host).empty() ? "" : kWanted;
}

Type<std::string> Url() {
  Type<std::string> type = Text("http or https, host, port and path", RuleUrl);
  type.read = [read = type.read](const Cursor& at, std::string& out) {
    if (at.node().kind == Value::Kind::kString && at.node().text.find('@') != std::string::npos) {
      return at.Error("must have no user and password: it is shown in status and events");
    }
    read(at, out);
  };
  return type;
}

Schema<Metric> ExternalSchema() {
  Schema<PrometheusQuery> prometheus;
  prometheus
      .Required("url", &PrometheusQuery::url, Url(), "The Prometheus server",
                "\"http://prometheus:9090\"")
      .Required("query", &PrometheusQuery::query, Text("PromQL, at most 8192 bytes", RuleQuery),
                "The expression. Several samples are added up", "\"sum(rabbitmq_queue_messages)\"");
  Schema<Metric> schema;
  schema
      .Required("prometheus", &Metric::prometheus, MapOf("map", std::move(prometheus)),
                "Where the number comes from", "{url: \"http://prometheus:9090\", query: up}")
      .Required("target", &Metric::target,
                Target({.fields = {kAverageValue, kValue},
                        .meaning = "What the query shall return",
                        .example = "\"10\""}),
                "One of averageValue and value is needed", "{averageValue: \"10\"}")
      .Refuse("metric", "is not allowed: there is no metrics API; use prometheus");
  return schema;
}

Schema<Metric> ResourceSchema() {
  Schema<Metric> schema;
  schema
      .Required(
          "name", &Metric::resource,
          Choice<ResourceName>({{"cpu", ResourceName::kCpu}, {"memory", ResourceName::kMemory}}),
          "Which resource", "cpu")
      .Required("target", &Metric::target,
                Target({.fields = {kUtilization, kAverageValue},
                        .meaning = "CPUs or bytes that are used",
                        .example = "500m"}),
                "One of averageUtilization and averageValue is needed",
                "{type: Utilization, averageUtilization: 70}");
  return schema;
}

Schema<Metric> TrafficMetricSchema(const TargetRules& rules, const std::string& example) {
  Schema<Metric> schema;
  schema.Required("target", &Metric::target, Target(rules), "What to keep to", example);
  return schema;
}

// Every type needs its member, and no other one.
void CheckMetric(const Cursor& at, Metric& metric) {
  const Member* type = at.node().Find("type");
  const auto& names = TypeNames();
  if (type == nullptr || std::none_of(names.begin(), names.end(), [&](const TypeName& known) {
        return known.name == type->value.text;
      })) {
    return;  // has been said
  }
  for (const TypeName& known : names) {
    const bool there = at.node().Find(known.member) != nullptr;
    const bool wanted = known.type == metric.type;
    if (wanted && !there) {
      at.DerivedError(known.member, fmt::format("is required with type: {}", known.name));
    } else if (!wanted && there) {
      at.DerivedError(known.member,
                      fmt::format("must be left out with type: {}", type->value.text));
    }
  }
}

}  // namespace

Schema<Metric> MetricSchema() {
  const std::string no_adapter = "is not built yet: use RequestRate, Concurrency or External";
  const std::string one = "is not built yet: Resource is for all containers of a replica";
  std::vector<std::pair<std::string, MetricType>> words;
  for (const TypeName& known : TypeNames()) words.emplace_back(known.name, known.type);
  const auto with = [](MetricType type) {
    return [type](const Metric& metric) { return metric.type == type; };
  };
  Schema<Metric> schema;
  schema
      .Required(
          "type", &Metric::type,
          Choice<MetricType>(
              words, {{"Pods", no_adapter}, {"Object", no_adapter}, {"ContainerResource", one}}),
          "What is measured. The member of that name says the rest", "RequestRate")
      .Group("requestRate",
             TrafficMetricSchema({.fields = {kAverageValue},
                                  .meaning = "Requests a second that a replica shall get",
                                  .example = "\"50\""},
                                 "{averageValue: \"50\"}"),
             "Requests a second, as HAProxy counts them")
      .Presence(with(MetricType::kRequestRate))
      .Group(
          "concurrency",
          TrafficMetricSchema({.fields = {kAverageValue},
                               .meaning = "Requests in flight and queued that a replica shall have",
                               .example = "\"20\""},
                              "{averageValue: \"20\"}"),
          "Requests in flight and queued")
      .Presence(with(MetricType::kConcurrency))
      .Group("responseTime",
             TrafficMetricSchema({.fields = {kValue},
                                  .meaning = "Seconds that an answer shall take on average",
                                  .example = "200m",
                                  .most_millis = 3'600'000},
                                 "{value: 200m}"),
             "The time to answer")
      .Presence(with(MetricType::kResponseTime))
      .Group("resource", ResourceSchema(), "CPU or memory of the replicas, as Docker counts it")
      .Presence(with(MetricType::kResource))
      .Group("external", ExternalSchema(), "A number from a Prometheus server")
      .Presence(with(MetricType::kExternal))
      .Refuse("pods", no_adapter)
      .Refuse("object", no_adapter)
      .Refuse("containerResource", one)
      .Check(CheckMetric);
  return schema;
}

}  // namespace ballast::api
