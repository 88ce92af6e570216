// Kind WebApp: a Deployment, its Service and its Ingress in one. Plain values with Kubernetes' own
// names and defaults; built by the codec (api/codec.h), never changed afterwards, so a
// shared_ptr<const WebApp> may be read by any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/meta.h"

namespace ballast::api {

// A number or a percentage, as in maxSurge: 25% or maxSurge: 1.
struct IntOrPercent {
  bool percent = false;
  int value = 0;
  bool operator==(const IntOrPercent&) const = default;
};

enum class StrategyType { kRollingUpdate, kRecreate };

struct Strategy {
  StrategyType type = StrategyType::kRollingUpdate;
  IntOrPercent max_surge{true, 25};        // rounded up
  IntOrPercent max_unavailable{false, 0};  // rounded down
  bool operator==(const Strategy&) const = default;
};

// One key of a Secret or ConfigMap in the app's namespace. Optional: without it, there is no
// variable; else the replica waits for it.
struct SecretKeySelector {
  std::string name;
  std::string key;
  bool optional = false;
  bool operator==(const SecretKeySelector&) const = default;
};
struct ConfigMapKeySelector {
  std::string name;
  std::string key;
  bool optional = false;
  bool operator==(const ConfigMapKeySelector&) const = default;
};

struct EnvVar {
  std::string name;
  std::string value;  // empty with value_from
  std::variant<std::monostate, SecretKeySelector, ConfigMapKeySelector> value_from{};
  bool operator==(const EnvVar&) const = default;
};

// Every key of a Secret or ConfigMap in the app's namespace.
struct SecretEnvSource {
  std::string name;
  bool optional = false;
  bool operator==(const SecretEnvSource&) const = default;
};
struct ConfigMapEnvSource {
  std::string name;
  bool optional = false;
  bool operator==(const ConfigMapEnvSource&) const = default;
};

struct EnvFromSource {
  std::string prefix;  // in front of each key
  std::variant<SecretEnvSource, ConfigMapEnvSource> source;
  bool operator==(const EnvFromSource&) const = default;
};

struct ContainerPort {
  std::string name;
  std::uint16_t container_port = 0;
  std::string protocol = "TCP";  // TCP only
  bool operator==(const ContainerPort&) const = default;
};

struct VolumeMount {
  std::string name;
  std::string mount_path;
  bool read_only = false;
  bool operator==(const VolumeMount&) const = default;
};

struct HttpGetAction {
  std::string path = "/";
  std::uint16_t port = 0;  // 0: the container's first port; names are resolved by the codec
  std::string host;        // Host header; empty: the replica's address
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const HttpGetAction&) const = default;
};
struct TcpSocketAction {
  std::uint16_t port = 0;  // 0: the container's first port
  bool operator==(const TcpSocketAction&) const = default;
};
struct ExecAction {
  std::vector<std::string> command;
  bool operator==(const ExecAction&) const = default;
};

struct Probe {
  std::variant<HttpGetAction, TcpSocketAction, ExecAction> action;
  int initial_delay_seconds = 0;
  int period_seconds = 10;
  int timeout_seconds = 1;
  int success_threshold = 1;
  int failure_threshold = 3;
  bool operator==(const Probe&) const = default;
};

struct ResourceLimits {
  std::int64_t cpu_millis = 0;    // 0: none; 500m = 500
  std::int64_t memory_bytes = 0;  // 0: none
  bool operator==(const ResourceLimits&) const = default;
};

struct SecurityContext {
  std::optional<std::int64_t> run_as_user;
  std::optional<std::int64_t> run_as_group;
  bool read_only_root_filesystem = false;
  bool privileged_escalation = true;  // allowPrivilegeEscalation: false = no-new-privileges
  std::vector<std::string> capabilities_add;
  std::vector<std::string> capabilities_drop;
  bool operator==(const SecurityContext&) const = default;
};

enum class PullPolicy { kIfNotPresent, kAlways, kNever };

struct Container {
  std::string name;
  std::string image;
  PullPolicy image_pull_policy = PullPolicy::kIfNotPresent;
  std::vector<std::string> command;  // the image's ENTRYPOINT
  std::vector<std::string> args;     // the image's CMD
  std::string working_dir;
  std::vector<EnvFromSource> env_from;  // later ones win over earlier ones, env over all of them
  std::vector<EnvVar> env;
  std::vector<ContainerPort> ports;
  ResourceLimits limits;
  std::vector<VolumeMount> volume_mounts;
  std::optional<Probe> startup_probe;
  std::optional<Probe> readiness_probe;
  std::optional<Probe> liveness_probe;
  SecurityContext security;
  bool operator==(const Container&) const = default;
};

struct EmptyDirVolume {
  bool memory = false;          // medium: Memory
  std::int64_t size_limit = 0;  // bytes, only with memory; 0: none
  bool operator==(const EmptyDirVolume&) const = default;
};
struct HostPathVolume {
  std::string path;
  bool operator==(const HostPathVolume&) const = default;
};
struct DockerVolume {  // dockerVolume: {name: shop-data}; made when it does not exist, never
                       // removed
  std::string name;
  bool operator==(const DockerVolume&) const = default;
};

struct KeyToPath {
  std::string key;
  std::string path;  // relative, clean; no other item's and not below one
  bool operator==(const KeyToPath&) const = default;
};
// Files made of an object in the app's namespace.
struct ConfigMapVolume {
  std::string name;
  std::vector<KeyToPath> items;  // empty: every key, as a file of its name
  int default_mode = 0644;
  bool optional = false;
  bool operator==(const ConfigMapVolume&) const = default;
};
struct SecretVolume {
  std::string secret_name;
  std::vector<KeyToPath> items;
  int default_mode = 0644;
  bool optional = false;
  bool operator==(const SecretVolume&) const = default;
};

struct Volume {
  std::string name;
  std::variant<EmptyDirVolume, HostPathVolume, DockerVolume, ConfigMapVolume, SecretVolume> source;
  bool operator==(const Volume&) const = default;
};

struct Logging {
  std::string driver = "json-file";
  std::map<std::string, std::string> options{{"max-file", "3"}, {"max-size", "10m"}};
  bool operator==(const Logging&) const = default;
};

struct LocalObjectReference {
  std::string name;
  bool operator==(const LocalObjectReference&) const = default;
};

struct PodTemplate {
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<Container> containers;  // the first serves the traffic; at least one
  std::vector<Volume> volumes;
  std::vector<LocalObjectReference> image_pull_secrets;  // tried in this order
  int termination_grace_period_seconds = 30;
  Logging logging;
  std::vector<std::string> networks;  // further Docker networks to join
  bool operator==(const PodTemplate&) const = default;

  // The port that HAProxy speaks to: the first container's first port. 0 never happens once valid.
  [[nodiscard]] std::uint16_t ServingPort() const {
    return containers.empty() || containers.front().ports.empty()
               ? std::uint16_t{0}
               : containers.front().ports.front().container_port;
  }
};

enum class PathType { kPrefix, kExact };

struct Route {
  std::string host;  // lower case; empty: any host; "*.example.com": one label
  std::string path = "/";
  PathType path_type = PathType::kPrefix;
  std::string load_balancer = "default";
  auto operator<=>(const Route&) const = default;
};

enum class AppProtocol { kHttp1, kH2c };
enum class Balance { kLeastconn, kRoundrobin, kRandom, kFirst, kSource, kUri };

struct StickySession {
  std::string cookie_name;
  int ttl_seconds = 0;  // 0: a session cookie
  bool operator==(const StickySession&) const = default;
};

struct TrafficTimeouts {
  // Also how long HAProxy waits after a refused connection: most of what a crash costs
  // (docs/adr/0005).
  Millis connect{40};
  Millis server{60'000};
  Millis queue{30'000};
  Millis tunnel{3'600'000};
  bool operator==(const TrafficTimeouts&) const = default;
};

struct Traffic {
  AppProtocol protocol = AppProtocol::kHttp1;
  Balance balance = Balance::kLeastconn;
  std::optional<StickySession> sticky_session;
  int drain_seconds = 30;
  int retries = 3;
  std::vector<int> retry_on;  // status codes; none by default
  int max_connections_per_replica = 0;
  std::int64_t max_body_bytes = 0;
  bool compression = false;
  std::string basic_auth_secret;  // in the app's namespace; empty: no password is asked for
  int slow_start_seconds = 0;
  TrafficTimeouts timeouts;
  bool operator==(const Traffic&) const = default;
};

struct WebAppSpec {
  int replicas = 1;
  bool paused = false;
  int min_ready_seconds = 0;
  int progress_deadline_seconds = 600;
  int revision_history_limit = 10;
  Strategy strategy;
  std::optional<PodTemplate> pod_template;  // none: a pool of labelled containers only
  std::vector<Route> routes;
  Traffic traffic;
  bool operator==(const WebAppSpec&) const = default;
};

struct WebApp {
  ObjectMeta meta;
  WebAppSpec spec;
  bool from_labels = false;      // made from container labels (ballast.dev/host), no YAML
  std::vector<Route> contested;  // what its labels ask for too, but another app has
  bool operator==(const WebApp&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"WebApp", meta.ns, meta.name}; }
};

struct WebAppStatus {
  std::int64_t observed_generation = 0;
  int desired_replicas = 0;
  int replicas = 0;             // owned, not leaving, container exists
  int ready_replicas = 0;       // probes pass
  int in_service_replicas = 0;  // taking traffic in HAProxy
  int updated_replicas = 0;
  int unavailable_replicas = 0;
  int adopted_replicas = 0;
  std::string current_revision;
  std::string update_revision;  // empty while a Secret or ConfigMap that it needs is missing
  std::string update_cause;     // why there is that revision: "secret db changed"; empty: the first
  std::string url;
  std::vector<Condition> conditions;
  bool operator==(const WebAppStatus&) const = default;
};

// One row of `ballast status`; later kind Replica.
struct ReplicaStatus {
  std::string name;
  std::string node = "local";
  std::string container_id;
  std::string address;  // 172.30.0.5:8080
  std::string revision;
  std::string phase;  // Pending, Starting, Running, Draining, Stopping, Dead, BackOff
  bool ready = false;
  bool adopted = false;
  std::string server_state;  // as HAProxy says: UP, DOWN, DRAIN, MAINT, - (not there)
  int restarts = 0;
  int connections = 0;
  Time started{};
  std::string message;  // why it is not ready, in words
  bool operator==(const ReplicaStatus&) const = default;
};

}  // namespace ballast::api
