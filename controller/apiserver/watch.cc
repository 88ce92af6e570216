#include "controller/apiserver/watch.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "controller/apiserver/object.h"
#include "controller/apiserver/registry.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::StoreChange;

constexpr std::size_t kChangesAtOnce = 100;
constexpr std::size_t kEnoughBytes = 64 * 1024;
constexpr std::size_t kPageSize = 200;
constexpr std::chrono::seconds kBookmarkEvery{60};
// However fast writes come, watches are woken no more often.
constexpr std::chrono::milliseconds kRound{2};
constexpr std::chrono::milliseconds kLook{1'000};  // at deadlines
// Every watch looks at the store so often, also when nothing happens: for its bookmarks, and so
// that the place where it goes on is not forgotten meanwhile.
constexpr std::chrono::seconds kLookAnyway{30};

class Watch final : public BodySource {
 public:
  Watch(WatchRequest request, reconcilers::Store& store, WatchHub& hub,
        const reconcilers::Clock& clock)
      : request_(std::move(request)),
        store_(store),
        hub_(hub),
        clock_(clock),
        initial_(request_.initial),
        last_bookmark_(clock.Now()) {
    if (request_.timeout_seconds) {
      deadline_ = clock.Now() + std::chrono::seconds(*request_.timeout_seconds);
    }
  }

  void Start(std::function<void()> wake) override {
    listener_ = hub_.Listen(store_, request_.resource->plural, std::move(wake), deadline_);
  }

  Next Fill(std::string& out) override {
    if (request_.allowed && !request_.allowed()) {
      out += RenderWatchError(Unauthorized());
      return Next::kEnd;
    }
    if (initial_) {
      const Next next = FillInitial(out);
      if (next != Next::kWait) return next;
    }
    while (out.size() < kEnoughBytes) {
      const auto page =
          store_.ReadChanges(request_.resource->plural, request_.after, kChangesAtOnce);
      if (!page) {
        out += RenderWatchError(FromStatus(page.error(), request_.resource->Subject("")));
        return Next::kEnd;
      }
      for (const auto& change : page->items) Tell(*change, out);
      const bool more = page->through < store_.Revision() && page->through > request_.after;
      request_.after = std::max(request_.after, page->through);
      if (page->items.empty() && !more) break;
    }
    if (out.size() >= kEnoughBytes) return Next::kMore;
    const auto now = clock_.Now();
    if (request_.bookmarks && now - last_bookmark_ >= kBookmarkEvery) {
      last_bookmark_ = now;
      out += RenderBookmark(*request_.resource, request_.after, false, request_.format);
    }
    return deadline_ && now >= *deadline_ ? Next::kEnd : Next::kWait;
  }

 private:
  // A page of what exists; kWait: that was all.
  Next FillInitial(std::string& out) {
    auto page = store_.List({.resource = request_.resource->plural,
                             .ns = request_.ns,
                             .start_after = start_after_,
                             .limit = kPageSize,
                             .at_revision = initial_revision_});
    if (!page) {
      out += RenderWatchError(FromStatus(page.error(), request_.resource->Subject("")));
      return Next::kEnd;
    }
    initial_revision_ = page->revision;
    for (const auto& item : page->items) {
      if (Selected(item.key, item.value)) Say("ADDED", item.value, item.revision, out);
    }
    if (page->more && !page->items.empty()) {
      start_after_ = page->items.back().key;
      return Next::kMore;
    }
    initial_ = false;
    request_.after = page->revision;
    if (request_.bookmark_after_initial) {
      out += RenderBookmark(*request_.resource, page->revision, true, request_.format);
    }
    return Next::kWait;
  }

  bool Selected(const reconcilers::StoreKey& key, const reconcilers::StoreValue& value) const {
    if (value == nullptr) return false;
    if (!request_.ns.empty() && key.ns != request_.ns) return false;
    if (request_.labels.empty() && request_.fields.OnlyNames()) {
      return request_.fields.MatchesNames(key.ns, key.name);
    }
    const json object = json::parse(*value, nullptr, false);
    return request_.labels.Matches(object) && request_.fields.Matches(object);
  }

  // What a selector lets in or out comes and goes for its watchers.
  void Tell(const StoreChange& change, std::string& out) {
    const bool was = Selected(change.key, change.previous);
    if (change.deleted) {
      if (was || (change.previous == nullptr && Selected(change.key, change.value))) {
        Say("DELETED", change.value, change.revision, out);
      }
      return;
    }
    const bool is = Selected(change.key, change.value);
    if (is) {
      Say(was ? "MODIFIED" : "ADDED", change.value, change.revision, out);
    } else if (was) {
      Say("DELETED", change.previous, change.revision, out);
    }
  }

  void Say(std::string_view type, const reconcilers::StoreValue& value, std::uint64_t revision,
           std::string& out) {
    out += RenderEvent(type, *request_.resource, WithRevision(*value, revision), request_.format,
                       !said_, clock_.WallNow());
    said_ = true;  // later tables need no columns
  }

  WatchRequest request_;
  reconcilers::Store& store_;
  WatchHub& hub_;
  const reconcilers::Clock& clock_;
  bool initial_;
  std::uint64_t initial_revision_ = 0;
  std::optional<reconcilers::StoreKey> start_after_;
  bool said_ = false;
  reconcilers::Clock::Steady last_bookmark_;
  std::optional<reconcilers::Clock::Steady> deadline_;
  std::unique_ptr<WatchHub::Listener> listener_;
};

}  // namespace

WatchHub::~WatchHub() { Stop(); }

void WatchHub::Start(const std::vector<reconcilers::Store*>& stores) {
  for (reconcilers::Store* store : stores) {
    subscriptions_.push_back(store->Subscribe([this](std::uint64_t) {
      {
        const std::lock_guard lock(mutex_);
        changed_ = true;
      }
      changed_cv_.notify_one();
    }));
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

void WatchHub::Stop() {
  subscriptions_.clear();
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
}

WatchHub::Listener::~Listener() {
  const std::lock_guard lock(hub_.mutex_);
  hub_.entries_.erase(id_);
}

std::unique_ptr<WatchHub::Listener> WatchHub::Listen(
    reconcilers::Store& store, const std::string& resource, std::function<void()> wake,
    std::optional<reconcilers::Clock::Steady> deadline) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  entries_.emplace(id,
                   Entry{&store, resource, std::move(wake), deadline, clock_.Now() + kLookAnyway});
  return std::make_unique<Listener>(*this, id);
}

std::size_t WatchHub::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void WatchHub::Loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_cv_.wait_for(lock, stop, kLook, [this] { return changed_; });
      changed_ = false;
    }
    for (const auto& wake : Due()) wake();
    std::unique_lock lock(mutex_);
    changed_cv_.wait_for(lock, stop, kRound, [] { return false; });
  }
}

std::vector<std::function<void()>> WatchHub::Due() {
  // Which resources changed since they were looked at, asked once for all their watches.
  std::map<std::pair<reconcilers::Store*, std::string>, bool> changed;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, entry] : entries_) changed[{entry.store, entry.resource}] = false;
    std::erase_if(places_, [&](const auto& place) { return !changed.contains(place.first); });
  }
  for (auto& [key, has_changed] : changed) {
    const auto known = places_.find(key);
    const std::uint64_t newest = key.first->Revision();
    if (known == places_.end()) {
      has_changed = true;  // its first watch: better once too often
      places_[key] = {newest};
      continue;
    }
    if (newest <= known->second.seen) continue;
    const auto page = key.first->ReadChanges(key.second, known->second.seen, 1);
    // A page looks at a part of the history only: what it did not get to may be the change.
    has_changed = !page || !page->items.empty() || page->through < newest;
    known->second.seen = newest;
  }
  std::vector<std::function<void()>> wakes;
  const auto now = clock_.Now();
  const std::lock_guard lock(mutex_);
  for (auto& [id, entry] : entries_) {
    const auto found = changed.find({entry.store, entry.resource});
    if (found == changed.end() || found->second || now >= entry.look_at ||
        (entry.deadline && now >= *entry.deadline)) {
      entry.look_at = now + kLookAnyway;
      wakes.push_back(entry.wake);
    }
  }
  return wakes;
}

std::shared_ptr<BodySource> NewWatch(WatchRequest request, reconcilers::Store& store, WatchHub& hub,
                                     const reconcilers::Clock& clock) {
  return std::make_shared<Watch>(std::move(request), store, hub, clock);
}

}  // namespace ballast::apiserver
