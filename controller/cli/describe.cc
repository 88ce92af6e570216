#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/describe_view.h"
#include "controller/cli/not_found.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

class Describer {
 public:
  Describer(const Arguments& arguments, Session& session)
      : arguments_(arguments),
        session_(session),
        everywhere_(arguments.On("--all-namespaces")),
        ns_(everywhere_ ? "" : arguments.Get("--namespace")) {}

  int Run() {
    const auto types = session_.Types();
    if (!types) return session_.Fail(types.error());
    types_ = *types;
    const auto targets = ParseTargets(arguments_.words(), *types_);
    if (!targets) {
      return targets.error().code == Code::kInvalidArgument
                 ? session_.Usage(targets.error().message, "describe")
                 : session_.Fail(targets.error());
    }
    if (targets->by_name && (everywhere_ || arguments_.Given("--selector"))) {
      return session_.Usage("a name excludes -A and --selector", "describe");
    }
    int code = kExitOk;
    for (const auto& target : targets->all) {
      const Result<void> described = Describe(target);
      if (described) continue;
      code = session_.Fail(described.error());
      if (described.error().code != Code::kNotFound) return code;
    }
    if (!printed_ && code == kExitOk) {
      session_.err << "there are no " << targets->all.front().type->plural << "\n";
    }
    return code;
  }

 private:
  Result<void> Describe(const Targets::One& target) {
    if (!target.name.empty()) {
      const auto object = session_.CallJson({.target = target.type->Path(ns_, target.name)});
      if (object) return Print(*target.type, *object);
      if (object.error().code != Code::kNotFound) return std::unexpected(object.error());
      return ExplainNotFound(session_, *target.type, ns_, target.name, object.error());
    }
    const auto list =
        session_.ListAll(target.type->Path(ns_), {{"labelSelector", arguments_.Get("--selector")}},
                         "application/json");
    if (!list) return std::unexpected(list.error());
    for (json object : List(*list, "items")) {
      // Items of a list may not say what they are.
      if (!object.contains("kind")) object["kind"] = target.type->kind;
      if (Result<void> printed = Print(*target.type, object); !printed) return printed;
    }
    return {};
  }

  Result<void> Print(const ResourceType& type, const json& object) {
    const json& metadata = Field(object, "metadata");
    const std::string name = Text(metadata, "name");
    const std::string ns = Text(metadata, "namespace", "");
    const auto events = EventsOf(type, ns, name);
    if (!events) return std::unexpected(events.error());
    json pods;
    json autoscaler;
    if (type.kind == "WebApp") {
      auto found = PodsOf(ns, name);
      if (!found) return std::unexpected(found.error());
      pods = std::move(*found);
      autoscaler = AutoscalerOf(ns, name);
    }
    if (printed_) session_.out << "\n\n";
    printed_ = true;
    session_.out << DescribeObject({.object = object,
                                    .events = *events,
                                    .pods = pods,
                                    .autoscaler = autoscaler,
                                    .now = session_.environment.now(),
                                    .color = session_.environment.color});
    return {};
  }

  Result<std::vector<json>> EventsOf(const ResourceType& type, const std::string& ns,
                                     const std::string& name) {
    const ResourceType* const events = types_->FindKind("v1", "Event");
    if (events == nullptr) return std::vector<json>();
    auto list = session_.ListAll(
        events->Path(ns),
        {{"fieldSelector",
          fmt::format("involvedObject.kind={},involvedObject.name={}", type.kind, name)}},
        "application/json");
    if (!list) return std::unexpected(list.error());
    return List(*list, "items");
  }

  Result<json> PodsOf(const std::string& ns, const std::string& name) {
    const ResourceType* const pods = types_->FindKind("v1", "Pod");
    if (pods == nullptr) return json();
    return session_.ListAll(pods->Path(ns), {{"labelSelector", "ballast.dev/webapp=" + name}},
                            kTableAccept);
  }

  // One that cannot be read is not worth failing for.
  json AutoscalerOf(const std::string& ns, const std::string& name) {
    const ResourceType* const type = types_->FindKind("ballast.dev/v1alpha1", "Autoscaler");
    if (type == nullptr) return {};
    const auto list = session_.ListAll(type->Path(ns), {}, "application/json");
    if (!list) return {};
    for (const json& item : List(*list, "items")) {
      if (Text(Field(Field(item, "spec"), "scaleTargetRef"), "name") == name) return item;
    }
    return {};
  }

  const Arguments& arguments_;
  Session& session_;
  const bool everywhere_;
  const std::string ns_;
  const ResourceTypes* types_ = nullptr;
  bool printed_ = false;
};

}  // namespace

int RunDescribe(const Arguments& arguments, Session& session) {
  return Describer(arguments, session).Run();
}

}  // namespace ballast::cli
