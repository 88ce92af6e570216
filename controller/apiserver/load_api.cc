#include "controller/apiserver/load_api.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/rest_handler.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::LoadSample;

constexpr char kTop[] = "/ballast/v1/top";
constexpr std::string_view kLoad = "/ballast/v1/load/";
constexpr std::int64_t kMaxSince = std::int64_t{7} * 24 * 3600;

HttpResponse Json(const json& body, const char* route) {
  return {.content_type = "application/json", .body = DumpJson(body) + "\n", .route = route};
}

HttpResponse Refused(const ApiError& error, const char* route) {
  HttpResponse response = ErrorResponse(error);
  response.route = route;
  return response;
}

json Number(const std::optional<double>& value) { return value ? json(*value) : json(); }

void AddFigures(const LoadFigures& figures, json& to) {
  to["requestRate"] = Number(figures.request_rate);
  to["concurrency"] = Number(figures.concurrency);
  to["queued"] = Number(figures.queued);
  to["responseSeconds"] = Number(figures.response_seconds);
  to["errorRate"] = Number(figures.error_rate);
  to["cpu"] = Number(figures.cpu);
  to["memory"] = Number(figures.memory);
}

json Encode(const std::vector<LoadSample>& samples) {
  json list = json::array();
  for (const LoadSample& sample : samples) {
    list.push_back(
        {{"second", sample.second},
         {"requestRate", sample.request_rate},
         {"concurrency", sample.concurrency},
         {"queued", sample.queued},
         {"responseSeconds", sample.response_seconds < 0 ? json() : json(sample.response_seconds)},
         {"errorRate", sample.error_rate},
         {"inService", sample.in_service}});
  }
  return list;
}

// Nothing: no whole number of seconds, or too long.
std::optional<std::int64_t> ParseSince(const HttpRequest& request) {
  const auto given = request.query.find("since");
  if (given == request.query.end()) return LoadApi::kDefaultSince;
  const std::string& text = given->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (value < 1 || value > kMaxSince) return std::nullopt;
  return value;
}

}  // namespace

std::optional<HttpResponse> LoadApi::Handle(const HttpRequest& request) const {
  const bool top = request.path == kTop;
  if (!top && !request.path.starts_with(kLoad)) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    return Refused(MethodNotAllowed("loads can only be read"), top ? kTop : kLoad.data());
  }
  return top ? Top(request) : Load(request, request.path.substr(kLoad.size()));
}

HttpResponse LoadApi::Top(const HttpRequest& request) const {
  const auto ns = request.query.find("namespace");
  json items = json::array();
  for (const TopWebApp& app : view_.Top(ns == request.query.end() ? "" : ns->second)) {
    json replicas = json::array();
    for (const TopReplica& replica : app.replicas) {
      json item = {{"name", replica.name}};
      AddFigures(replica.figures, item);
      replicas.push_back(std::move(item));
    }
    json item = {{"namespace", app.key.ns},
                 {"name", app.key.name},
                 {"inService", app.in_service},
                 {"held", app.held},
                 {"replicas", std::move(replicas)}};
    AddFigures(app.figures, item);
    items.push_back(std::move(item));
  }
  return Json({{"now", FormatTime(clock_.WallNow())}, {"items", std::move(items)}}, kTop);
}

// "namespaces/NS/webapps/NAME"
HttpResponse LoadApi::Load(const HttpRequest& request, const std::string& rest) const {
  constexpr char kRoute[] = "/ballast/v1/load/{namespace}/{name}";
  constexpr std::string_view kNamespaces = "namespaces/";
  constexpr std::string_view kWebApps = "/webapps/";
  const std::size_t middle = rest.find('/', kNamespaces.size());
  if (!rest.starts_with(kNamespaces) || middle == std::string::npos ||
      rest.compare(middle, kWebApps.size(), kWebApps) != 0) {
    return Refused(NotFound({"", "load", ""}), kRoute);
  }
  const api::ObjectKey app{"WebApp", rest.substr(kNamespaces.size(), middle - kNamespaces.size()),
                           rest.substr(middle + kWebApps.size())};
  const auto since = ParseSince(request);
  if (!since) {
    return Refused(BadRequest("since must be a number of seconds from 1 to 604800 (7 days)"),
                   kRoute);
  }
  if (!view_.Exists(app)) {
    return Refused(NotFound({"ballast.dev", "webapps", app.name}), kRoute);
  }
  const std::int64_t now =
      std::chrono::floor<std::chrono::seconds>(clock_.WallNow()).time_since_epoch().count();
  const auto seconds = view_.Seconds(app, now - *since);
  if (!seconds) return Refused(FromStatus(seconds.error(), {"", "load", app.name}), kRoute);
  const auto minutes = view_.Minutes(app, now - *since);
  if (!minutes) return Refused(FromStatus(minutes.error(), {"", "load", app.name}), kRoute);
  return Json({{"app", app.ns + "/" + app.name},
               {"seconds", Encode(*seconds)},
               {"minutes", Encode(*minutes)}},
              kRoute);
}

}  // namespace ballast::apiserver
