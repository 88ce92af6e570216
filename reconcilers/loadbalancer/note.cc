// The note beside haproxy.cfg, in the words of the kinds' own codec.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "reconcilers/loadbalancer/target.h"

namespace ballast::reconcilers {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
constexpr int kMaxDepth = 64;

json EncodeBackend(const haproxy::BackendModel& backend,
                   const std::vector<haproxy::RouteModel>& routes) {
  const api::ObjectKey key = AppOfBackend(backend.name);
  api::WebApp app;
  app.meta.ns = key.ns;
  app.meta.name = key.name;
  app.spec.traffic = backend.traffic;
  for (const haproxy::RouteModel& route : routes) {
    if (route.backend == backend.name) app.spec.routes.push_back(route.route);
  }
  json servers = json::array();
  for (const haproxy::ServerModel& server : backend.servers) {
    servers.push_back({{"name", server.name},
                       {"address", server.address},
                       {"port", server.port},
                       {"admin", static_cast<int>(server.admin)}});
  }
  json result{
      {"name", backend.name}, {"app", api::EncodeObject(app)}, {"servers", std::move(servers)}};
  if (!backend.users.empty()) result["users"] = backend.users;
  if (backend.hold_seconds > 0) result["holdSeconds"] = backend.hold_seconds;
  return result;
}

// What runs was allowed when it was put there.
api::DecodeOptions Everything() {
  api::DecodeOptions options;
  options.features = api::Features::All();
  return options;
}

Result<void> DecodeBackend(const json& from, haproxy::LoadBalancerModel& model) {
  haproxy::BackendModel backend;
  backend.name = from.at("name").get<std::string>();
  const Result<api::Object> object = api::DecodeObject(from.at("app"), Everything());
  if (!object) return std::unexpected(object.error());
  const auto* app = std::get_if<api::WebApp>(&*object);
  if (app == nullptr) return Error(Code::kInvalidArgument, "not a WebApp");
  backend.traffic = app->spec.traffic;
  backend.users = from.value("users", "");
  backend.hold_seconds = std::max(0, from.value("holdSeconds", 0));
  for (const api::Route& route : app->spec.routes) model.routes.push_back({route, backend.name});
  for (const json& entry : from.at("servers")) {
    haproxy::ServerModel server;
    server.name = entry.at("name").get<std::string>();
    server.address = entry.at("address").get<std::string>();
    server.port = entry.at("port").get<std::uint16_t>();
    server.admin = static_cast<ServerAdmin>(std::clamp(entry.at("admin").get<int>(), 0, 2));
    backend.servers.push_back(std::move(server));
  }
  model.backends.push_back(std::move(backend));
  return {};
}

}  // namespace

std::string EncodeNote(const Note& note) {
  api::LoadBalancer load_balancer;
  load_balancer.meta.name = note.model.name;
  load_balancer.spec = note.model.spec;
  json backends = json::array();
  for (const haproxy::BackendModel& backend : note.model.backends) {
    backends.push_back(EncodeBackend(backend, note.model.routes));
  }
  json result = {{"version", kVersion},
                 {"bootstrap", note.bootstrap},
                 {"layout", note.layout},
                 {"loadBalancer", api::EncodeObject(load_balancer)},
                 {"backends", std::move(backends)}};
  if (!note.model.stats_users.empty()) result["statsUsers"] = note.model.stats_users;
  if (note.model.holds) result["holds"] = true;
  for (const haproxy::CertificateModel& one : note.model.certificates) {
    result["certificates"].push_back({{"namespace", one.secret.ns},
                                      {"name", one.secret.name},
                                      {"digest", one.digest},
                                      {"fingerprint", one.fingerprint},
                                      {"bytes", one.bytes}});
  }
  return result.dump() + "\n";
}

Result<Note> DecodeNote(const std::string& text) {
  const Result<json> parsed = api::ParseJsonStrict(text, kMaxBytes, kMaxDepth);
  if (!parsed) return Wrap(kNoteFile, parsed.error());
  try {
    if (parsed->at("version").get<int>() != kVersion) {
      return Error(Code::kInvalidArgument, fmt::format("{}: another version", kNoteFile));
    }
    Note note;
    note.bootstrap = parsed->at("bootstrap").get<bool>();
    note.layout = parsed->at("layout").get<std::string>();
    const Result<api::Object> object = api::DecodeObject(parsed->at("loadBalancer"), Everything());
    if (!object) return Wrap(kNoteFile, object.error());
    const auto* load_balancer = std::get_if<api::LoadBalancer>(&*object);
    if (load_balancer == nullptr) return Error(Code::kInvalidArgument, "not a LoadBalancer");
    note.model.name = load_balancer->meta.name;
    note.model.spec = load_balancer->spec;
    for (const json& backend : parsed->at("backends")) {
      if (Result<void> read = DecodeBackend(backend, note.model); !read) {
        return Wrap(kNoteFile, read.error());
      }
    }
    std::ranges::sort(note.model.routes);
    note.model.stats_users = parsed->value("statsUsers", "");
    note.model.holds = parsed->value("holds", false);
    for (const json& one : parsed->value("certificates", json::array())) {
      note.model.certificates.push_back(
          {.secret = {one.at("namespace").get<std::string>(), one.at("name").get<std::string>()},
           .digest = one.at("digest").get<std::string>(),
           .fingerprint = one.at("fingerprint").get<std::string>(),
           .bytes = one.at("bytes").get<std::size_t>()});
    }
    std::ranges::sort(note.model.certificates, {}, &haproxy::CertificateModel::secret);
    return note;
  } catch (const json::exception& error) {
    return Error(Code::kInvalidArgument, fmt::format("{}: {}", kNoteFile, error.what()));
  }
}

}  // namespace ballast::reconcilers
