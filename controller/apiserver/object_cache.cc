#include "controller/apiserver/object_cache.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>
#include <utility>

#include "api/reasons.h"
#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::EventType;
using reconcilers::Presence;
using reconcilers::StoreChange;

constexpr std::size_t kChangesAtOnce = 500;

// What is decoded, by plural.
const std::map<std::string, std::string, std::less<>>& DecodedKinds() {
  static const std::map<std::string, std::string, std::less<>> kinds = {
      {"webapps", "WebApp"}, {"loadbalancers", "LoadBalancer"}, {"autoscalers", "Autoscaler"}};
  return kinds;
}

bool IsDecoded(const std::string& resource) { return DecodedKinds().contains(resource); }

// Of what is decoded.
api::ObjectKey KeyOf(const reconcilers::StoreKey& key) {
  return {DecodedKinds().at(key.resource), key.ns, key.name};
}

template <typename Map, typename Object>
Presence Look(const Map& entries, const api::ObjectKey& key, Object& object) {
  object = nullptr;
  const auto found = entries.find(key);
  if (found == entries.end()) return Presence::kUnknown;
  if (found->second.deleting) return Presence::kAbsent;
  object = found->second.object;
  return Presence::kPresent;
}

// Without what is being deleted.
template <typename Map>
auto Present(const Map& entries) {
  std::vector<decltype(Map::mapped_type::object)> list;
  for (const auto& [key, entry] : entries) {
    if (!entry.deleting) list.push_back(entry.object);
  }
  return list;
}

}  // namespace

ObjectCache::ObjectCache(ObjectCacheDeps deps) : deps_(std::move(deps)) {
  for (const auto& [resource, kind] : DecodedKinds()) seen_[resource] = 0;
}

ObjectCache::~ObjectCache() { Stop(); }

Result<void> ObjectCache::Load() {
  for (const auto& [resource, kind] : DecodedKinds()) {
    auto page = deps_.store.List({.resource = resource, .ns = "", .start_after = {}});
    if (!page) return Wrap("read " + resource, page.error());
    for (const auto& item : page->items) Take(item.key, item.value);
    seen_[resource] = page->revision;
  }
  const std::lock_guard lock(mutex_);
  loaded_ = true;
  return {};
}

void ObjectCache::OnChange(const std::string& resource,
                           std::function<void(const StoreChange&)> changed) {
  listeners_[resource].push_back(std::move(changed));
  seen_.try_emplace(resource, 0);
}

void ObjectCache::Start() {
  const std::uint64_t now = deps_.store.Revision();
  for (auto& [resource, seen] : seen_) {
    if (seen == 0 && !IsDecoded(resource)) seen = now;
  }
  subscription_ = deps_.store.Subscribe([this](std::uint64_t) {
    {
      const std::lock_guard lock(mutex_);
      changed_ = true;
    }
    changed_cv_.notify_one();
  });
  {
    const std::lock_guard lock(mutex_);
    changed_ = true;  // what came between Load and here
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { Follow(stop); });
}

void ObjectCache::Stop() {
  subscription_.Reset();
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ObjectCache::Follow(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      changed_cv_.wait(lock, stop, [this] { return changed_; });
      changed_ = false;
    }
    for (auto& [resource, seen] : seen_) ReadOn(resource, seen);
    EnqueueTargets();
  }
}

void ObjectCache::ReadOn(const std::string& resource, std::uint64_t& after) {
  const bool decoded = IsDecoded(resource);
  const auto listeners = listeners_.find(resource);
  while (after < deps_.store.Revision()) {
    const auto page = deps_.store.ReadChanges(resource, after, kChangesAtOnce);
    if (!page) {
      if (page.error().code == Code::kExpired) Reload(resource, after);
      return;  // the next commit brings us back
    }
    for (const auto& change : page->items) {
      if (decoded) Take(change->key, change->deleted ? nullptr : change->value);
    }
    const bool stuck = page->through <= after;
    after = std::max(after, page->through);
    for (const auto& change : page->items) {
      if (decoded) {
        deps_.enqueuer.Enqueue(KeyOf(change->key));
      }
      if (listeners == listeners_.end()) continue;
      for (const auto& tell : listeners->second) tell(*change);
    }
    if (stuck) return;
  }
}

// The store was replaced by another one, or this thread slept for long: everything may be
// different.
void ObjectCache::Reload(const std::string& resource, std::uint64_t& after) {
  const auto page = deps_.store.List({.resource = resource, .ns = "", .start_after = {}});
  if (!page) return;
  const bool decoded = IsDecoded(resource);
  if (decoded) {
    // What is not there any more is not known any more.
    const std::lock_guard lock(mutex_);
    With(DecodedKinds().at(resource), [&page](auto& entries) {
      std::erase_if(entries, [&page](const auto& entry) {
        return std::ranges::none_of(page->items, [&entry](const auto& item) {
          return item.key.ns == entry.first.ns && item.key.name == entry.first.name;
        });
      });
    });
    IndexTargets(DecodedKinds().at(resource));
  }
  for (const auto& item : page->items) {
    if (decoded) {
      Take(item.key, item.value);
      deps_.enqueuer.Enqueue(KeyOf(item.key));
    }
    const auto listeners = listeners_.find(resource);
    if (listeners == listeners_.end()) continue;
    const StoreChange change{.key = item.key, .revision = item.revision, .value = item.value};
    for (const auto& tell : listeners->second) tell(change);
  }
  after = page->revision;
}

template <typename Use>
void ObjectCache::With(const std::string& kind, Use use) {
  if (kind == "WebApp") return use(webapps_);
  if (kind == "LoadBalancer") return use(load_balancers_);
  use(autoscalers_);
}

void ObjectCache::Take(const reconcilers::StoreKey& key, const reconcilers::StoreValue& value) {
  const api::ObjectKey object_key = KeyOf(key);
  if (value == nullptr) {
    const std::lock_guard lock(mutex_);
    With(object_key.kind, [&](auto& entries) { entries.erase(object_key); });
    IndexTargets(object_key.kind);
    return;
  }
  const json stored = json::parse(*value, nullptr, false);
  auto decoded = stored.is_object() ? api::DecodeObject(UserPart(stored), deps_.decode)
                                    : Error(Code::kInternal, "it is no JSON");
  if (!decoded) {
    // What it was before stays in force, unless it is clear that it has to go.
    if (stored.is_object() && IsDeleting(stored)) {
      const std::lock_guard lock(mutex_);
      With(object_key.kind, [&](auto& entries) { entries[object_key].deleting = true; });
      IndexTargets(object_key.kind);
    }
    deps_.events.Record(object_key, EventType::kWarning, api::reason::kStoredObjectInvalid,
                        "the stored object is not understood by this version of Ballast: " +
                            decoded.error().message);
    return;
  }
  const auto metadata = stored.find("metadata");
  const bool deleting = IsDeleting(stored);
  const std::lock_guard lock(mutex_);
  std::visit(
      [&]<typename T>(T& object) {
        object.meta.generation = metadata->value("generation", std::int64_t{1});
        With(object_key.kind, [&]<typename Map>(Map& entries) {
          if constexpr (std::is_same_v<typename Map::mapped_type, Entry<T>>) {
            entries[object_key] = {std::make_shared<const T>(std::move(object)), deleting};
          }
        });
      },
      *decoded);
  IndexTargets(object_key.kind);
}

// After an autoscaler changed. Its web app is looked at when what is wished of it is different.
void ObjectCache::IndexTargets(const std::string& changed_kind) {
  if (changed_kind != "Autoscaler") return;
  std::map<api::ObjectKey, std::shared_ptr<const api::Autoscaler>> before;
  before.swap(scaled_by_);
  for (const auto& [key, entry] : autoscalers_) {
    if (entry.deleting || entry.object == nullptr) continue;
    const api::ScaleTargetRef& target = entry.object->spec.scale_target_ref;
    const api::ObjectKey target_key{target.kind, key.ns, target.name};
    if (!scaled_by_.try_emplace(target_key, entry.object).second) continue;
    const auto old = before.extract(target_key);
    if (old.empty() || (old.mapped() != entry.object && old.mapped()->spec != entry.object->spec)) {
      retargeted_.insert(target_key);
    }
  }
  for (const auto& [target, autoscaler] : before) retargeted_.insert(target);
}

void ObjectCache::EnqueueTargets() {
  std::set<api::ObjectKey> targets;
  {
    const std::lock_guard lock(mutex_);
    targets.swap(retargeted_);
  }
  for (const api::ObjectKey& target : targets) deps_.enqueuer.Enqueue(target);
}

Presence ObjectCache::GetWebApp(const api::ObjectKey& key,
                                std::shared_ptr<const api::WebApp>& object) const {
  const std::lock_guard lock(mutex_);
  return Look(webapps_, key, object);
}

Presence ObjectCache::GetLoadBalancer(const std::string& name,
                                      std::shared_ptr<const api::LoadBalancer>& object) const {
  const std::lock_guard lock(mutex_);
  return Look(load_balancers_, {"LoadBalancer", "", name}, object);
}

Presence ObjectCache::GetAutoscaler(const api::ObjectKey& key,
                                    std::shared_ptr<const api::Autoscaler>& object) const {
  const std::lock_guard lock(mutex_);
  return Look(autoscalers_, key, object);
}

std::shared_ptr<const api::Autoscaler> ObjectCache::AutoscalerOf(
    const api::ObjectKey& webapp) const {
  const std::lock_guard lock(mutex_);
  const auto found = scaled_by_.find(webapp);
  return found == scaled_by_.end() ? nullptr : found->second;
}

bool ObjectCache::LookedOnce() const {
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return false;
  }
  return !deps_.waits_for_more || !deps_.waits_for_more();
}

std::vector<std::shared_ptr<const api::WebApp>> ObjectCache::ListWebApps() const {
  const std::lock_guard lock(mutex_);
  return Present(webapps_);
}

std::vector<std::shared_ptr<const api::LoadBalancer>> ObjectCache::ListLoadBalancers() const {
  const std::lock_guard lock(mutex_);
  return Present(load_balancers_);
}

std::vector<std::shared_ptr<const api::Autoscaler>> ObjectCache::ListAutoscalers() const {
  const std::lock_guard lock(mutex_);
  return Present(autoscalers_);
}

std::vector<api::ObjectKey> ObjectCache::Deleting() const {
  std::vector<api::ObjectKey> keys;
  const auto add = [&keys](const auto& entries) {
    for (const auto& [key, entry] : entries) {
      if (entry.deleting) keys.push_back(key);
    }
  };
  const std::lock_guard lock(mutex_);
  add(webapps_);
  add(load_balancers_);
  return keys;
}

}  // namespace ballast::apiserver
