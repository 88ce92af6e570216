// One whole Ballast for a test: a controller (as a process or as a container) with its own instance
// name, directories, ports and network, on the real Docker Engine with the real HAProxy. Everything
// it made is removed by its label when the Stack goes. Test-only; one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/fault/harness/process.h"

namespace ballast::fault {

struct StackOptions {
  bool controller_in_container = false;
  bool host_network = true;  // of the load balancer
  std::string docker_host = "/var/run/docker.sock";
  std::vector<std::string> more_flags;
};

// A WebApp manifest's changing parts.
struct App {
  std::string name = "shop";
  int replicas = 2;
  std::map<std::string, std::string> env;
  std::string image = "ballast/hello:latest";
  std::string host = "shop.test";
  std::string path = "/";
  std::string more_spec;       // further lines under spec, indented by two
  std::string more_container;  // further lines of the container, indented by six
  std::string more_template;   // further lines under template.spec, indented by six
  bool readiness_probe = true;
};

class Stack {
 public:
  explicit Stack(StackOptions options = {});
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  // Why tests cannot run here (no engine, no image); "" when they can.
  static std::string Unavailable();

  void StartController();
  void KillController();  // kill -9
  void StopController();  // SIGTERM, waits
  [[nodiscard]] bool ControllerRunning();

  // Manifests; written to a temporary name and renamed.
  void Apply(const App& app);
  void ApplyLoadBalancer(const std::string& more_spec = "");
  void Write(const std::string& file, const std::string& text);
  void Delete(const std::string& file);

  // `ballast status -o json`; null while no controller answers.
  nlohmann::json Status();
  // The page /metrics over the unix socket.
  std::string Metrics();
  // Waits until the web app has exactly `replicas`, all in service, nothing leaving.
  bool WaitSettled(const std::string& app, int replicas,
                   std::chrono::seconds deadline = std::chrono::seconds(60));
  // As above, and every replica is of one revision that is not `old_revision`.
  bool WaitRolledOut(const std::string& app, int replicas, const std::string& old_revision,
                     std::chrono::seconds deadline = std::chrono::seconds(90));
  std::string Revision(const std::string& app);

  // Docker.
  std::string Docker(const std::vector<std::string>& arguments);  // throws on failure
  CommandResult TryDocker(const std::vector<std::string>& arguments);
  std::vector<std::string> Containers(const std::string& app, bool running_only = true);  // names
  std::string HaproxyContainer();

  // HAProxy, asked directly over its admin socket.
  std::string Haproxy(const std::string& command);
  // "name" -> "admin/op" of the servers of one backend.
  std::map<std::string, std::string> Servers(const std::string& app);
  // Reloads since HAProxy's container started.
  int Reloads();

  // What is wrong about "exactly the wanted containers, exactly those servers"; "" when nothing is.
  std::string Inconsistency(const std::string& app, int replicas);
  // Controller's log, for failures.
  std::string Log(int lines = 60);
  // HAProxy's: which servers it took for dead, and why.
  std::string HaproxyLog(int lines);

  [[nodiscard]] const std::string& instance() const { return instance_; }
  [[nodiscard]] std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }
  [[nodiscard]] std::uint16_t stats_port() const { return static_cast<std::uint16_t>(stats_port_); }
  [[nodiscard]] std::string dir() const { return dir_; }
  [[nodiscard]] std::string manifests() const { return dir_ + "/manifests"; }
  [[nodiscard]] std::string network() const { return "ballast-" + instance_; }
  [[nodiscard]] std::string socket() const { return dir_ + "/run/ballast.sock"; }
  [[nodiscard]] int controller_pid() const { return controller_.pid(); }

 private:
  std::string HaproxySocket(const std::string& file);
  void RemoveEverything();

  const StackOptions options_;
  std::string instance_;
  std::string dir_;
  int port_ = 0;
  int stats_port_ = 0;
  Child controller_;
  bool container_started_ = false;
};

}  // namespace ballast::fault
