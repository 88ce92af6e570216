// Watches: what changes, told line by line for as long as somebody listens. Each watch reads the
// store's history at its own pace, so that a slow one costs nothing but its place in it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "controller/apiserver/http_types.h"
#include "controller/apiserver/render.h"
#include "controller/apiserver/request_info.h"
#include "controller/apiserver/selectors.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

// Wakes the watches of a resource after it changed, and those whose time is over: one thread for
// all of them, since the store's own must not wait. Owned by controller/cmd; outlives the HTTP
// server.
class WatchHub {
 public:
  explicit WatchHub(const reconcilers::Clock& clock) : clock_(clock) {}
  ~WatchHub();  // stops
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  void Start(const std::vector<reconcilers::Store*>& stores);
  void Stop();

  // Registers while it lives.
  class Listener {
   public:
    Listener(WatchHub& hub, std::uint64_t id) : hub_(hub), id_(id) {}
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

   private:
    WatchHub& hub_;
    const std::uint64_t id_;
  };
  [[nodiscard]] std::unique_ptr<Listener> Listen(
      reconcilers::Store& store, const std::string& resource, std::function<void()> wake,
      std::optional<reconcilers::Clock::Steady> deadline);
  [[nodiscard]] reconcilers::Clock::Steady Now() const { return clock_.Now(); }
  [[nodiscard]] std::size_t size() const;

 private:
  struct Entry {
    reconcilers::Store* store = nullptr;
    std::string resource;
    std::function<void()> wake;
    std::optional<reconcilers::Clock::Steady> deadline;
    reconcilers::Clock::Steady look_at;  // at the latest
  };
  struct Place {  // up to where a resource of a store was looked at
    std::uint64_t seen = 0;
  };
  void Loop(const std::stop_token& stop);
  // The wakes that are due, called without the lock.
  [[nodiscard]] std::vector<std::function<void()>> Due();

  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_cv_;
  bool changed_ = false;                                                 // guarded by mutex_
  std::uint64_t next_id_ = 1;                                            // guarded by mutex_
  std::map<std::uint64_t, Entry> entries_;                               // guarded by mutex_
  std::map<std::pair<reconcilers::Store*, std::string>, Place> places_;  // the thread's own
  std::vector<reconcilers::Subscription> subscriptions_;
  std::jthread thread_;
};

struct WatchRequest {
  const Resource* resource = nullptr;
  std::string ns;
  LabelSelector labels;
  FieldSelector fields;
  Format format;
  std::uint64_t after = 0;  // changes after this revision
  bool initial = false;     // first what exists, then changes
  bool bookmark_after_initial = false;
  bool bookmarks = false;
  std::optional<int> timeout_seconds;
  std::function<bool()> allowed;  // still, asked before anything is told; null: always
};

[[nodiscard]] std::shared_ptr<BodySource> NewWatch(WatchRequest request, reconcilers::Store& store,
                                                   WatchHub& hub, const reconcilers::Clock& clock);

}  // namespace ballast::apiserver
