// Networks and volumes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/docker/decode.h"
#include "controller/docker/encode.h"
#include "controller/docker/engine.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using reconcilers::NetworkInfo;

constexpr int kNotFound = 404;

bool IsMissing(int status, std::string_view) { return status == kNotFound; }

}  // namespace

Result<NetworkInfo> DockerEngine::InspectNetwork(const std::string& name) {
  if (auto valid = CheckName("network", name); !valid) return std::unexpected(valid.error());
  const auto json =
      client_.GetJson("inspect_network", "inspect network " + name, "/networks/" + Escape(name));
  if (!json) return std::unexpected(json.error());
  return DecodeNetwork(*json);
}

Result<std::vector<NetworkInfo>> DockerEngine::ListNetworks() {
  const auto json = client_.GetJson("list_networks", "list networks", "/networks");
  if (!json) return std::unexpected(json.error());
  std::vector<NetworkInfo> out;
  if (json->is_array()) {
    for (const Json& network : *json) out.push_back(DecodeNetwork(network));
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Result<std::string> DockerEngine::CreateNetwork(const reconcilers::NetworkSpec& spec) {
  if (auto valid = CheckName("network", spec.name); !valid) return std::unexpected(valid.error());
  return DoForId("create_network", "create network " + spec.name,
                 {.method = "POST",
                  .target = "/networks/create",
                  .body = EncodeNetwork(spec),
                  .idempotent = false,
                  .timeout = options_.request_timeout},
                 "Id");
}

Result<void> DockerEngine::RemoveNetwork(const std::string& name) {
  if (auto valid = CheckName("network", name); !valid) return valid;
  return Do("remove_network", "remove network " + name,
            {.method = "DELETE",
             .target = "/networks/" + Escape(name),
             .timeout = options_.request_timeout},
            IsMissing);
}

Result<void> DockerEngine::ConnectNetwork(const std::string& network, const std::string& container,
                                          const std::string& ip) {
  if (auto valid = CheckName("network", network); !valid) return valid;
  if (auto valid = CheckName("container", container); !valid) return valid;
  return Do("connect_network",
            fmt::format("connect container {} to network {}", container, network),
            {.method = "POST",
             .target = "/networks/" + Escape(network) + "/connect",
             .body = EncodeConnect(container, ip),
             .timeout = options_.request_timeout},
            [](int, std::string_view text) {
              return ContainsNoCase(text, "is already connected") ||
                     (ContainsNoCase(text, "endpoint with name") &&
                      ContainsNoCase(text, "already exists in network"));
            });
}

Result<void> DockerEngine::DisconnectNetwork(const std::string& network,
                                             const std::string& container) {
  if (auto valid = CheckName("network", network); !valid) return valid;
  if (auto valid = CheckName("container", container); !valid) return valid;
  return Do("disconnect_network",
            fmt::format("disconnect container {} from network {}", container, network),
            {.method = "POST",
             .target = "/networks/" + Escape(network) + "/disconnect",
             .body = DumpJson(Json{{"Container", container}, {"Force", true}}),
             .timeout = options_.request_timeout},
            [](int, std::string_view text) { return ContainsNoCase(text, "is not connected to"); });
}

Result<std::vector<reconcilers::VolumeInfo>> DockerEngine::ListVolumes(const std::string& label) {
  const auto json =
      client_.GetJson("list_volumes", "list volumes", "/volumes?" + LabelFilter(label));
  if (!json) return std::unexpected(json.error());
  return DecodeVolumes(*json);
}

Result<void> DockerEngine::CreateVolume(const reconcilers::VolumeSpec& spec) {
  if (auto valid = CheckName("volume", spec.name); !valid) return valid;
  return Do("create_volume", "create volume " + spec.name,
            {.method = "POST",
             .target = "/volumes/create",
             .body = EncodeVolume(spec),
             .timeout = options_.request_timeout});
}

Result<void> DockerEngine::RemoveVolume(const std::string& name) {
  if (auto valid = CheckName("volume", name); !valid) return valid;
  return Do("remove_volume", "remove volume " + name,
            {.method = "DELETE",
             .target = "/volumes/" + Escape(name),
             .timeout = options_.request_timeout},
            IsMissing);
}

}  // namespace ballast::docker
