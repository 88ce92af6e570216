// A HAProxy in memory: keeps backends, servers, maps and admin states, and answers commands with
// HAProxy 3.0's own texts. Its files are a "disk" that outlives it, so that restarts, crashes and
// further instances can be played. One thread at a time.
//
//   FakeHaproxyHost host;                       // a DataPlaneFactory
//   host.Prepare("default", 1, files);
//   host.Of(1).Start();                         // on its files, as a container would
//   host.Of(1).FailNext("set server", "No such server.\n");
//   EXPECT_THAT(host.Of(1).TakeWrites(), ElementsAre("set server default_shop/a state maint"));
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/data_plane_factory.h"

namespace ballast::fakes {

// One HAProxy process tree with its files.
class FakeHaproxy {
 public:
  struct Server {
    std::string address;
    int port = 0;
    int admin = 0;  // bits: 1 maint, 4 disabled in the file, 8 drain
    int op = 2;
    int weight = 20;
    int check_state = 6;
    int connections = 0;      // in the current worker
    int old_connections = 0;  // in old workers
    int requests = 0;         // that were sent to it
  };
  // What a backend has counted: gone with a start, kept by a reload.
  struct Load {
    int arrived = 0;
    int ended = 0;
    int errors = 0;
    int current = 0;
    int queued = 0;
    int old_current = 0;  // in old workers
  };
  using Servers = std::map<std::string, Server>;

  // Starts on the files, as after a start of the container or a crash. False: no haproxy.cfg, or
  // one that says `bogus`.
  bool Start();
  void Stop() { running = false; }
  bool LoadFiles();  // what a reload does

  // The next command that starts with `prefix` answers so and does nothing.
  void FailNext(const std::string& prefix, const std::string& reply);
  // The next call that contains such a command is cut off: nothing of it was done, or all.
  void CutNext(const std::string& prefix, bool after_running = false);
  std::string Answer(const std::string& command);

  // Commands that change something, since the last call.
  std::vector<std::string> TakeWrites() { return std::exchange(writes, {}); }
  [[nodiscard]] std::string Admin(const std::string& backend, const std::string& server) const;
  [[nodiscard]] std::string MapText(const std::string& file) const;

  bool running = false;
  int pid = 0;
  int old_workers = 0;
  int reloads = 0;
  int published = 0;  // files that were changed by Publish
  std::string version = "3.0.11-1+deb13u3";
  std::map<std::string, Servers> backends;
  std::map<std::string, int> held;       // requests that wait for a server, by backend
  std::map<std::string, int> old_held;   // ... in old workers
  std::vector<std::string> old_servers;  // commands that gave one to an old worker
  std::map<std::string, Load> loads;     // by backend
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> maps;  // by file
  std::map<std::string, std::string> certificates;  // what new connections get: PEM by path
  std::map<std::string, std::string> transactions;  // of certificates, by path
  reconcilers::ConfigFiles files;
  std::vector<std::string> writes;
  std::optional<Status> check_result;
  std::optional<Status> reload_result;

  struct Fault {
    std::string prefix;
    std::optional<std::string> reply;  // none: the connection is cut
    bool after_running = false;
  };
  std::vector<Fault> faults;
  static int next_pid;

  // `show stat`; of old workers.
  [[nodiscard]] std::string OldStat() const { return ShowStat(false, true); }

 private:
  std::string AddServer(const std::vector<std::string>& words);
  std::string SetServer(const std::vector<std::string>& words);
  std::string ShowState(const std::string& only) const;
  std::string ShowStatOf(const std::string& backend) const;
  std::string ShowStat(bool servers, bool old) const;
  std::string ChangeCertificate(const std::string& command, const std::vector<std::string>& words);
  std::string ShowCertificate(const std::string& path) const;
  std::string ChangeMap(const std::vector<std::string>& words);
  Server* Find(const std::string& path);
};

class FakeHaproxyHost final : public reconcilers::DataPlaneFactory {
 public:
  // The HAProxy of one instance, made when it is first asked for.
  FakeHaproxy& Of(int number, const std::string& load_balancer = "default");

  std::shared_ptr<reconcilers::DataPlane> Open(const reconcilers::InstanceRef& instance) override;
  std::vector<reconcilers::MountSpec> Mounts(const std::string& load_balancer,
                                             int number) const override;
  Result<void> Prepare(const std::string& load_balancer, int number,
                       const reconcilers::ConfigFiles& files) override;
  Result<std::vector<int>> Numbers(const std::string& load_balancer) const override;
  Result<void> Remove(const std::string& load_balancer, int number) override;

 private:
  std::map<std::pair<std::string, int>, FakeHaproxy> instances_;
  std::set<std::pair<std::string, int>> directories_;
};

}  // namespace ballast::fakes
