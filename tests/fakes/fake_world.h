// What FakeEngine consists of: containers, networks, images, volumes and the events that a change
// makes. No locks, no faults: FakeEngine adds both. One thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/engine.h"

namespace ballast::fakes {

struct FakeContainer {
  reconcilers::ContainerInfo info;
  reconcilers::ContainerSpec spec;
  std::map<std::string, std::string> wanted_ips;  // network -> address that was asked for
  bool ignores_signals = false;
  bool stopped_by_hand = false;
  double cpus = 0;  // that it uses since `cpus_since`
  api::Time cpus_since{};
  std::int64_t cpu_nanoseconds = 0;  // that it used before
  std::int64_t memory = 0;
  std::string logs;
  std::map<std::string, reconcilers::FileEntry> files;  // by path
};

struct FakeNetwork {
  reconcilers::NetworkInfo info;
  std::uint32_t first = 0;  // addresses that Docker hands out: [first, last]
  std::uint32_t last = 0;
  bool predefined = false;
};

class FakeWorld {
 public:
  explicit FakeWorld(const reconcilers::Clock* clock);

  // By id, a prefix of it of at least 12 digits, or name; null: none.
  FakeContainer* FindContainer(const std::string& id);
  FakeNetwork* FindNetwork(const std::string& id);
  [[nodiscard]] const reconcilers::ImageInfo* FindImage(const std::string& reference) const;
  [[nodiscard]] std::string NameOf(const std::string& id);  // id itself when unknown

  Result<std::string> Create(const reconcilers::ContainerSpec& spec);
  Result<void> Start(FakeContainer& container);
  void Signal(FakeContainer& container, int number);
  void Die(FakeContainer& container, int exit_code, bool oom_killed);
  void SetUsage(FakeContainer& container, double cpus, std::int64_t memory);
  reconcilers::StatsSample Stats(const FakeContainer& container);
  // What its restart policy does after a death that nobody asked for.
  void MaybeRestart(FakeContainer& container);
  void Remove(FakeContainer& container);
  std::string Adopt(reconcilers::ContainerInfo info);

  Result<std::string> CreateNetwork(const reconcilers::NetworkSpec& spec);
  Result<void> RemoveNetwork(const std::string& name);
  Result<void> Connect(FakeNetwork& network, FakeContainer& container, const std::string& ip);
  void Disconnect(FakeNetwork& network, FakeContainer& container);
  [[nodiscard]] reconcilers::NetworkInfo NetworkWithContainers(const FakeNetwork& network) const;
  [[nodiscard]] bool VolumeInUse(const std::string& name) const;

  // A file put into `directory` of the container, when that is in a volume.
  void PutInVolume(const FakeContainer& container, const std::string& directory,
                   const reconcilers::FileEntry& file);

  void Emit(const FakeContainer& container, const std::string& action,
            std::map<std::string, std::string> more = {});
  std::vector<reconcilers::EngineEvent> TakeEvents();

  std::map<std::string, FakeContainer> containers;  // by id
  std::map<std::string, FakeNetwork> networks;      // by name
  std::map<std::string, reconcilers::ImageInfo> images;
  std::map<std::string, reconcilers::ImageInfo> remote_images;
  std::map<std::string, reconcilers::VolumeInfo> volumes;
  // By volume and path in it: what PutFiles wrote through the containers that mount it.
  std::map<std::string, std::map<std::string, reconcilers::FileEntry>> volume_files;
  std::map<std::string, std::vector<reconcilers::PullLogin>> logins;  // of each image's last pull

 private:
  api::Time Now();
  std::string NewId(char kind);
  [[nodiscard]] bool IpInUse(const std::string& network, const std::string& ip) const;
  Result<std::string> GiveIp(const FakeNetwork& network, const std::string& wanted) const;
  void EmitNetwork(const FakeNetwork& network, const FakeContainer& container,
                   const std::string& action);

  const reconcilers::Clock* clock_;
  api::Time now_;
  std::uint64_t next_id_ = 1;
  unsigned next_subnet_ = 18;
  std::vector<reconcilers::EngineEvent> events_;
};

[[nodiscard]] bool IsUp(const reconcilers::ContainerInfo& info);
// "SIGTERM", "TERM" or "15"; 0: no signal that is known here.
[[nodiscard]] int SignalNumber(const std::string& name);
// "shop" is "shop:latest".
[[nodiscard]] std::string WithTag(const std::string& reference);

}  // namespace ballast::fakes
