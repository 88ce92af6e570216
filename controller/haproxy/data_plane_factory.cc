#include "controller/haproxy/data_plane_factory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <utility>

#include "controller/haproxy/config_directory.h"
#include "controller/haproxy/haproxy_data_plane.h"
#include "controller/haproxy/wake_listener.h"
#include "controller/runtime/log.h"
#include "reconcilers/haproxy/paths.h"

namespace ballast::haproxy {
namespace {

namespace fs = std::filesystem;
using reconcilers::ConfigFiles;
using reconcilers::InstanceRef;
using reconcilers::MountSpec;

constexpr std::size_t kMaxRunDirectory = 88;  // + "/master.sock" and HAProxy's own suffix < 108
constexpr auto kNobody = static_cast<unsigned>(-1);

class Factory final : public reconcilers::DataPlaneFactory {
 public:
  Factory(HaproxyOptions options, reconcilers::Engine& engine)
      : options_(std::move(options)), engine_(engine) {
    if (options_.held) wake_ = std::make_unique<WakeListener>(options_.held);
  }

  std::shared_ptr<reconcilers::DataPlane> Open(const InstanceRef& instance) override {
    Listen(instance.load_balancer, instance.number);
    return std::make_shared<HaproxyDataPlane>(
        HaproxyDataPlane::Options{.config_dir = ConfigDir(instance.load_balancer, instance.number),
                                  .run_dir = RunDir(instance.load_balancer, instance.number),
                                  .container_id = instance.container_id,
                                  .owner = Owner()},
        engine_);
  }

  std::vector<MountSpec> Mounts(const std::string& load_balancer, int number) const override {
    return {{.type = MountSpec::Type::kBind,
             .source = ConfigDir(load_balancer, number),
             .target = reconcilers::haproxy::kConfigDir,
             .read_only = true},
            {.type = MountSpec::Type::kBind,
             .source = RunDir(load_balancer, number),
             .target = reconcilers::haproxy::kRuntimeDir}};
  }

  Result<void> Prepare(const std::string& load_balancer, int number,
                       const ConfigFiles& files) override {
    const std::string run = RunDir(load_balancer, number);
    if (run.size() > kMaxRunDirectory) {
      return Error(Code::kFailedPrecondition,
                   fmt::format("{} is too long for a socket: use a shorter run directory or a "
                               "shorter load balancer's name",
                               run));
    }
    const std::string config = ConfigDir(load_balancer, number);
    for (const auto& [path, mode] : {std::pair{run, 0750U}, std::pair{config, 0755U}}) {
      if (const auto made = Directory::Make(path, Owner(), mode); !made) {
        return std::unexpected(made.error());
      }
    }
    Listen(load_balancer, number);
    if (files.empty()) return {};
    return ConfigDirectory(config, Owner()).Publish(files);
  }

  Result<std::vector<int>> Numbers(const std::string& load_balancer) const override {
    std::vector<int> numbers;
    std::error_code error;
    const fs::path root = fs::path(options_.config_root) / "lb" / load_balancer;
    for (auto it = fs::directory_iterator(root, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      const std::string name = it->path().filename().string();
      int number = 0;
      const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (bad == std::errc{} && end == name.data() + name.size()) numbers.push_back(number);
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      return Error(Code::kUnavailable, fmt::format("list {}: {}", root.string(), error.message()));
    }
    std::ranges::sort(numbers);
    return numbers;
  }

  Result<void> Remove(const std::string& load_balancer, int number) override {
    if (wake_) wake_->Close(RunDir(load_balancer, number));
    if (Result<void> removed = RemoveTree(RunDir(load_balancer, number)); !removed) return removed;
    return RemoveTree(ConfigDir(load_balancer, number));
  }

 private:
  // Without it, waiting requests are found a second later.
  void Listen(const std::string& load_balancer, int number) {
    if (!wake_) return;
    const Result<void> listens = wake_->Listen(RunDir(load_balancer, number), Owner());
    if (listens || listens.error().code == Code::kNotFound) return;
    runtime::Log(runtime::LogLevel::kWarning, "HAProxy cannot tell of waiting requests",
                 {{"load_balancer", load_balancer}, {"error", listens.error().message}});
  }
  // libstdc++ removes by directory descriptors since 12.1: what turns into a link is not followed.
  static Result<void> RemoveTree(const std::string& path) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) {
      return Error(Code::kUnavailable, fmt::format("remove {}: {}", path, error.message()));
    }
    return {};
  }
  [[nodiscard]] std::string ConfigDir(const std::string& load_balancer, int number) const {
    return fmt::format("{}/lb/{}/{}", options_.config_root, load_balancer, number);
  }
  [[nodiscard]] std::string RunDir(const std::string& load_balancer, int number) const {
    return fmt::format("{}/lb/{}/{}", options_.run_root, load_balancer, number);
  }
  [[nodiscard]] Ownership Owner() const {
    return {options_.user, options_.group, options_.user != kNobody};
  }

  const HaproxyOptions options_;
  reconcilers::Engine& engine_;
  std::unique_ptr<WakeListener> wake_;
};

}  // namespace

std::unique_ptr<reconcilers::DataPlaneFactory> NewDataPlaneFactory(HaproxyOptions options,
                                                                   reconcilers::Engine& engine) {
  return std::make_unique<Factory>(std::move(options), engine);
}

}  // namespace ballast::haproxy
