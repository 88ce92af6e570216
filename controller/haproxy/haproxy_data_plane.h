// Port DataPlane over HAProxy's two sockets (reference: haproxy.md sections 1, 3, 6, 7, 12) and its
// files. One persistent admin connection, opened again after each loss and each reload, since it
// stays on the worker it began with. Check may run beside other calls; those come one at a time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "controller/haproxy/config_directory.h"
#include "controller/haproxy/socket.h"
#include "reconcilers/ports/data_plane.h"
#include "reconcilers/ports/engine.h"

namespace ballast::haproxy {

class HaproxyDataPlane final : public reconcilers::DataPlane {
 public:
  struct Options {
    std::string config_dir;  // host path of /etc/haproxy
    std::string run_dir;     // host path of /run/haproxy
    std::string container_id;
    Ownership owner;
    std::chrono::milliseconds command_timeout{2'000};
    std::chrono::milliseconds reload_timeout{15'000};  // an address in use costs 2 s, snippets more
    std::chrono::milliseconds check_timeout{30'000};
  };

  HaproxyDataPlane(Options options, reconcilers::Engine& engine);

  Result<std::vector<std::string>> Commands(const std::vector<std::string>& commands) override;
  Result<std::vector<std::string>> OldWorkers(std::string_view command) override;
  Result<std::string> OnWorker(int pid, std::string_view command) override;
  Result<std::vector<reconcilers::WorkerProcess>> Processes() override;
  Result<void> Publish(const reconcilers::ConfigFiles& files) override;
  Result<std::string> ReadFile(const std::string& name) override;
  Result<void> Check(const reconcilers::ConfigFiles& files) override;
  Result<void> Reload() override;

 private:
  [[nodiscard]] Deadline In(std::chrono::milliseconds timeout) const;
  Result<std::string> Master(std::string_view command);
  void SaveState();

  const Options options_;
  const std::string admin_path_;
  const std::string master_path_;
  const ConfigDirectory files_;
  reconcilers::Engine& engine_;
  PromptConnection admin_;
};

}  // namespace ballast::haproxy
