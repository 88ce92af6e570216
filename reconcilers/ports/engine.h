// Port: a container engine, as the reconcilers need it. Implemented by controller/docker (Docker
// Engine API over its unix socket) and by tests/fakes; a second implementation (Swarm) fits beside.
// All calls block until the engine answered or timed out, may be made from any thread at once, and
// never throw. Containers are named by id or name. Owner: controller/cmd.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers {

struct EngineVersion {
  std::string version;      // "20.10.24"
  std::string api_version;  // negotiated, "1.41"
  std::string os_type;      // "linux"
  bool rootless = false;    // its containers cannot be reached from the host's network
  std::string data_root;    // "/var/lib/docker"
};

enum class ContainerState { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };

// What Docker's own HEALTHCHECK says; kNone: the image has none.
enum class DockerHealth { kNone, kStarting, kHealthy, kUnhealthy };

// One container as observed. From a list, started_at/finished_at/exit_code/oom may be missing
// (zero); an inspect or the events fill them in.
struct ContainerInfo {
  std::string id;        // 64 hex digits
  std::string name;      // without the leading '/'
  std::string image;     // as asked for
  std::string image_id;  // sha256:...
  ContainerState state = ContainerState::kCreated;
  DockerHealth health = DockerHealth::kNone;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> networks;  // network name -> IPv4 address, "" while stopped
  std::string network_mode;                     // "bridge", "host", "container:<id>", a network
  std::vector<std::uint16_t> exposed_ports;     // TCP ports of the image and of the container
  std::string stop_signal;                      // "" = SIGTERM
  api::Time created{};
  api::Time started_at{};
  api::Time finished_at{};
  int exit_code = 0;
  bool oom_killed = false;
  std::string error;  // Docker's own words when a start failed
  bool operator==(const ContainerInfo&) const = default;
};

struct MountSpec {
  enum class Type { kVolume, kBind, kTmpfs } type = Type::kVolume;
  std::string source;  // volume name or host path
  std::string target;
  bool read_only = false;
  bool no_copy = false;         // kVolume: an empty one stays so, whatever the image has there
  std::int64_t tmpfs_size = 0;  // bytes; 0: no limit
  std::string tmpfs_options;    // for LB containers: "exec,uid=99,mode=755" (HostConfig.Tmpfs)
  bool operator==(const MountSpec&) const = default;
};

struct PortBinding {
  std::string host_ip;  // "" = all
  std::uint16_t host_port = 0;
  std::uint16_t container_port = 0;
  bool operator==(const PortBinding&) const = default;
};

// Everything a container is made from. Vectors that are empty and strings that are "" leave the
// image's or Docker's own default.
struct ContainerSpec {
  std::string name;
  std::string image;  // an image id or a reference; never pulled by CreateContainer
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::vector<std::string> env;  // "NAME=value"
  std::map<std::string, std::string> labels;
  std::vector<std::uint16_t> exposed_ports;
  std::vector<MountSpec> mounts;
  std::string network_mode;  // "host", "container:<id>", or the name of the first network
  std::string ip_address;    // on that first network; "" = Docker chooses
  std::vector<std::string> more_networks;  // joined before start
  std::vector<std::string> network_aliases;
  std::vector<PortBinding> port_bindings;
  std::int64_t nano_cpus = 0;
  std::int64_t memory_bytes = 0;
  std::string user;  // "uid[:gid]"
  bool read_only_root = false;
  bool no_new_privileges = false;
  bool disable_healthcheck = false;  // HEALTHCHECK NONE where probes replace it
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::string log_driver;  // "" = the daemon's
  std::map<std::string, std::string> log_options;
  std::string restart_policy = "no";  // or "unless-stopped"
  int stop_timeout_seconds = 10;
  std::map<std::string, std::int64_t> ulimits;  // "nofile" -> soft = hard
  std::map<std::string, std::string> sysctls;
  bool operator==(const ContainerSpec&) const = default;
};

struct ImageInfo {
  std::string id;  // sha256:...
  std::vector<std::uint16_t> exposed_ports;
  bool has_healthcheck = false;
};

struct NetworkInfo {
  std::string id;
  std::string name;
  std::string driver;
  std::string subnet;  // first IPv4 CIDR, "" if none
  std::string gateway;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> containers;  // container id -> IPv4 address
};

struct NetworkSpec {
  std::string name;
  std::string subnet;    // CIDR; "" = Docker chooses
  std::string ip_range;  // CIDR out of which Docker itself hands out addresses; "" = all
  std::map<std::string, std::string> labels;
};

struct VolumeInfo {
  std::string name;
  std::map<std::string, std::string> labels;
};
struct VolumeSpec {
  std::string name;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string>
      driver_options;  // tmpfs: {type: tmpfs, device: tmpfs, o: size=..}
};

// What is put into a container, relative to a directory in it.
struct FileEntry {
  std::string path;  // "tls/server.crt"
  bool directory = false;
  int mode = 0644;  // owned by root
  std::string content;
  bool operator==(const FileEntry&) const = default;
};

// What a running container has used, as the kernel counts it.
struct StatsSample {
  std::int64_t cpu_nanoseconds = 0;  // of all CPUs together, since it started
  std::int64_t memory = 0;           // bytes, without the page cache: as `docker stats` shows it
  std::int64_t memory_limit = 0;     // bytes; the host's memory where it has no limit
  int online_cpus = 0;               // that it may run on; 0: not known
  api::Time at{};                    // when that was, by the engine's clock
  bool operator==(const StatsSample&) const = default;
};

struct ExecResult {
  int exit_code = 0;
  std::string output;  // stdout and stderr together, at most 64 KiB
};

// One Docker event. For type "container": create start die destroy kill pause unpause rename
// health_status oom; for "network": connect disconnect (attributes "container", "name").
struct EngineEvent {
  std::string type;
  std::string action;  // "health_status: healthy" arrives as "health_status", attribute "health"
  std::string id;      // container id, or network id
  std::map<std::string, std::string> attributes;  // "exitCode", "signal", "name", labels ...
  api::Time time{};
};

// Logins for registries: Docker's config.json, as in a Secret of type
// kubernetes.io/dockerconfigjson.
struct PullLogin {
  std::string name;         // whose they are, for messages: "Secret registry"
  std::string config_json;  // never logged, never part of an error
};

struct PullProgress {
  std::string status;  // "Downloading 12.3MB/40MB"
};

// What of a container's log is wanted.
struct LogRequest {
  bool follow = false;  // and what is written from now on
  int tail = -1;        // the last lines; negative: all
  api::Time since{};
  bool timestamps = false;
};

class Engine {
 public:
  virtual ~Engine() = default;

  // Negotiates the API version. FailedPrecondition with what to do next when the engine is too old
  // (API < 1.41) or rootless; Unavailable when nobody answers.
  virtual Result<EngineVersion> Version() = 0;

  // All containers (running or not) that carry `label` ("key" or "key=value"); sorted by name.
  virtual Result<std::vector<ContainerInfo>> ListContainers(const std::string& label) = 0;
  virtual Result<ContainerInfo> InspectContainer(const std::string& id) = 0;
  // Returns the id. AlreadyExists when the name is taken, NotFound when the image is not there.
  virtual Result<std::string> CreateContainer(const ContainerSpec& spec) = 0;
  virtual Result<void> StartContainer(const std::string& id) = 0;  // running already: success
  // Sends a signal ("SIGTERM") and returns at once. Not running: success.
  virtual Result<void> SignalContainer(const std::string& id, const std::string& signal) = 0;
  virtual Result<void> UpdateRestartPolicy(const std::string& id, const std::string& policy) = 0;
  // Force-removes with its anonymous volumes. Gone already: success.
  virtual Result<void> RemoveContainer(const std::string& id) = 0;
  // kTimeout says that the command did not end within `timeout`, and nothing else: it is killed
  // where that can be done, and while it goes on the same command is not started again (kTimeout
  // at once). Every other error is the engine's or the container's and says nothing of the command.
  virtual Result<ExecResult> Exec(const std::string& id, const std::vector<std::string>& command,
                                  std::chrono::milliseconds timeout) = 0;
  // One look at each, in their order; asked for all at once, since Docker up to version 24 lets
  // each wait for its next second. FailedPrecondition for one that does not run.
  virtual std::vector<Result<StatsSample>> ContainerStats(const std::vector<std::string>& ids) = 0;
  virtual Result<std::string> TailLogs(const std::string& id, int lines) = 0;
  // Both streams, as they come. Success at their end; Cancelled once `stop` is requested or
  // `on_data` has said false. FailedPrecondition where the logging driver cannot be read.
  virtual Result<void> StreamLogs(const std::string& id, const LogRequest& request,
                                  std::stop_token stop,
                                  const std::function<bool(std::string_view)>& on_data) = 0;
  // Writes into a container, running or not, and into the volumes mounted in it. What is there
  // already is replaced; a directory gets the mode. Parents come first. NotFound when `directory`
  // is missing.
  virtual Result<void> PutFiles(const std::string& id, const std::string& directory,
                                const std::vector<FileEntry>& files) = 0;

  virtual Result<ImageInfo> InspectImage(const std::string& reference) = 0;  // NotFound
  // Pulls with the credentials of --registry-config; `progress` is called from the same thread.
  virtual Result<void> PullImage(const std::string& reference,
                                 const std::function<void(const PullProgress&)>& progress) = 0;
  // The same; credentials for the image's registry out of `logins` are tried first, in order.
  virtual Result<void> PullImageWith(const std::string& reference,
                                     const std::vector<PullLogin>& logins,
                                     const std::function<void(const PullProgress&)>& progress) = 0;

  virtual Result<NetworkInfo> InspectNetwork(const std::string& name) = 0;
  virtual Result<std::vector<NetworkInfo>> ListNetworks() = 0;             // without `containers`
  virtual Result<std::string> CreateNetwork(const NetworkSpec& spec) = 0;  // AlreadyExists
  virtual Result<void> RemoveNetwork(const std::string& name) = 0;
  // `ip` "" = Docker chooses. Connected already: success.
  virtual Result<void> ConnectNetwork(const std::string& network, const std::string& container,
                                      const std::string& ip) = 0;
  virtual Result<void> DisconnectNetwork(const std::string& network,
                                         const std::string& container) = 0;

  virtual Result<std::vector<VolumeInfo>> ListVolumes(const std::string& label) = 0;
  virtual Result<void> CreateVolume(const VolumeSpec& spec) = 0;   // there already: success
  virtual Result<void> RemoveVolume(const std::string& name) = 0;  // gone already: success

  // Streams events until `stop` is requested (Cancelled) or the stream breaks (Unavailable).
  // `on_open` is called once the engine has accepted the subscription: list after it, never before.
  virtual Status StreamEvents(std::stop_token stop, const std::function<void()>& on_open,
                              const std::function<void(const EngineEvent&)>& on_event) = 0;
};

}  // namespace ballast::reconcilers
