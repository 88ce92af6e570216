#include "controller/apiserver/pod_metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/labels.h"
#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/render.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/selectors.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using runtime::MeasuredReplica;

constexpr char kJsonType[] = "application/json";

// Of a pod, as far as it is shown again.
struct Pod {
  api::ObjectKey app;
  std::string name;
  json labels;
  std::string serving;  // the name of the container that serves
};

Pod PodOf(const json& object) {
  json labels = object.value("/metadata/labels"_json_pointer, json::object());
  if (!labels.is_object()) labels = json::object();
  const json app = labels.value(api::kLabelWebApp, json());
  return {
      .app = {"WebApp", MetaText(object, "namespace"),
              app.is_string() ? app.get<std::string>() : ""},
      .name = MetaText(object, "name"),
      .labels = std::move(labels),
      .serving = object.value("/spec/containers/0/name"_json_pointer, MetaText(object, "name"))};
}

json Render(const Pod& pod, const MeasuredReplica& replica) {
  json containers = json::array();
  for (const runtime::MeasuredContainer& container : replica.containers) {
    constexpr double kNanos = 1e9;
    constexpr double kKi = 1024;
    containers.push_back(
        {{"name", container.sidecar.empty() ? pod.serving : container.sidecar},
         {"usage",
          {{"cpu", fmt::format("{}n", std::llround(container.cpu * kNanos))},
           {"memory", fmt::format("{}Ki", std::llround(container.memory / kKi))}}}});
  }
  const std::chrono::duration<double> window = replica.window;
  return {{"kind", "PodMetrics"},
          {"apiVersion", PodMetricsResource().ApiVersion()},
          {"metadata", {{"name", pod.name}, {"namespace", pod.app.ns}, {"labels", pod.labels}}},
          {"timestamp", FormatTime(replica.total.at)},
          {"window", fmt::format("{:.3f}s", window.count())},
          {"containers", std::move(containers)}};
}

std::string RenderAll(const std::vector<json>& items, const Format& format, api::Time now) {
  const Resource& resource = PodMetricsResource();
  if (format.shape == Shape::kTable) {
    std::vector<reconcilers::StoredObject> rows;
    rows.reserve(items.size());
    for (const json& item : items) {
      rows.push_back({.key = {}, .value = std::make_shared<const std::string>(DumpJson(item))});
    }
    return RenderList(resource, rows, {}, format, now);
  }
  return DumpJson({{"kind", resource.kind + "List"},
                   {"apiVersion", resource.ApiVersion()},
                   {"metadata", json::object()},
                   {"items", items}});
}

ApiError NotMeasured(const ErrorSubject& subject) {
  ApiError error = NotFound(subject);
  error.message = fmt::format(
      "nothing is known of what pod \"{}\" uses: it does not run, or Docker does not answer",
      subject.name);
  return error;
}

ApiResult<std::vector<Pod>> Select(Registry& registry, const RequestInfo& info,
                                   const HttpRequest& request) {
  const Resource& pods = *FindResource("", "v1", "pods");
  if (info.verb == Verb::kGet) {
    const auto object = registry.Get({&pods, info.ns, info.name});
    if (!object) return std::unexpected(object.error());
    return std::vector<Pod>{PodOf(json::parse(*object, nullptr, false))};
  }
  const auto options = ParseListOptions(request);
  if (!options) return std::unexpected(options.error());
  const auto labels = LabelSelector::Parse(options->label_selector);
  if (!labels) return std::unexpected(labels.error());
  const auto fields = FieldSelector::Parse(options->field_selector);
  if (!fields) return std::unexpected(fields.error());
  const auto page =
      registry.StoreOf(pods).List({.resource = pods.plural, .ns = info.ns, .start_after = {}});
  if (!page) return Refuse(FromStatus(page.error(), info.Subject()));
  std::vector<Pod> selected;
  for (const reconcilers::StoredObject& item : page->items) {
    const json object = json::parse(*item.value, nullptr, false);
    if (labels->Matches(object) && fields->Matches(object)) selected.push_back(PodOf(object));
  }
  return selected;
}

}  // namespace

void PodMetrics::Handle(const RequestInfo& info, const HttpRequest& request,
                        const Respond& respond) const {
  const auto included = request.query.find("includeObject");
  const auto format = ChooseFormat(request.Header("accept"),
                                   included == request.query.end() ? "" : included->second);
  if (!format) return respond(ErrorResponse(format.error()));
  auto pods = Select(registry_, info, request);
  if (!pods) return respond(ErrorResponse(pods.error()));
  std::set<api::ObjectKey> apps;
  for (const Pod& pod : *pods) apps.insert(pod.app);
  monitor_.WhenMeasured({apps.begin(), apps.end()}, kPatience,
                        [pods = std::move(*pods), info, format = *format, respond,
                         &clock = clock_](const runtime::ResourceMonitor::Measured& measured) {
                          std::vector<json> items;
                          for (const Pod& pod : pods) {
                            const auto app = measured.find(pod.app);
                            if (app == measured.end()) continue;
                            const auto replica = app->second.find(pod.name);
                            if (replica != app->second.end())
                              items.push_back(Render(pod, replica->second));
                          }
                          if (info.verb == Verb::kGet && items.empty()) {
                            return respond(ErrorResponse(NotMeasured(info.Subject())));
                          }
                          const bool one =
                              info.verb == Verb::kGet && format.shape == Shape::kObject;
                          respond({.content_type = kJsonType,
                                   .body = one ? DumpJson(items.front())
                                               : RenderAll(items, format, clock.WallNow())});
                        });
}

}  // namespace ballast::apiserver
