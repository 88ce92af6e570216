#include "reconcilers/webapp/container_spec.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <sstream>

#include "api/codec.h"
#include "api/labels.h"

namespace ballast::reconcilers {
namespace {

std::map<std::string, std::string> Labels(const ReplicaIdentity& id,
                                          const api::PodTemplate& pod_template) {
  std::map<std::string, std::string> labels = pod_template.labels;
  labels[api::kLabelWebApp] = id.app;
  labels[api::kLabelNamespace] = id.ns;
  labels[api::kLabelOwner] = id.owner;
  labels[api::kLabelRevision] = id.revision;
  labels[api::kLabelReplica] = id.replica;
  labels[api::kLabelSlot] = std::to_string(id.slot);
  labels[api::kLabelAttempt] = std::to_string(id.attempt);
  return labels;
}

std::string VolumeName(const std::string& container, const std::string& volume) {
  return container + "." + volume;
}

bool IsObjectVolume(const api::Volume& volume) {
  return std::holds_alternative<api::ConfigMapVolume>(volume.source) ||
         std::holds_alternative<api::SecretVolume>(volume.source);
}

MountSpec Mount(const api::VolumeMount& mount, const api::Volume& volume,
                const std::string& container) {
  MountSpec spec{.target = mount.mount_path, .read_only = mount.read_only};
  if (IsObjectVolume(volume)) {
    spec.source = VolumeName(container, volume.name);
    spec.read_only = true;
    spec.no_copy = true;  // without keys it is empty, also where the image has files
    return spec;
  }
  if (std::holds_alternative<api::EmptyDirVolume>(volume.source)) {
    spec.source = VolumeName(container, volume.name);
  } else if (const auto* host = std::get_if<api::HostPathVolume>(&volume.source)) {
    spec.type = MountSpec::Type::kBind;
    spec.source = host->path;
  } else if (const auto* docker = std::get_if<api::DockerVolume>(&volume.source)) {
    spec.source = docker->name;
  }
  return spec;
}

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : ",") + word;
  return joined;
}

// What main container and sidecars have in common.
ContainerSpec Base(const api::Container& container, const api::PodTemplate& pod_template,
                   const std::string& image_id, const std::string& replica_container) {
  ContainerSpec spec;
  spec.image = image_id;
  spec.entrypoint = container.command;
  spec.cmd = container.args;
  spec.working_dir = container.working_dir;
  for (const api::ContainerPort& port : container.ports) {
    spec.exposed_ports.push_back(port.container_port);
  }
  for (const api::VolumeMount& mount : container.volume_mounts) {
    for (const api::Volume& volume : pod_template.volumes) {
      if (volume.name == mount.name) spec.mounts.push_back(Mount(mount, volume, replica_container));
    }
  }
  spec.nano_cpus = container.limits.cpu_millis * 1'000'000;
  spec.memory_bytes = container.limits.memory_bytes;
  const api::SecurityContext& security = container.security;
  if (security.run_as_user) spec.user = std::to_string(*security.run_as_user);
  if (security.run_as_group) {
    // Docker wants a user before the group; 0 is what it would take by itself.
    if (spec.user.empty()) spec.user = "0";
    spec.user += ":" + std::to_string(*security.run_as_group);
  }
  spec.read_only_root = security.read_only_root_filesystem;
  spec.no_new_privileges = !security.privileged_escalation;
  spec.cap_add = security.capabilities_add;
  spec.cap_drop = security.capabilities_drop;
  spec.disable_healthcheck =
      container.startup_probe || container.readiness_probe || container.liveness_probe;
  spec.log_driver = pod_template.logging.driver;
  spec.log_options = pod_template.logging.options;
  spec.stop_timeout_seconds = pod_template.termination_grace_period_seconds;
  return spec;
}

// Mounts the volume in the opener, with this mode; returns where.
std::string Open(ReplicaSpecs& specs, const std::string& volume, int mode) {
  const std::string directory = "v" + std::to_string(specs.opener.mounts.size());
  specs.opener.mounts.push_back({.source = volume, .target = "/" + directory});
  specs.opened.push_back({.path = directory, .directory = true, .mode = mode});
  return directory;
}

// The files belong to root, with the mode that the template says.
void Fill(ReplicaSpecs& specs, const std::string& volume, const ReplicaConfig& values,
          const std::string& name) {
  const std::string directory = Open(specs, volume, 0755);
  const auto files = values.files.find(name);
  if (files == values.files.end()) return;
  for (FileEntry file : files->second) {
    file.path = directory + "/" + file.path;
    specs.opened.push_back(std::move(file));
  }
}

}  // namespace

bool HasOwnVolumes(const api::PodTemplate& pod_template) {
  return std::ranges::any_of(pod_template.volumes, [](const api::Volume& volume) {
    return IsObjectVolume(volume) || std::holds_alternative<api::EmptyDirVolume>(volume.source);
  });
}

std::string ContainerName(const std::string& owner, const std::string& ns,
                          const std::string& replica, int attempt) {
  const std::string name = ns + "." + replica + "." + std::to_string(attempt);
  return owner == "ballast" ? name : owner + "." + name;
}

std::string OpenerName(const std::string& container) { return container + ".volumes"; }

ReplicaSpecs BuildReplica(const ReplicaIdentity& identity, const api::PodTemplate& pod_template,
                          const std::vector<std::string>& image_ids, const ReplicaConfig& values) {
  ReplicaSpecs specs;
  const std::string name =
      ContainerName(identity.owner, identity.ns, identity.replica, identity.attempt);
  for (const api::Volume& volume : pod_template.volumes) {
    const auto* empty_dir = std::get_if<api::EmptyDirVolume>(&volume.source);
    if (empty_dir == nullptr && !IsObjectVolume(volume)) continue;
    VolumeSpec spec{.name = VolumeName(name, volume.name),
                    .labels = {{api::kLabelOwner, identity.owner}, {api::kLabelVolumeOf, name}}};
    if (empty_dir == nullptr) {
      Fill(specs, spec.name, values, volume.name);
    } else if (empty_dir->memory) {
      spec.driver_options = {{"type", "tmpfs"}, {"device", "tmpfs"}, {"o", "mode=0777"}};
      if (empty_dir->size_limit > 0) {
        spec.driver_options["o"] += ",size=" + std::to_string(empty_dir->size_limit);
      }
    } else {
      static_cast<void>(Open(specs, spec.name, 0777));
    }
    specs.volumes.push_back(std::move(spec));
  }
  specs.opener.name = OpenerName(name);
  specs.opener.image =
      image_ids.empty() ? pod_template.containers.front().image : image_ids.front();
  specs.opener.entrypoint = {"/"};  // an image may have no command; this one never runs
  specs.opener.network_mode = "none";
  specs.opener.labels = {{api::kLabelOwner, identity.owner}};
  for (std::size_t i = 0; i < pod_template.containers.size(); ++i) {
    const api::Container& container = pod_template.containers[i];
    ContainerSpec spec =
        Base(container, pod_template, i < image_ids.size() ? image_ids[i] : container.image, name);
    if (i < values.env.size()) spec.env = values.env[i];
    spec.labels = Labels(identity, pod_template);
    if (i == 0) {
      spec.name = name;
      spec.network_mode = identity.network;
      spec.ip_address = identity.address;
      spec.more_networks = pod_template.networks;
      spec.labels[api::kLabelFailures] = std::to_string(identity.failures);
      spec.labels[api::kLabelTemplate] = api::CanonicalTemplate(pod_template);
      // Of one container Docker itself knows the image.
      if (pod_template.containers.size() > 1 &&
          image_ids.size() == pod_template.containers.size()) {
        spec.labels[api::kLabelImages] = Join(image_ids);
      }
      if (!identity.config.empty()) spec.labels[api::kLabelConfig] = identity.config;
      if (!identity.cause.empty()) spec.labels[api::kLabelCause] = identity.cause;
      spec.labels[api::kLabelRollout] = FormatTime(identity.rollout_started);
      spec.labels[api::kLabelAddress] = identity.address;
      specs.main = std::move(spec);
    } else {
      spec.name = name + "." + container.name;
      spec.exposed_ports.clear();  // Docker refuses them beside another container's network
      spec.labels[api::kLabelSidecar] = container.name;
      specs.sidecars.push_back(std::move(spec));
    }
  }
  return specs;
}

std::vector<std::string> PinnedImages(const ContainerInfo& main, std::size_t containers) {
  if (containers == 1) return {main.image_id};
  std::vector<std::string> images;
  const auto label = main.labels.find(api::kLabelImages);
  std::istringstream in(label == main.labels.end() ? "" : label->second);
  for (std::string word; std::getline(in, word, ',');) images.push_back(std::move(word));
  if (images.size() != containers) images = {main.image_id};
  return images;
}

std::string FormatTime(api::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

api::Time ParseTime(const std::string& text) {
  std::tm utc{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  if (end == nullptr || *end != '\0') return api::Time{};
  return std::chrono::system_clock::from_time_t(timegm(&utc));
}

}  // namespace ballast::reconcilers
