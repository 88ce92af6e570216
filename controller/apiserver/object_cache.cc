#include "controller/apiserver/object_cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/reasons.h"
#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::EventType;
using reconcilers::Presence;
using reconcilers::StoreChange;

constexpr char kWebApps[] = "webapps";
constexpr char kLoadBalancers[] = "loadbalancers";
constexpr std::size_t kChangesAtOnce = 500;

bool IsDecoded(const std::string& resource) {
  return resource == kWebApps || resource == kLoadBalancers;
}

// Of what is decoded.
api::ObjectKey KeyOf(const reconcilers::StoreKey& key) {
  return {key.resource == kWebApps ? "WebApp" : "LoadBalancer", key.ns, key.name};
}

}  // namespace

ObjectCache::ObjectCache(ObjectCacheDeps deps) : deps_(std::move(deps)) {
  seen_[kWebApps] = 0;
  seen_[kLoadBalancers] = 0;
}

ObjectCache::~ObjectCache() { Stop(); }

Result<void> ObjectCache::Load() {
  for (const char* resource : {kWebApps, kLoadBalancers}) {
    auto page = deps_.store.List({.resource = resource, .ns = "", .start_after = {}});
    if (!page) return Wrap("read " + std::string(resource), page.error());
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
    if (resource == kWebApps) {
      std::erase_if(webapps_, [&page](const auto& entry) {
        return std::ranges::none_of(page->items, [&entry](const auto& item) {
          return item.key.ns == entry.first.ns && item.key.name == entry.first.name;
        });
      });
    } else {
      std::erase_if(load_balancers_, [&page](const auto& entry) {
        return std::ranges::none_of(
            page->items, [&entry](const auto& item) { return item.key.name == entry.first; });
      });
    }
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

void ObjectCache::Take(const reconcilers::StoreKey& key, const reconcilers::StoreValue& value) {
  const bool is_webapp = key.resource == kWebApps;
  const api::ObjectKey object_key = KeyOf(key);
  if (value == nullptr) {
    const std::lock_guard lock(mutex_);
    if (is_webapp) {
      webapps_.erase(object_key);
    } else {
      load_balancers_.erase(key.name);
    }
    return;
  }
  const json stored = json::parse(*value, nullptr, false);
  auto decoded = stored.is_object() ? api::DecodeObject(UserPart(stored), deps_.decode)
                                    : Error(Code::kInternal, "it is no JSON");
  if (!decoded) {
    // What it was before stays in force, unless it is clear that it has to go.
    if (stored.is_object() && IsDeleting(stored)) {
      const std::lock_guard lock(mutex_);
      if (is_webapp) {
        webapps_[object_key].deleting = true;
      } else {
        load_balancers_[key.name].deleting = true;
      }
    }
    deps_.events.Record(object_key, EventType::kWarning, api::reason::kStoredObjectInvalid,
                        "the stored object is not understood by this version of Ballast: " +
                            decoded.error().message);
    return;
  }
  const auto metadata = stored.find("metadata");
  std::visit(
      [&](auto& object) {
        object.meta.generation = metadata->value("generation", std::int64_t{1});
      },
      *decoded);
  const bool deleting = IsDeleting(stored);
  const std::lock_guard lock(mutex_);
  if (auto* webapp = std::get_if<api::WebApp>(&*decoded)) {
    webapps_[object_key] = {std::make_shared<const api::WebApp>(std::move(*webapp)), deleting};
  } else if (auto* balancer = std::get_if<api::LoadBalancer>(&*decoded)) {
    load_balancers_[key.name] = {std::make_shared<const api::LoadBalancer>(std::move(*balancer)),
                                 deleting};
  }
}

Presence ObjectCache::GetWebApp(const api::ObjectKey& key,
                                std::shared_ptr<const api::WebApp>& object) const {
  const std::lock_guard lock(mutex_);
  object = nullptr;
  const auto found = webapps_.find(key);
  if (found == webapps_.end()) return Presence::kUnknown;
  if (found->second.deleting) return Presence::kAbsent;
  object = found->second.object;
  return Presence::kPresent;
}

Presence ObjectCache::GetLoadBalancer(const std::string& name,
                                      std::shared_ptr<const api::LoadBalancer>& object) const {
  const std::lock_guard lock(mutex_);
  object = nullptr;
  const auto found = load_balancers_.find(name);
  if (found == load_balancers_.end()) return Presence::kUnknown;
  if (found->second.deleting) return Presence::kAbsent;
  object = found->second.object;
  return Presence::kPresent;
}

bool ObjectCache::LookedOnce() const {
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return false;
  }
  return !deps_.waits_for_more || !deps_.waits_for_more();
}

std::vector<std::shared_ptr<const api::WebApp>> ObjectCache::ListWebApps() const {
  std::vector<std::shared_ptr<const api::WebApp>> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : webapps_) {
    if (!entry.deleting) list.push_back(entry.object);
  }
  return list;
}

std::vector<std::shared_ptr<const api::LoadBalancer>> ObjectCache::ListLoadBalancers() const {
  std::vector<std::shared_ptr<const api::LoadBalancer>> list;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, entry] : load_balancers_) {
    if (!entry.deleting) list.push_back(entry.object);
  }
  return list;
}

std::vector<api::ObjectKey> ObjectCache::Deleting() const {
  std::vector<api::ObjectKey> keys;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, entry] : webapps_) {
    if (entry.deleting) keys.push_back(key);
  }
  for (const auto& [name, entry] : load_balancers_) {
    if (entry.deleting) keys.push_back({"LoadBalancer", "", name});
  }
  return keys;
}

}  // namespace ballast::apiserver
