#include "controller/apiserver/publisher.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/labels.h"
#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/object_status.h"
#include "controller/apiserver/published_objects.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::EventType;

constexpr std::chrono::milliseconds kTryAgain{1'000};
constexpr std::chrono::seconds kLookForOldEvents{60};
constexpr char kDefaultNamespace[] = "default";
constexpr int kHistoryLimit = 10;

// `type`: a plural or a kind.
ObjectRef RefOf(std::string_view type, const std::string& ns, const std::string& name) {
  return {FindByAnyName(type), ns, name};
}

ObjectRef RefOf(const api::ObjectKey& key) { return RefOf(key.kind, key.ns, key.name); }

// Of an app's own objects.
bool BelongsTo(const json& object, const std::string& app) {
  return object.value(json::json_pointer("/metadata/labels/ballast.dev~1webapp"), "") == app;
}

}  // namespace

Publisher::~Publisher() { Stop(); }

void Publisher::Start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

void Publisher::Stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  static_cast<void>(RunOnce());  // what fails now is found out anew at the next start
}

void Publisher::Loop(const std::stop_token& stop) {
  bool again = false;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (again) {
        wake_cv_.wait_for(lock, stop, kTryAgain, [] { return false; });
      } else {
        wake_cv_.wait_for(lock, stop, kLookForOldEvents,
                          [this] { return !pending_.empty() || !events_.empty(); });
      }
    }
    if (stop.stop_requested()) return;
    again = !RunOnce();
  }
}

bool Publisher::RunOnce() {
  std::map<api::ObjectKey, Pending> pending;
  std::deque<PendingEvent> events;
  {
    const std::lock_guard lock(mutex_);
    pending = std::exchange(pending_, {});
    events = std::exchange(events_, {});
  }
  bool fine = true;
  for (auto& [key, one] : pending) {
    if (const auto done = Publish(key, one); !done) {
      if (fine) {
        runtime::Log(runtime::LogLevel::kWarning, "Status not written; trying again",
                     {{"object", key}, {"error", done.error().message}});
      }
      fine = false;
      const std::lock_guard lock(mutex_);
      pending_.try_emplace(key, std::move(one));  // unless there is something newer
    }
  }
  for (const PendingEvent& event : events) {
    // Events are for people: one that is lost is in the log all the same.
    if (const auto done = PublishEvent(event); !done && fine) {
      runtime::Log(runtime::LogLevel::kWarning, "Event not written",
                   {{"object", event.object}, {"error", done.error().message}});
      break;
    }
  }
  DropOldEvents();
  return fine;
}

void Publisher::SetWebApp(const api::ObjectKey& key, api::WebAppStatus status,
                          std::vector<api::ReplicaStatus> replicas) {
  deps_.table.SetWebApp(key, status, replicas);
  Put(key, {.webapp = std::move(status),
            .replicas = std::move(replicas),
            .load_balancer = {},
            .autoscaler = {}});
}

void Publisher::SetLoadBalancer(const api::ObjectKey& key, api::LoadBalancerStatus status) {
  deps_.table.SetLoadBalancer(key, status);
  Put(key, {.webapp = {}, .replicas = {}, .load_balancer = std::move(status), .autoscaler = {}});
}

void Publisher::SetAutoscaler(const api::ObjectKey& key, api::AutoscalerStatus status) {
  deps_.table.SetAutoscaler(key, status);
  Put(key, {.webapp = {}, .replicas = {}, .load_balancer = {}, .autoscaler = std::move(status)});
}

void Publisher::Remove(const api::ObjectKey& key) {
  deps_.table.Remove(key);
  Put(key, {.removed = true, .webapp = {}, .replicas = {}, .load_balancer = {}, .autoscaler = {}});
}

void Publisher::Put(const api::ObjectKey& key, Pending pending) {
  {
    const std::lock_guard lock(mutex_);
    pending_[key] = std::move(pending);
  }
  wake_cv_.notify_one();
}

void Publisher::Record(const api::ObjectKey& object, EventType type, std::string_view reason,
                       std::string_view message) {
  deps_.log.Record(object, type, reason, message);
  const api::Time now = deps_.clock.WallNow();
  {
    const std::lock_guard lock(mutex_);
    for (PendingEvent& event : events_) {
      if (event.object == object && event.reason == reason && event.message == message) {
        ++event.count;
        event.last = now;
        return;
      }
    }
    if (events_.size() >= kMaxPendingEvents) return;  // it is in the log
    events_.push_back({object, type, std::string(reason), std::string(message), 1, now, now});
  }
  wake_cv_.notify_one();
}

ApiResult<void> Publisher::Publish(const api::ObjectKey& key, const Pending& pending) {
  if (pending.removed) return Forget(key);
  if (pending.webapp) return PublishWebApp(key, pending);
  if (pending.autoscaler) {
    return deps_.registry.Write(RefOf(key), [&](const json& current) {
      if (!current.is_object()) return current;
      json wanted = current;
      wanted["status"] = EncodeObjectStatus(*pending.autoscaler);
      KeepTransitionTimes(current.value("status", json()), wanted["status"]);
      return wanted;
    });
  }
  return deps_.registry.Write(RefOf(key), [&](const json& current) {
    if (!current.is_object()) return current;  // implied: nobody stored it
    json wanted = current;
    // Routes need it all the same: the implied one has taken its containers over.
    if (IsDeleting(current) && pending.load_balancer->observed_generation == 0) {
      RemoveFinalizer(wanted, kTeardownFinalizer);
      return wanted;
    }
    wanted["status"] = EncodeObjectStatus(*pending.load_balancer);
    KeepTransitionTimes(current.value("status", json()), wanted["status"]);
    return wanted;
  });
}

ApiResult<void> Publisher::PublishWebApp(const api::ObjectKey& key, const Pending& pending) {
  json webapp;
  auto written = deps_.registry.Write(RefOf(key), [&](const json& current) {
    webapp = current;
    if (!current.is_object()) return current;
    json wanted = current;
    wanted["status"] = EncodeObjectStatus(*pending.webapp);
    KeepTransitionTimes(current.value("status", json()), wanted["status"]);
    webapp = wanted;
    return wanted;
  });
  if (!written) return written;
  if (auto done = PublishReplicas(key, pending.replicas, webapp); !done) return done;
  // Of the template as it is only if that is the one that the reconciler saw.
  const bool seen = webapp.is_object() && webapp["metadata"].value("generation", std::int64_t{1}) ==
                                              pending.webapp->observed_generation;
  if (!seen || pending.webapp->update_revision.empty()) return {};
  return PublishRevision(key, webapp, *pending.webapp);
}

ApiResult<void> Publisher::PublishReplicas(const api::ObjectKey& key,
                                           const std::vector<api::ReplicaStatus>& replicas,
                                           const json& webapp) {
  std::map<std::string, std::string> wanted;
  for (const api::ReplicaStatus& replica : replicas) {
    const json objects[] = {ReplicaObject(key, replica, webapp), PodObject(key, replica, webapp)};
    std::string text = DumpJson(objects[0]) + DumpJson(objects[1]);
    std::string& known = replicas_[key][replica.name];
    if (known != text) {
      const char* plurals[] = {"replicas", "pods"};
      for (std::size_t i = 0; i < 2; ++i) {
        auto written =
            deps_.registry.Write(RefOf(plurals[i], key.ns, replica.name), [&](const json& current) {
              json object = objects[i];
              if (current.is_object()) {
                for (const char* kept : {"uid", "creationTimestamp", "resourceVersion"}) {
                  if (current["metadata"].contains(kept)) {
                    object["metadata"][kept] = current["metadata"][kept];
                  }
                }
              } else if (replica.started != api::Time{}) {
                object["metadata"]["creationTimestamp"] = FormatTime(replica.started);
              }
              return object;
            });
        if (!written) return written;
      }
      known = std::move(text);
    }
    wanted[replica.name];
  }
  auto& published = replicas_[key];
  for (auto it = published.begin(); it != published.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    for (const char* plural : {"replicas", "pods"}) {
      auto gone = deps_.registry.Drop(RefOf(plural, key.ns, it->first));
      if (!gone) return gone;
    }
    it = published.erase(it);
  }
  return {};
}

ApiResult<void> Publisher::PublishRevision(const api::ObjectKey& key, const json& webapp,
                                           const api::WebAppStatus& status) {
  const std::string& revision = status.update_revision;
  if (revisions_[key] == revision) return {};
  const ObjectRef ref = RefOf("revisions", key.ns, key.name + "-" + revision);
  const auto page = deps_.registry.StoreOf(*ref.resource)
                        .List({.resource = ref.resource->plural, .ns = key.ns, .start_after = {}});
  if (!page) return Refuse(FromStatus(page.error(), ref.Subject()));
  std::vector<std::pair<std::int64_t, json>> mine;  // by number
  for (const auto& item : page->items) {
    json object = json::parse(*item.value, nullptr, false);
    if (!object.is_object() || !BelongsTo(object, key.name)) continue;
    const auto number = object.value("revision", std::int64_t{0});
    mine.emplace_back(number, std::move(object));
  }
  std::ranges::sort(mine, {}, [](const auto& entry) { return entry.first; });
  const std::int64_t newest = mine.empty() ? 0 : mine.back().first;
  const json before = mine.empty() ? json() : mine.back().second.value("template", json::object());
  std::string cause =
      DescribeChange(before, webapp.value("/spec/template"_json_pointer, json::object()));
  // The same template: what it refers to has changed.
  if (cause.empty()) cause = status.update_cause;
  const json object = RevisionObject(key, revision, newest + 1, cause, webapp);
  auto written = deps_.registry.Write(ref, [&](const json& current) {
    // Gone back to an earlier one: it is the newest again, as in Kubernetes.
    if (current.is_object() && current.value("revision", std::int64_t{0}) == newest) return current;
    json wanted = object;
    if (current.is_object()) wanted["metadata"] = current["metadata"];
    return wanted;
  });
  if (!written) return written;
  // The current one is not of the history.
  const auto limit = static_cast<std::size_t>(
      std::max(0, webapp.value("/spec/revisionHistoryLimit"_json_pointer, kHistoryLimit)));
  std::erase_if(mine,
                [&](const auto& entry) { return MetaText(entry.second, "name") == ref.name; });
  for (std::size_t i = 0; i + limit < mine.size(); ++i) {
    auto gone = deps_.registry.Drop(RefOf("revisions", key.ns, MetaText(mine[i].second, "name")));
    if (!gone) return gone;
  }
  revisions_[key] = revision;
  return {};
}

ApiResult<void> Publisher::Forget(const api::ObjectKey& key) {
  if (key.kind == "WebApp") {
    if (auto gone = PublishReplicas(key, {}, nullptr); !gone) return gone;
    replicas_.erase(key);
    revisions_.erase(key);
  }
  bool taken_down = false;
  auto written = deps_.registry.Write(RefOf(key), [&](const json& current) {
    taken_down = !current.is_object() || IsDeleting(current);
    if (!current.is_object() || !IsDeleting(current)) return current;
    json wanted = current;
    RemoveFinalizer(wanted, kTeardownFinalizer);
    return wanted;
  });
  if (!written || !taken_down || key.kind != "WebApp") return written;
  const ObjectRef revisions = RefOf("revisions", key.ns, "");
  const auto page = deps_.registry.StoreOf(*revisions.resource)
                        .List({.resource = "revisions", .ns = key.ns, .start_after = {}});
  if (!page) return Refuse(FromStatus(page.error(), revisions.Subject()));
  for (const auto& item : page->items) {
    const json object = json::parse(*item.value, nullptr, false);
    if (!object.is_object() || !BelongsTo(object, key.name)) continue;
    auto gone = deps_.registry.Drop(RefOf("revisions", key.ns, item.key.name));
    if (!gone) return gone;
  }
  return {};
}

ApiResult<void> Publisher::PublishEvent(const PendingEvent& event) {
  const std::string ns = event.object.ns.empty() ? kDefaultNamespace : event.object.ns;
  json involved = {{"kind", event.object.kind}, {"name", event.object.name}};
  if (!event.object.ns.empty()) involved["namespace"] = event.object.ns;
  if (event.object.kind == "WebApp" || event.object.kind == "LoadBalancer") {
    involved["apiVersion"] = std::string(kGroup) + "/" + kVersion;
    if (const auto object = deps_.registry.Get(RefOf(event.object))) {
      involved["uid"] = MetaText(json::parse(*object, nullptr, false), "uid");
    }
  }
  const std::string name = EventName(event.object, event.reason, event.message);
  return deps_.registry.Write(RefOf("events", ns, name), [&](const json& current) {
    json wanted = {{"apiVersion", "v1"},
                   {"kind", "Event"},
                   {"metadata", {{"name", name}, {"namespace", ns}}},
                   {"involvedObject", involved},
                   {"reason", event.reason},
                   {"message", event.message},
                   {"type", event.type == EventType::kWarning ? "Warning" : "Normal"},
                   {"count", event.count},
                   {"firstTimestamp", FormatTime(event.first)},
                   {"lastTimestamp", FormatTime(event.last)},
                   {"source", {{"component", "ballast"}}},
                   {"reportingComponent", "ballast"},
                   {"reportingInstance", deps_.instance}};
    if (current.is_object()) {
      wanted["metadata"] = current["metadata"];
      wanted["count"] = current.value("count", 0) + event.count;
      wanted["firstTimestamp"] = current.value("firstTimestamp", FormatTime(event.first));
    }
    return wanted;
  });
}

void Publisher::DropOldEvents() {
  const auto now = deps_.clock.Now();
  if (now - events_looked_at_ < kLookForOldEvents) return;
  events_looked_at_ = now;
  const ObjectRef events = RefOf("events", "", "");
  const auto page = deps_.registry.StoreOf(*events.resource)
                        .List({.resource = "events", .ns = "", .start_after = {}});
  if (!page) return;
  const std::string oldest = FormatTime(deps_.clock.WallNow() - kEventLife);
  for (const auto& item : page->items) {
    const json object = json::parse(*item.value, nullptr, false);
    if (object.is_object() && object.value("lastTimestamp", "") >= oldest) continue;
    const auto gone = deps_.registry.Drop(RefOf("events", item.key.ns, item.key.name));
    if (!gone) return;  // a minute later again
  }
}

}  // namespace ballast::apiserver
