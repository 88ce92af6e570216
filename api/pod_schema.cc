#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/schemas.h"

namespace ballast::api {
namespace {

// Reports members of a list whose `key` was there before. `keys[i]` belongs to item i; empty: skip.
void CheckUnique(const Cursor& at, std::string_view list, std::string_view key,
                 const std::vector<std::string>& keys) {
  const Member* member = at.node().Find(list);
  if (member == nullptr || member->value.kind != Value::Kind::kList) return;
  const Cursor list_at = at.At(*member);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < std::min(keys.size(), member->value.items.size()); ++i) {
    if (!keys[i].empty() && !seen.insert(keys[i]).second) {
      list_at.At(i).DerivedError(key, fmt::format("{} is in the list already", Quote(keys[i])));
    }
  }
}

template <typename T, typename Get>
std::vector<std::string> Keys(const std::vector<T>& values, Get get) {
  std::vector<std::string> keys;
  for (const T& value : values) keys.push_back(get(value));
  return keys;
}

Schema<ContainerPort> PortSchema() {
  Schema<ContainerPort> schema;
  const std::string not_published =
      "is not allowed: HAProxy reaches the container itself, and the world reaches HAProxy";
  schema
      .Add("name", &ContainerPort::name,
           Text("a-z, 0-9 and '-', at least one letter, at most 15", RulePortName),
           "A name for probes to refer to", "http")
      .Required("containerPort", &ContainerPort::container_port, Integer<std::uint16_t>(1, 65535),
                "The port that the process listens on", "8080")
      .Add("protocol", &ContainerPort::protocol,
           Choice<std::string>({{"TCP", "TCP"}},
                               {{"UDP", "must be TCP: HAProxy passes on HTTP only"},
                                {"SCTP", "must be TCP: HAProxy passes on HTTP only"}}),
           "The transport", "TCP")
      .Refuse("hostPort", not_published)
      .Refuse("hostIP", not_published);
  return schema;
}

Schema<VolumeMount> MountSchema() {
  Schema<VolumeMount> schema;
  schema
      .Required("name", &VolumeMount::name, Text("a name from volumes", RuleObjectName),
                "Which volume", "cache")
      .Required("mountPath", &VolumeMount::mount_path,
                Text("absolute, below /, without ':' and \"..\"", RuleMountPath),
                "Where it appears in the container", "/cache")
      .Add("readOnly", &VolumeMount::read_only, Boolean(), "Mounts it without the right to write",
           "true")
      .Refuse("subPath", "is not built yet")
      .Refuse("subPathExpr", "is not built yet")
      .Refuse("mountPropagation", "is not built yet")
      .Check([](const Cursor&, VolumeMount& mount) {
        if (!mount.mount_path.empty()) mount.mount_path = CleanPath(mount.mount_path);
      });
  return schema;
}

Schema<ResourceLimits> LimitsSchema() {
  Schema<ResourceLimits> schema;
  schema
      .Add("cpu", &ResourceLimits::cpu_millis, CpuQuantity(10, 1'024'000),
           "CPUs that it may use at most; left out: no limit", "500m")
      .Add("memory", &ResourceLimits::memory_bytes,
           ByteQuantity(std::int64_t{6} << 20, std::int64_t{64} << 40),
           "Memory that it may use at most; above it the kernel kills it; left out: no limit",
           "256Mi");
  return schema;
}

Schema<SecurityContext> SecuritySchema() {
  const auto id = Integer<std::int64_t>(0, 2'147'483'647);
  const auto names = List(Text("a Linux capability without CAP_, or ALL", RuleCapability), 0, 64,
                          Repeats::kRefused);
  Schema<SecurityContext> capabilities;
  capabilities
      .Add("add", &SecurityContext::capabilities_add, names, "Capabilities beyond Docker's default",
           "[NET_BIND_SERVICE]")
      .Add("drop", &SecurityContext::capabilities_drop, names, "Capabilities taken away", "[ALL]");
  Schema<SecurityContext> schema;
  schema
      .Optional("runAsUser", &SecurityContext::run_as_user, id,
                "The user id of the process; left out: the image's", "1000")
      .Optional("runAsGroup", &SecurityContext::run_as_group, id,
                "The group id of the process; needs runAsUser", "1000")
      .Add("readOnlyRootFilesystem", &SecurityContext::read_only_root_filesystem, Boolean(),
           "Nothing but volumes can be written", "true")
      .Add("allowPrivilegeEscalation", &SecurityContext::privileged_escalation, Boolean(),
           "false: no process gains rights by setuid programs (no-new-privileges)", "false")
      .Group("capabilities", std::move(capabilities), "Linux capabilities")
      .Refuse("privileged", "is not allowed: add the capabilities that are needed", "false")
      .Refuse("runAsNonRoot", "is not built yet: set runAsUser")
      .Refuse("seccompProfile", "is not built yet: Docker's default applies")
      .Refuse("seLinuxOptions", "is not built yet")
      .Refuse("appArmorProfile", "is not built yet: Docker's default applies")
      .Refuse("procMount", "is not built yet")
      .Check([](const Cursor& at, SecurityContext& security) {
        if (security.run_as_group && !security.run_as_user) {
          at.DerivedError("runAsGroup", "needs runAsUser beside it");
        }
      });
  return schema;
}

void CheckContainer(const Cursor& at, Container& container) {
  CheckUnique(at, "env", "name", Keys(container.env, [](const auto& env) { return env.name; }));
  CheckUnique(at, "ports", "name",
              Keys(container.ports, [](const auto& port) { return port.name; }));
  CheckUnique(at, "volumeMounts", "mountPath",
              Keys(container.volume_mounts, [](const auto& mount) { return mount.mount_path; }));
  const auto probe = [&](const char* name, std::optional<Probe>& value, bool once) {
    const Member* member = at.node().Find(name);
    if (member == nullptr || !value) return;
    const Cursor probe_at = at.At(*member);
    ResolveProbePort(probe_at, container.ports, *value);
    if (once && value->success_threshold != 1) {
      probe_at.DerivedError("successThreshold", fmt::format("must be 1 in a {}", name));
    }
  };
  probe("startupProbe", container.startup_probe, true);
  probe("readinessProbe", container.readiness_probe, false);
  probe("livenessProbe", container.liveness_probe, true);
}

}  // namespace

Schema<Container> ContainerSchema() {
  const auto arguments = List(Text("no NUL, at most 128 KiB", RuleArgument), 0, 1000);
  Schema<Container> resources;
  resources
      .Add("limits", &Container::limits, MapOf("map", LimitsSchema()), "Upper bounds",
           "{cpu: 500m, memory: 256Mi}")
      .Refuse("requests", "is not allowed: only limits exist, since nothing is scheduled")
      .Refuse("claims", "is not built yet");
  Schema<Container> schema;
  schema
      .Required("name", &Container::name, Text("a DNS label, at most 40", RuleObjectName),
                "The container's name, unique in the template", "web")
      .Required("image", &Container::image, Text("a reference as Docker knows it", RuleImage),
                "The image to run", "acme/shop:1.4")
      .Add("imagePullPolicy", &Container::image_pull_policy,
           Choice<PullPolicy>({{"IfNotPresent", PullPolicy::kIfNotPresent},
                               {"Always", PullPolicy::kAlways},
                               {"Never", PullPolicy::kNever}}),
           "When to pull. The default holds for every tag, latest too", "Always")
      .Add("command", &Container::command, arguments, "Replaces the image's ENTRYPOINT",
           "[/bin/shop]")
      .Add("args", &Container::args, arguments, "Replaces the image's CMD", "[--verbose]")
      .Add("workingDir", &Container::working_dir, Text("an absolute path", RuleAbsolutePath),
           "The process's working directory; left out: the image's", "/srv")
      .Add("env", &Container::env, List(MapOf("variable", EnvSchema()), 0, 500),
           "Environment variables", "[{name: TZ, value: UTC}]")
      .Add("envFrom", &Container::env_from, List(MapOf("source", EnvFromSchema()), 0, 50),
           "Every key of a Secret or ConfigMap as a variable. Later ones win, and `env` over all",
           "[{secretRef: {name: db}}]")
      .Switch(&Features::env_references, "is not built yet: write the variables under env")
      .Add("ports", &Container::ports, List(MapOf("port", PortSchema()), 0, 20),
           "Ports that the process listens on. The first port of the first container takes the "
           "traffic",
           "[{name: http, containerPort: 8080}]")
      .Group("resources", std::move(resources), "What it may use")
      .Add("volumeMounts", &Container::volume_mounts, List(MapOf("mount", MountSchema()), 0, 50),
           "Where volumes appear", "[{name: cache, mountPath: /cache}]")
      .Optional("startupProbe", &Container::startup_probe, MapOf("probe", ProbeSchema()),
                "Until it passes, the other probes wait; when it fails, the replica is replaced",
                "{tcpSocket: {port: 8080}, failureThreshold: 60}")
      .Optional("readinessProbe", &Container::readiness_probe, MapOf("probe", ProbeSchema()),
                "While it fails, the replica takes no traffic",
                "{httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}")
      .Optional("livenessProbe", &Container::liveness_probe, MapOf("probe", ProbeSchema()),
                "When it fails, the replica is replaced", "{exec: {command: [/bin/check]}}")
      .Add("securityContext", &Container::security, MapOf("map", SecuritySchema()),
           "Rights of the process", "{runAsUser: 1000}")
      .Refuse("lifecycle", "is not built yet")
      .Refuse("restartPolicy", "is not built yet: Ballast always restarts, with back-off")
      .Refuse("stdin", "is not built yet", "false")
      .Refuse("tty", "is not built yet", "false")
      .Refuse("terminationMessagePath", "is not built yet")
      .Refuse("terminationMessagePolicy", "is not built yet")
      .Check(CheckContainer);
  return schema;
}

Schema<Volume> VolumeSchema() {
  constexpr char kOther[] = "is not built yet: use emptyDir, hostPath or dockerVolume";
  Schema<EmptyDirVolume> empty_dir;
  empty_dir
      .Add("medium", &EmptyDirVolume::memory, Choice<bool>({{"", false}, {"Memory", true}}),
           "Memory: a tmpfs; left out or empty: the host's disk", "Memory")
      .Presence([](const EmptyDirVolume& volume) { return std::optional<bool>(volume.memory); })
      .Add("sizeLimit", &EmptyDirVolume::size_limit, ByteQuantity(4096, std::int64_t{64} << 40),
           "How large the tmpfs may grow; only with medium: Memory", "64Mi")
      .Check([](const Cursor& at, EmptyDirVolume& volume) {
        if (volume.size_limit != 0 && !volume.memory) {
          at.DerivedError("sizeLimit",
                          "is only allowed with medium: Memory; Docker cannot limit a "
                          "directory on disk");
        }
      });
  Schema<HostPathVolume> host_path;
  host_path
      .Required("path", &HostPathVolume::path, Text("an absolute path", RuleAbsolutePath),
                "A directory or file of the host, below one that --allow-host-path names",
                "/srv/shop")
      .Refuse("type", "is not built yet", "\"\"")
      .Check([](const Cursor& at, HostPathVolume& volume) {
        if (volume.path.empty()) return;
        volume.path = CleanPath(volume.path);
        const auto& allowed = at.context().options.allowed_host_paths;
        if (std::none_of(allowed.begin(), allowed.end(), [&](const std::string& directory) {
              return directory.starts_with('/') && IsBelow(volume.path, CleanPath(directory));
            })) {
          at.DerivedError("path", fmt::format("{} is not below a directory that the controller's "
                                              "flag --allow-host-path names",
                                              Quote(volume.path)));
        }
      });
  Schema<DockerVolume> docker_volume;
  docker_volume.Required(
      "name", &DockerVolume::name, Text("letters, digits and _.-; 2 to 255", RuleDockerVolume),
      "The volume's name in Docker. Made when it is not there, never removed", "shop-data");
  Schema<Volume> schema;
  schema
      .Required("name", &Volume::name, Text("a DNS label, at most 40", RuleObjectName),
                "The name that volumeMounts refer to", "cache")
      .Alternative<EmptyDirVolume>("emptyDir", &Volume::source, MapOf("map", std::move(empty_dir)),
                                   "Empty at the start of each replica and gone with it. One of "
                                   "emptyDir, hostPath and dockerVolume is needed",
                                   "{}")
      .Alternative<HostPathVolume>("hostPath", &Volume::source, MapOf("map", std::move(host_path)),
                                   "A directory or file of the host", "{path: /srv/shop}")
      .Alternative<DockerVolume>(
          "dockerVolume", &Volume::source, MapOf("map", std::move(docker_volume)),
          "A named Docker volume, shared by all replicas", "{name: shop-data}")
      .Alternative<ConfigMapVolume>("configMap", &Volume::source, ConfigMapVolumeType(),
                                    "Files made of a ConfigMap in the app's namespace",
                                    "{name: shop}")
      .Switch(&Features::object_volumes, kOther)
      .Alternative<SecretVolume>("secret", &Volume::source, SecretVolumeType(),
                                 "Files made of a Secret in the app's namespace",
                                 "{secretName: shop-tls}")
      .Switch(&Features::object_volumes, kOther);
  for (const char* name :
       {"projected", "persistentVolumeClaim", "nfs", "csi", "downwardAPI", "ephemeral", "image"}) {
    schema.Refuse(name, kOther);
  }
  schema.Check([](const Cursor& at, Volume&) {
    std::vector<std::string> sources = {"emptyDir", "hostPath", "dockerVolume"};
    if (at.context().options.features.object_volumes) {
      sources.insert(sources.end(), {"configMap", "secret"});
    }
    CheckOneOf(at, sources);
  });
  return schema;
}

}  // namespace ballast::api
