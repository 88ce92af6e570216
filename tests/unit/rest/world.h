// An API without a server: a handler and a registry over two stores in memory and a clock that
// stands still. Requests wait for their answers. Test-only; any thread may send.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "controller/apiserver/registry.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/watch.h"
#include "controller/runtime/task_thread.h"
#include "controller/store/memory_store.h"
#include "tests/fakes/fake_clock.h"

namespace ballast::apiserver {

inline constexpr char kApps[] = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";
inline constexpr char kBalancers[] = "/apis/ballast.dev/v1alpha1/loadbalancers";
inline constexpr char kSecrets[] = "/api/v1/namespaces/default/secrets";
inline constexpr char kConfigMaps[] = "/api/v1/namespaces/default/configmaps";
inline constexpr char kNamespaces[] = "/api/v1/namespaces";
inline constexpr char kTableAccept[] = "application/json;as=Table;v=v1;g=meta.k8s.io";

// A store in which others come first: a test says what happens before a write, or how it fails.
class CrowdedStore final : public reconcilers::Store {
 public:
  CrowdedStore(const reconcilers::Clock& clock, store::HistoryLimits limits, std::uint64_t first)
      : inner_(clock, limits, first) {}

  // Once, on the thread of the next write, before it is looked at.
  void BeforeNextWrite(std::function<void()> what);
  // Before each write from now on.
  void BeforeWrites(std::function<void()> what);
  // The next `times` writes are refused, and nothing is written.
  void FailWrites(const Status& status, int times);
  // One call of ReadChanges looks at so many revisions only.
  void LookAt(std::uint64_t revisions) { look_at_ = revisions; }
  [[nodiscard]] reconcilers::Store& inner() { return inner_; }

  void Submit(reconcilers::StoreWrite write, Done done) override;
  Result<reconcilers::StoredObject> Get(const reconcilers::StoreKey& key) override {
    return inner_.Get(key);
  }
  Result<reconcilers::ListPage> List(const reconcilers::ListRequest& request) override {
    return inner_.List(request);
  }
  Result<reconcilers::ChangePage> ReadChanges(const std::string& resource, std::uint64_t after,
                                              std::size_t limit) override;
  [[nodiscard]] reconcilers::Subscription Subscribe(
      std::function<void(std::uint64_t)> callback) override {
    return inner_.Subscribe(std::move(callback));
  }
  [[nodiscard]] std::uint64_t Revision() const override { return inner_.Revision(); }
  Result<void> Backup(const std::string& path) override { return inner_.Backup(path); }
  void Close() override { inner_.Close(); }

 private:
  store::MemoryStore inner_;
  std::mutex mutex_;
  std::function<void()> once_;    // guarded by mutex_
  std::function<void()> always_;  // guarded by mutex_
  Status failure_;                // guarded by mutex_
  int failures_ = 0;              // guarded by mutex_
  std::atomic<std::uint64_t> look_at_ = 1'000'000;
};

struct Reply {
  int status = 0;
  std::string text;
  nlohmann::json body;  // null where the text is no JSON
  HttpResponse response;
};

class World {
 public:
  explicit World(store::HistoryLimits limits = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  using Headers = std::map<std::string, std::string>;
  Reply Send(const std::string& method, const std::string& target, const std::string& body = "",
             const Headers& headers = {});
  Reply Get(const std::string& target, const Headers& headers = {});
  // As text/plain, JSON as such.
  Reply Post(const std::string& target, const nlohmann::json& body);
  Reply Put(const std::string& target, const nlohmann::json& body);
  Reply Merge(const std::string& target, const nlohmann::json& patch);
  Reply JsonPatch(const std::string& target, const nlohmann::json& patch);
  Reply Apply(const std::string& target, const nlohmann::json& config, const std::string& manager,
              bool force = false);
  Reply Delete(const std::string& target, const nlohmann::json& options = nullptr);

  // What is stored; null: nothing.
  nlohmann::json Stored(const std::string& resource, const std::string& ns,
                        const std::string& name);
  [[nodiscard]] std::vector<AuditRecord> Audit();
  void ClearAudit();
  // The writes asked for until now are in the store, those that nobody waits for too.
  void Settle();

  fakes::FakeClock clock;
  CrowdedStore durable;
  CrowdedStore transient;
  Registry registry;
  WatchHub hub;
  // What answers for the use of pods; nothing does unless a test says so.
  RestDeps::Reader pod_metrics;
  User user{.name = "root", .groups = {}, .may_do_all = true};  // who sends

 private:
  [[nodiscard]] std::string NewUid();

  std::mutex mutex_;
  int uids_ = 0;                     // guarded by mutex_
  std::vector<AuditRecord> audits_;  // guarded by mutex_
  RestHandler rest_;
  runtime::TaskThread tasks_;
};

// A web app as a person writes it.
[[nodiscard]] nlohmann::json App(const std::string& name, const std::string& image = "shop:1");
[[nodiscard]] nlohmann::json RoutedApp(const std::string& name, const std::string& host,
                                       const std::string& path = "/");
[[nodiscard]] nlohmann::json ConfigMap(const std::string& name, const nlohmann::json& data,
                                       const nlohmann::json& labels = nlohmann::json::object());

// A watch that a test reads: what came so far, line by line.
class Watcher {
 public:
  Watcher(World& world, const std::string& target, const World::Headers& headers = {});
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  [[nodiscard]] int status() const { return status_; }
  // What there is now; reads on until the watch has no more.
  std::vector<nlohmann::json> Read();
  // "ADDED shop", "MODIFIED shop", "BOOKMARK", ... of Read().
  std::vector<std::string> ReadWords();
  // Waits until the hub says that there is something; false: it never did.
  bool AwaitWake();
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  struct Shared;
  int status_ = 0;
  bool ended_ = false;
  std::shared_ptr<BodySource> source_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace ballast::apiserver
