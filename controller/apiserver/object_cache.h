// The DesiredState port over the store: what is stored, decoded and kept up to date, and who is
// told when it changes. Owned by controller/cmd. Readers: any thread; callbacks come on its own.
//
// An object that is being deleted counts as absent, so that its reconciler takes everything down;
// it stays in the store until that is done (kTeardownFinalizer). What is not in the store at all is
// unknown, never absent: with the database lost, nobody wants to lose the containers too.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "api/codec.h"
#include "reconcilers/ports/desired_state.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/reconciler.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

struct ObjectCacheDeps {
  reconcilers::Store& store;
  reconcilers::Enqueuer& enqueuer;
  reconcilers::EventRecorder& events;
  api::DecodeOptions decode;
  // Is there another source of objects that has not been looked at yet? Null: none.
  std::function<bool()> waits_for_more;
};

class ObjectCache final : public reconcilers::DesiredState {
 public:
  explicit ObjectCache(ObjectCacheDeps deps);
  ~ObjectCache() override;  // stops

  // Reads what is there; before Start.
  Result<void> Load();
  // `changed` is told of every change of a resource, in order, on the cache's thread. Before Start.
  void OnChange(const std::string& resource,
                std::function<void(const reconcilers::StoreChange&)> changed);
  void Start();
  void Stop();

  reconcilers::Presence GetWebApp(const api::ObjectKey& key,
                                  std::shared_ptr<const api::WebApp>& object) const override;
  reconcilers::Presence GetLoadBalancer(
      const std::string& name, std::shared_ptr<const api::LoadBalancer>& object) const override;
  [[nodiscard]] bool LookedOnce() const override;
  // Without what is being deleted.
  [[nodiscard]] std::vector<std::shared_ptr<const api::WebApp>> ListWebApps() const override;
  [[nodiscard]] std::vector<std::shared_ptr<const api::LoadBalancer>> ListLoadBalancers()
      const override;
  reconcilers::Presence GetAutoscaler(
      const api::ObjectKey& key, std::shared_ptr<const api::Autoscaler>& object) const override;
  [[nodiscard]] std::shared_ptr<const api::Autoscaler> AutoscalerOf(
      const api::ObjectKey& webapp) const override;
  [[nodiscard]] std::vector<std::shared_ptr<const api::Autoscaler>> ListAutoscalers()
      const override;
  // The keys of what is being deleted, so that it is taken down after a restart too.
  [[nodiscard]] std::vector<api::ObjectKey> Deleting() const;

 private:
  template <typename T>
  struct Entry {
    std::shared_ptr<const T> object;
    bool deleting = false;
  };
  template <typename T>
  using Entries = std::map<api::ObjectKey, Entry<T>>;
  // With mutex_ held.
  template <typename Use>
  void With(const std::string& kind, Use use);
  void IndexTargets(const std::string& changed_kind);
  // Without it.
  void EnqueueTargets();
  // Takes what is stored under a key; null: it is gone.
  void Take(const reconcilers::StoreKey& key, const reconcilers::StoreValue& value);
  // Keys of the objects that changed.
  void ReadOn(const std::string& resource, std::uint64_t& after);
  void Reload(const std::string& resource, std::uint64_t& after);
  void Follow(const std::stop_token& stop);

  const ObjectCacheDeps deps_;
  std::map<std::string, std::vector<std::function<void(const reconcilers::StoreChange&)>>>
      listeners_;  // constant once started

  std::map<std::string, std::uint64_t> seen_;  // by resource; the thread's own

  mutable std::mutex mutex_;
  std::condition_variable_any changed_cv_;
  bool changed_ = false;                       // guarded by mutex_
  bool loaded_ = false;                        // guarded by mutex_
  Entries<api::WebApp> webapps_;               // guarded by mutex_
  Entries<api::LoadBalancer> load_balancers_;  // guarded by mutex_
  Entries<api::Autoscaler> autoscalers_;       // guarded by mutex_
  // By target, and the targets whose web apps are to be looked at; guarded by mutex_.
  std::map<api::ObjectKey, std::shared_ptr<const api::Autoscaler>> scaled_by_;
  std::set<api::ObjectKey> retargeted_;

  reconcilers::Subscription subscription_;
  std::jthread thread_;
};

}  // namespace ballast::apiserver
