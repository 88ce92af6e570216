// Puts the sections and the maps together (render.h).
#include "reconcilers/haproxy/render.h"

#include <fmt/format.h>

#include <set>

#include "reconcilers/haproxy/hold.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"
#include "reconcilers/haproxy/routes.h"

namespace ballast::reconcilers::haproxy {
namespace {

// `#` begins a comment in a map file; no key starts with it.
std::string MapFile(const std::map<std::string, std::string>& entries) {
  std::string text = "# Written by Ballast.\n";
  for (const auto& [key, backend] : entries) text += fmt::format("{} {}\n", key, backend);
  return text;
}

// HAProxy refuses some duplicates, ignores others, and names the line, never the object.
Result<void> CheckUnique(const LoadBalancerModel& model) {
  std::set<std::string> listeners;
  std::set<std::uint16_t> ports;
  if (model.spec.stats_port != 0) ports.insert(model.spec.stats_port);
  for (const api::Listener& listener : model.spec.listeners) {
    if (!listeners.insert(listener.name).second) {
      return Error(Code::kInvalidArgument,
                   fmt::format("listener {}: named twice", Printable(listener.name)));
    }
    if (!ports.insert(listener.port).second) {
      return Error(Code::kInvalidArgument, fmt::format("listener {}: port {} is used twice",
                                                       Printable(listener.name), listener.port));
    }
  }
  std::set<std::string> backends;
  for (const BackendModel& backend : model.backends) {
    if (!backends.insert(backend.name).second) {
      return Error(Code::kInvalidArgument,
                   fmt::format("backend {}: named twice", Printable(backend.name)));
    }
    std::set<std::string> servers;
    for (const ServerModel& server : backend.servers) {
      if (!servers.insert(server.name).second) {
        return Error(Code::kInvalidArgument,
                     fmt::format("backend {}: server {} is named twice", Printable(backend.name),
                                 Printable(server.name)));
      }
    }
  }
  return {};
}

// The certificates that are served, the list of each HTTPS listener, and the users, who are in
// haproxy.cfg too, where nobody could read them back.
Result<void> AddSecrets(const LoadBalancerModel& model, const SecretContent& content,
                        ConfigFiles& files) {
  for (const api::Listener& listener : model.spec.listeners) {
    if (listener.protocol != kHttps || !IsServed(model, listener)) continue;
    std::string list;
    for (const CertificateModel* const certificate : CertificatesOf(model, listener)) {
      for (const std::string& part : {certificate->secret.ns, certificate->secret.name}) {
        if (const auto checked = CheckName(part); !checked) {
          return Wrap("secretNames", checked.error());
        }
      }
      const auto pem = content.certificates.find(certificate->digest);
      if (pem == content.certificates.end()) {
        return Error(Code::kInternal, fmt::format("certificate {}: its content is not known",
                                                  certificate->secret.ToString()));
      }
      files[CertificateFile(certificate->secret)] = pem->second;
      list += CertificatePath(certificate->secret) + "\n";
    }
    files[CertificateListFile(listener.name)] = list;
  }
  const auto add_users = [&](const std::string& name, const std::string& digest) {
    const auto users = content.users.find(digest);
    if (users != content.users.end()) files[UsersFileName(name)] = UsersFile(users->second);
  };
  if (model.spec.stats_auth) add_users(kStatsFrontend, model.stats_users);
  for (const BackendModel& backend : model.backends) {
    if (!backend.traffic.basic_auth_secret.empty()) add_users(backend.name, backend.users);
  }
  return {};
}

}  // namespace

Result<ConfigFiles> Render(const LoadBalancerModel& model, const SecretContent& content) {
  if (Result<void> unique = CheckUnique(model); !unique) return std::unexpected(unique.error());
  const Result<RouteMaps> maps = MakeRouteMaps(model);
  if (!maps) return std::unexpected(maps.error());

  ConfigWriter out;
  out.Comment("Written by Ballast, and again after every change: edits are lost.");
  WriteGlobal(model, out);
  WriteDefaults(model.spec, out);
  WriteUserlists(model, content, out);
  for (const api::Listener& listener : model.spec.listeners) {
    if (IsServed(model, listener)) WriteListener(model.spec, listener, out);
  }
  WriteOwnFrontends(model, out);
  WriteNoRouteBackend(out);
  for (const BackendModel& backend : model.backends) WriteBackend(backend, model.holds, out);

  Result<std::string> config = out.Finish();
  if (!config) return std::unexpected(config.error());
  ConfigFiles files{{kConfigFile, *std::move(config)},
                    {kExactMapFile, MapFile(maps->exact)},
                    {kPrefixMapFile, MapFile(maps->prefix)}};
  if (model.holds) {
    files[kHoldMapFile] = MapFile(HoldMap(model));
    files[kHoldScriptFile] = HoldScript();
  }
  if (Result<void> added = AddSecrets(model, content, files); !added) {
    return std::unexpected(added.error());
  }
  return files;
}

ConfigFiles RenderBootstrap(const std::string& name) {
  LoadBalancerModel model{.name = name};
  model.spec.listeners.clear();
  model.spec.stats_port = 0;
  // Nothing in it is anybody's value, so nothing can be refused.
  return Render(model).value_or(ConfigFiles{});
}

}  // namespace ballast::reconcilers::haproxy
