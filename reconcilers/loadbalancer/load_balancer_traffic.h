// The traffic of one load balancer: what web apps wish, what its HAProxy runs, and the way from one
// to the other: runtime commands at once where they suffice, a checked reload soon where they do
// not. Survives crashes of either side because nothing that matters is only here: servers and their
// states are read back from HAProxy, the structure from a note beside its configuration.
//
// Invariants: a backend is never removed because its web app has not spoken yet; no command is
// sent before the state was read; every reply is compared with the text that means success;
// whatever fails ends in reading everything back and, if that does not help, in a reload.
//
// Owner: TrafficManager. Any thread; one mutex, held while commands run (microseconds) and during
// a reload (50-100 ms), never while Docker is asked (Check).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/load_probe.h"
#include "reconcilers/loadbalancer/secrets.h"
#include "reconcilers/loadbalancer/target.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/config_reader.h"
#include "reconcilers/ports/container_lister.h"
#include "reconcilers/ports/data_plane_factory.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/metrics.h"
#include "reconcilers/ports/no_config_reader.h"
#include "reconcilers/ports/reconciler.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers {

// All of it outlives the traffic manager.
struct TrafficDependencies {
  const Clock& clock;
  const DesiredState& desired;
  const ContainerLister& containers;
  DataPlaneFactory& planes;
  Enqueuer& enqueuer;
  EventRecorder& events;
  Metrics& metrics;
  // A load balancer is enqueued when a Secret changes.
  const ConfigReader& config = NoConfigReader::Instance();
};

// What one Tick found.
struct TrafficTick {
  std::optional<api::Millis> again;  // when something waits
  bool reload_due = false;           // call Reload() from a job
  bool reload_new = false;           // ... which is another one than the last that was refused
  std::string away;                  // why HAProxy cannot be asked, for a condition
};

// For the LoadBalancer's status.
struct TrafficReport {
  bool answers = false;
  std::optional<int> serving;  // number of the instance that takes the commands
  std::string version;
  int servers = 0;
  int reloads = 0;
  int drift_repaired = 0;
  std::string last_reload_reason;
  std::string refused;  // HAProxy's words about the configuration it does not take
  std::string waiting;  // why a reload is needed
  std::vector<std::string> conflicts;
  bool uses_certificates = false;
  std::vector<std::string> secret_problems;  // what is wrong with Secrets, and what to do
  std::vector<std::string> expiring;         // certificates that end soon
};

class LoadBalancerTraffic {
 public:
  // A new backend waits this long for others, so that one reload brings them all.
  static constexpr std::chrono::milliseconds kBatch{30};
  static constexpr std::chrono::milliseconds kReloadInterval{500};
  static constexpr std::chrono::milliseconds kRemovalDelay{5'000};
  // After the start, the structure waits so long for web apps that have not spoken yet.
  static constexpr std::chrono::milliseconds kStartGrace{10'000};
  // A reload waits so long for requests that wait for a server, and looks so often.
  static constexpr std::chrono::milliseconds kHeldPatience{5'000};
  static constexpr std::chrono::milliseconds kHeldInterval{100};
  // How often replaced workers are asked whether requests wait in them.
  static constexpr std::chrono::milliseconds kLateInterval{100};
  static constexpr std::chrono::milliseconds kDriftInterval{10'000};
  // How often HAProxy is asked which servers it found to be up or down. With many servers less
  // often: it costs HAProxy and us some microseconds for each.
  static constexpr std::chrono::milliseconds kStateInterval{1'000};
  static constexpr std::size_t kServersPerInterval = 500;
  static constexpr std::chrono::milliseconds kCacheFor{500};
  // Sessions of a dead server are cut this long (+ timeouts.connect) after it was taken out: until
  // then HAProxy may be about to send them to another one by itself.
  static constexpr std::chrono::milliseconds kDeadGrace{1'000};

  LoadBalancerTraffic(std::string name, std::string owner, const TrafficDependencies& dependencies);

  // As in the port Traffic; `wish` holds only this load balancer's routes, at least one.
  Result<void> Publish(BackendSpec wish);
  Result<void> Withdraw(const api::ObjectKey& app);
  Result<BackendObservation> Observe(const api::ObjectKey& app, bool connections);

  // From the LoadBalancer's reconciler.
  void SetSpec(const api::LoadBalancerSpec& spec);
  // Bridged: servers are added only once their network was joined; nullopt: all can be reached.
  void SetNetworks(std::optional<std::set<std::string>> joined);
  // The networks that some server is on. False: some server's network is not known (yet).
  bool NeededNetworks(std::set<std::string>& networks) const;

  // Everything that is due: attach, follow restarts, write files, delete idle servers, repair
  // drift. Only reads when settled.
  TrafficTick Tick();
  // Checks, publishes and reloads. InvalidArgument: refused, everything stays as it was.
  Result<void> Reload();
  // Hands the commands over to another instance of HAProxy if it answers.
  Result<void> SwitchTo(const InstanceRef& instance);
  // The files that a further instance starts with: what runs now, else what ran last (`number` is
  // the last instance that has files), else sockets only.
  ConfigFiles StartFiles(int number);
  // No web app's routes name it, and no backend is left.
  [[nodiscard]] bool Unused() const;
  [[nodiscard]] TrafficReport Report() const;

  // What HAProxy counts. Does not wait for the lock, nor hold it while HAProxy is asked: a replica
  // that dies meanwhile is taken out at once. NotFound: there is no HAProxy of it. One thread at a
  // time.
  Result<LoadReading> ReadLoad();

 private:
  using Key = std::pair<std::string, std::string>;  // backend, server
  struct Server {
    std::string container_id;  // "" after a restart, until published
    std::string network;
    bool up = true;  // HAProxy's own judgement
  };
  struct Leaving {
    Clock::Steady since{};
    bool dead = false;
    bool replaced = false;  // another container has its name and waits
  };
  // What of an app's wish is not in `wishes_`.
  struct LeftOut {
    std::string why;
    std::set<std::string> servers;
  };
  struct Dirty {
    std::vector<std::string> reasons;
    bool removal_only = false;
    Clock::Steady since{};
  };

  // All below with mutex_ held. In traffic_sync.cc:
  Result<void> EnsurePlane();
  Result<void> Attach();
  Result<std::vector<std::string>> ReadAll();
  Result<void> ReadBack(const std::vector<std::string>& replies,
                        std::vector<haproxy::RuntimeCommand>& repairs);
  void Recall();
  Result<void> Run(const std::vector<haproxy::RuntimeCommand>& commands);
  Result<void> Converge(const api::ObjectKey* only);
  Result<void> ApplyRuntime(const api::ObjectKey* only);
  haproxy::BackendModel ServersOf(const haproxy::BackendModel& base, const api::ObjectKey& app);
  // In traffic_upkeep.cc:
  Result<void> CheckDrift();
  Result<void> WatchStates();
  [[nodiscard]] Clock::Steady StatesDue() const;
  Result<void> Sweep();
  struct Counts {
    std::map<Key, int> current;  // the worker that takes new connections
    std::map<Key, int> others;   // old workers, instances that are being replaced
  };
  Result<Counts> Connections(const std::string& backend);
  Result<bool> Delete(const Key& key);
  Result<void> CutSessions(const std::string& backend, const std::string& server);
  Result<void> Flush();
  void WriteWhileAway();
  void CollectGarbage();
  void FindRetiring();
  // In traffic_reload.cc:
  [[nodiscard]] Wishes CurrentWishes() const;
  haproxy::LoadBalancerModel FullTarget();
  void UpdateDirty();
  [[nodiscard]] bool AllReported() const;
  [[nodiscard]] std::optional<api::Millis> ReloadIn() const;
  Result<void> Refused(const Status& why, haproxy::LoadBalancerModel model);
  Result<void> Reloaded(haproxy::LoadBalancerModel model, const Dirty& why);
  void EnqueueApps();
  // In traffic_held.cc:
  [[nodiscard]] const haproxy::ServerModel* TakesTraffic(
      const haproxy::BackendModel& backend) const;
  [[nodiscard]] bool PutOff();
  void ExpectLate();
  bool AdmitLate();
  // In traffic_secrets.cc:
  void UpdateSecrets();
  void TellSecrets();
  [[nodiscard]] std::vector<std::string> ListenersLeftOut() const;
  void RecallSecrets();
  [[nodiscard]] api::NamespacedName UsersSecret(const haproxy::BackendModel& backend) const;
  void ReadCertificates(const std::vector<std::string>& replies, std::size_t first);
  Result<void> ApplyCertificates();
  Result<void> SetCertificate(const haproxy::CertificateModel& certificate);
  void SetInOldWorkers(const std::vector<haproxy::RuntimeCommand>& commands);
  [[nodiscard]] std::string Text(const haproxy::RuntimeCommand& command) const;
  bool BlameCertificate(const haproxy::LoadBalancerModel& model, const std::string& alerts);
  // In traffic_left_out.cc:
  bool LeaveOut(BackendSpec& wish);
  void TellUnwritable(const std::map<std::string, std::string>& why);
  Result<ConfigFiles> RenderWritable(haproxy::LoadBalancerModel& model);
  // In load_balancer_traffic.cc:
  [[nodiscard]] bool Settled(const api::ObjectKey& app, std::string& message) const;
  Result<void> Refresh(const std::string& backend);
  void NoteStates(const std::vector<haproxy::ServerStateRow>& rows);
  [[nodiscard]] const haproxy::BackendModel* AppliedBackend(const std::string& name) const;
  void Wake() { d_.enqueuer.Enqueue(key_); }

  const std::string name_;
  const std::string owner_;
  const api::ObjectKey key_;
  const TrafficDependencies d_;

  mutable std::mutex mutex_;
  // Wishes.
  std::optional<api::LoadBalancerSpec> spec_;
  std::map<api::ObjectKey, BackendSpec> wishes_;  // all of it can be written and reached
  std::map<api::ObjectKey, LeftOut> left_out_;
  std::map<std::string, std::string> unwritable_told_;  // by backend
  LoadBalancerSecrets secrets_;
  std::map<std::string, std::string> secrets_told_;  // what was last said, by Secret or app
  std::map<api::NamespacedName, api::Time> expiries_told_;
  std::set<api::ObjectKey> withdrawn_;  // and not out of the structure yet
  std::set<api::ObjectKey> reported_;   // spoke since the start
  std::optional<std::set<std::string>> joined_;
  std::set<api::ObjectKey> joining_;  // apps with servers on a network that is not joined yet
  // What runs. `applied_` stays when HAProxy goes away: attached_ says whether it is known to hold.
  InstanceRef instance_;
  std::shared_ptr<DataPlane> plane_;
  std::map<int, std::shared_ptr<DataPlane>> retiring_;  // by number; end their connections
  bool attached_ = false;
  std::optional<haproxy::LoadBalancerModel> applied_;
  std::string layout_;   // of the configuration that runs (target.h)
  std::string process_;  // tells one HAProxy process from another
  std::string version_;
  std::map<Key, Server> servers_;
  std::map<Key, Leaving> leaving_;
  std::map<std::string, Clock::Steady> read_at_;  // by backend
  Clock::Steady all_read_at_{};
  Clock::Steady drift_due_{};
  Clock::Steady away_since_{};
  const Clock::Steady started_;
  // What is to be done.
  bool files_dirty_ = false;
  std::string must_reload_;  // a reason that no comparison shows; "" = none
  int forced_reloads_ = 0;   // in a row for such a reason
  std::optional<Dirty> dirty_;
  std::optional<Clock::Steady> put_off_since_;  // a reload that is due, for requests that wait
  std::optional<Clock::Steady> late_until_;     // replaced workers may hold requests until then
  std::optional<haproxy::LoadBalancerModel> refused_model_;
  std::optional<haproxy::LoadBalancerModel> away_model_;  // last written while HAProxy is away
  std::string refused_;
  std::string away_;
  // Counts.
  std::optional<Clock::Steady> last_reload_;
  std::string last_reload_reason_;
  int reloads_ = 0;
  int drift_repaired_ = 0;
  std::vector<std::string> conflicts_;
  LoadProbe load_probe_;  // of ReadLoad alone, without mutex_
};

}  // namespace ballast::reconcilers
