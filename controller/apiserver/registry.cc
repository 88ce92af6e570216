#include "controller/apiserver/registry.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base64.h"
#include "controller/apiserver/autoscaled.h"
#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/managed_fields.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/powers.h"
#include "controller/apiserver/registry_checks.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::StoredObject;

constexpr int kAttempts = 100;  // of a write that others overtake
constexpr char kDefaultNamespace[] = "default";

json Parse(const StoredObject& object) {
  json parsed = json::parse(*object.value, nullptr, false);
  if (parsed.is_object()) {
    parsed["metadata"]["resourceVersion"] = std::to_string(object.revision);
  }
  return parsed;
}

std::string DefaultManager(const WriteOptions& options) {
  return options.field_manager.empty() ? "unknown" : options.field_manager;
}

// Objects whose end takes time: their containers have to go first.
bool NeedsTeardown(const Resource& resource) {
  return resource.kind == "WebApp" || resource.kind == "LoadBalancer";
}

const char* FinalizerOf(const Resource& resource) {
  if (NeedsTeardown(resource)) return kTeardownFinalizer;
  return resource.kind == "Namespace" ? kNamespaceFinalizer : nullptr;
}

// stringData is but another way to write data. Who owns a value, and which went, is known of data.
void EncodeStringData(json& config) {
  const auto texts = config.find("stringData");
  if (config.value("kind", "") != "Secret" || texts == config.end() || !texts->is_object()) return;
  json data = config.value("data", json::object());
  if (!data.is_object()) return;
  for (const auto& [key, text] : texts->items()) {
    if (!text.is_string()) return;  // told by Finish
    data[key] = api::EncodeBase64(text.get_ref<const std::string&>());
  }
  config["data"] = std::move(data);
  config.erase("stringData");
}

// What the defaults of another strategy put there goes with it: nobody asked for it, and Recreate
// does not take it. (Kubernetes refuses, and leaves it to the user to find out.)
void DropForeignDefaults(const json& current, json& candidate) {
  constexpr const char* kRolling = "rollingUpdate";
  const json::json_pointer path("/spec/strategy");
  if (!candidate.is_object() || !candidate.contains(path) || !candidate.at(path).is_object())
    return;
  json& strategy = candidate.at(path);
  if (strategy.value("type", json()) != "Recreate" || !strategy.contains(kRolling)) return;
  if (!current.is_object() || !current.contains(path)) return;
  const json& before = current.at(path);
  if (before.is_object() && before.contains(kRolling) && before[kRolling] == strategy[kRolling]) {
    strategy.erase(kRolling);
  }
}

// `shape` with the values that `full` has in its places.
json Project(const json& shape, const json& full) {
  if (!shape.is_object() || !full.is_object()) return full;
  json out = json::object();
  for (const auto& [key, value] : shape.items()) {
    const auto found = full.find(key);
    out[key] = found == full.end() ? value : Project(value, *found);
  }
  return out;
}

}  // namespace

struct Registry::Prepared {
  reconcilers::StoreValue value;  // null: delete
  json object;                    // what to answer, without a new resourceVersion
  bool unchanged = false;
  bool dry_run = false;
  bool retry = true;  // whether the change may be made anew on a newer object
  std::shared_ptr<RouteClaims::Claim> claim;
  std::vector<std::string> warnings;
};

Registry::Registry(RegistryDeps deps) : deps_(std::move(deps)) {}

reconcilers::Store& Registry::StoreOf(const Resource& resource) const {
  return resource.transient ? deps_.transient : deps_.durable;
}

std::string Registry::Now() const { return FormatTime(deps_.clock.WallNow()); }

Result<void> Registry::Load() {
  for (const char* plural : {"webapps", "loadbalancers", "autoscalers"}) {
    auto page = deps_.durable.List({.resource = plural, .ns = "", .start_after = {}});
    if (!page) return std::unexpected(page.error());
    for (const StoredObject& object : page->items) {
      const auto decoded = api::DecodeJson(UserPart(Parse(object)), deps_.decode);
      if (!decoded) continue;  // written by another version: whoever acts on it says so
      if (const auto claim = claims_.Take(*decoded)) (*claim)->Keep(object.revision);
    }
  }
  return {};
}

ApiResult<std::string> Registry::Get(const ObjectRef& ref) const {
  const auto object = StoreOf(*ref.resource).Get(ref.Key());
  if (!object) return Refuse(FromStatus(object.error(), ref.Subject()));
  return WithRevision(*object->value, object->revision);
}

void Registry::Create(const ObjectRef& collection, json body, const WriteOptions& options,
                      Done done) {
  if (auto matches = MatchPath(*collection.resource, collection.ns, collection.name, body);
      !matches) {
    return done(std::unexpected(matches.error()));
  }
  ObjectRef ref = collection;
  ref.name = MetaText(body, "name");
  if (ref.name.empty()) {
    const std::string prefix = MetaText(body, "generateName");
    if (prefix.empty()) {
      return done(Refuse(Invalid(ref.Subject(), ref.resource->kind,
                                 {{.file = "",
                                   .field = "metadata.name",
                                   .message = "name or generateName is required"}})));
    }
    ref.name = prefix.substr(0, 35) + deps_.new_uid().substr(0, 5);
    body["metadata"]["name"] = ref.name;
  }
  if (!MetaText(body, "resourceVersion").empty()) {
    return done(Refuse(BadRequest("resourceVersion must not be set on objects to be created")));
  }
  Run(
      ref,
      [this, ref, body = std::move(body), options](const std::optional<StoredObject>& current,
                                                   const json&) -> ApiResult<Prepared> {
        if (current) return Refuse(AlreadyExists(ref.Subject()));
        return Finish(ref, nullptr, body, options, false);
      },
      0, std::move(done));
}

void Registry::Update(const ObjectRef& ref, const json& body, const WriteOptions& options,
                      Done done) {
  json wanted = body;
  if (auto matches = MatchPath(*ref.resource, ref.ns, ref.name, wanted); !matches) {
    return done(std::unexpected(matches.error()));
  }
  Modify(
      ref, "", [wanted = std::move(wanted)](const json&) { return wanted; }, options,
      std::move(done));
}

void Registry::Modify(const ObjectRef& ref, const std::string& subresource, Change change,
                      const WriteOptions& options, Done done) {
  Run(
      ref,
      [this, ref, subresource, change = std::move(change), options](
          const std::optional<StoredObject>& current, const json& now) -> ApiResult<Prepared> {
        if (!current) return Refuse(NotFound(ref.Subject()));
        auto wanted = change(now);
        if (!wanted) return std::unexpected(wanted.error());
        const std::string warning = MindAutoscaler(ref, subresource, options, now, *wanted);
        if (auto matches = MatchPath(*ref.resource, ref.ns, ref.name, *wanted); !matches) {
          return std::unexpected(matches.error());
        }
        if (auto holds = CheckPreconditions(ref, now, *wanted); !holds) {
          return std::unexpected(holds.error());
        }
        auto prepared = subresource == "status"
                            ? FinishStatus(ref, now, *wanted, options)
                            : Finish(ref, now, std::move(*wanted), options, false);
        if (prepared && !warning.empty()) prepared->warnings.push_back(warning);
        return prepared;
      },
      0, std::move(done));
}

void Registry::Apply(const ObjectRef& ref, const json& config, const WriteOptions& options,
                     Done done) {
  if (options.field_manager.empty()) {
    return done(Refuse(BadRequest("an apply needs fieldManager: who applies it?")));
  }
  json wanted = config;
  if (auto matches = MatchPath(*ref.resource, ref.ns, ref.name, wanted); !matches) {
    return done(std::unexpected(matches.error()));
  }
  EncodeStringData(wanted);
  if (wanted["metadata"].contains("managedFields")) {
    return done(Refuse(BadRequest("metadata.managedFields must be left out of an apply")));
  }
  Run(
      ref,
      [this, ref, wanted, options](const std::optional<StoredObject>& current,
                                   const json& now) -> ApiResult<Prepared> {
        if (current) {
          if (auto holds = CheckPreconditions(ref, now, wanted); !holds) {
            return std::unexpected(holds.error());
          }
        } else if (!MetaText(wanted, "resourceVersion").empty() ||
                   !MetaText(wanted, "uid").empty()) {
          return Refuse(NotFound(ref.Subject()));
        }
        json asked = wanted;
        std::string warning;
        if (const std::string autoscaler = AutoscalerOf(ref); current && !autoscaler.empty()) {
          warning = KeepAppliedReplicas(autoscaler, now, options.field_manager, asked);
        }
        json merged;
        const auto conflicts =
            ApplyConfig(now, WithDefaults(now, asked),
                        {.name = options.field_manager, .subresource = "", .time = Now()},
                        options.force, merged);
        if (!conflicts.empty()) {
          ApiError error = Conflict(ref.Subject());
          error.message = fmt::format("Apply failed with {} conflict{}:", conflicts.size(),
                                      conflicts.size() == 1 ? "" : "s");
          for (const FieldConflict& conflict : conflicts) {
            const std::string message = fmt::format("conflict with \"{}\"", conflict.manager);
            error.message += fmt::format(" {}: {}", message, conflict.field);
            error.causes.push_back({"FieldManagerConflict", message, conflict.field});
          }
          return Refuse(std::move(error));
        }
        auto prepared =
            Finish(ref, current ? now : json(nullptr), std::move(merged), options, true);
        if (prepared && !warning.empty()) prepared->warnings.push_back(warning);
        return prepared;
      },
      0, std::move(done));
}

std::string Registry::AutoscalerOf(const ObjectRef& ref) const {
  return ref.resource->kind == "WebApp" ? claims_.AutoscalerOf(ref.ns, ref.name) : "";
}

// Returns a warning for the writer, "" for none.
std::string Registry::MindAutoscaler(const ObjectRef& ref, const std::string& subresource,
                                     const WriteOptions& options, const json& current,
                                     json& wanted) const {
  if (subresource == "status" || options.field_manager == kAutoscalerManager) return "";
  const std::string autoscaler = AutoscalerOf(ref);
  if (autoscaler.empty()) return "";
  return subresource == "scale" ? ScaledByHand(autoscaler, ref.name)
                                : KeepReplicas(autoscaler, current, wanted);
}

// What is asked for, as it will be stored: lists are one field each, so that one whose items lack
// defaults would differ from itself.
json Registry::WithDefaults(const json& current, const json& config) const {
  json whole = current.is_object() ? UserPart(current) : json::object();
  whole.merge_patch(config);
  DropForeignDefaults(current, whole);
  const auto decoded = api::DecodeJson(UserPart(whole), deps_.decode);
  return decoded ? Project(config, api::EncodeObject(*decoded)) : config;  // told by Finish
}

ApiResult<Registry::Prepared> Registry::Finish(const ObjectRef& ref, const json& current,
                                               json candidate, const WriteOptions& options,
                                               bool applied) {
  const bool creates = current.is_null();
  DropForeignDefaults(current, candidate);
  const auto decoded = api::DecodeJson(UserPart(candidate), deps_.decode);
  if (!decoded) return Refuse(Invalid(ref.Subject(), ref.resource->kind, decoded.error()));
  json object = api::EncodeObject(*decoded);
  json& metadata = object["metadata"];
  const json& wanted = candidate["metadata"];
  if (auto fine = CheckFinalizers(ref, current, wanted); !fine) {
    return std::unexpected(fine.error());
  }
  if (auto fine = CheckOwners(ref, wanted); !fine) return std::unexpected(fine.error());
  for (const char* key : {"finalizers", "ownerReferences", "managedFields"}) {
    if (wanted.contains(key) && wanted[key].is_array() && !wanted[key].empty()) {
      metadata[key] = wanted[key];
    }
  }
  // Also where a body leaves it out, as `kubectl replace` does: without it the object would go at
  // once when it is deleted, and its containers would run for ever.
  if (const char* finalizer = FinalizerOf(*ref.resource);
      finalizer != nullptr && !HasFinalizer(object, finalizer) &&
      (creates || (HasFinalizer(current, finalizer) && !IsDeleting(current)))) {
    metadata["finalizers"].push_back(finalizer);
  }
  if (creates) {
    metadata["uid"] = deps_.new_uid();
    metadata["creationTimestamp"] = Now();
    metadata["generation"] = 1;
    if (auto allowed = CheckNamespace(ref, options.dry_run); !allowed) {
      return std::unexpected(allowed.error());
    }
  } else {
    for (const char* key :
         {"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
      if (current["metadata"].contains(key)) metadata[key] = current["metadata"][key];
    }
    if (current.contains("status")) object["status"] = current["status"];
    // What this version does not understand has nothing that must not change.
    if (const auto before = api::DecodeJson(UserPart(current), deps_.decode)) {
      if (const auto errors = api::ValidateUpdate(*before, *decoded); !errors.empty()) {
        return Refuse(Invalid(ref.Subject(), ref.resource->kind, errors));
      }
    }
    const auto generation = current["metadata"].value("generation", std::int64_t{1});
    metadata["generation"] = generation + (SameContent(current, object) ? 0 : 1);
  }
  if (!options.may_reach_host) {
    const auto had = PowersOf(current);
    for (const std::string& power : PowersOf(object)) {
      if (had.contains(power)) continue;
      return Refuse(Forbidden(
          ref.Subject(), power + " reaches beyond the app's own containers: that takes the role "
                                 "admin in all namespaces"));
    }
  }
  if (!applied) {
    OwnChanges(current, object,
               {.name = DefaultManager(options), .subresource = "", .time = Now()});
  }
  Prepared prepared;
  prepared.dry_run = options.dry_run;
  prepared.retry = MetaText(candidate, "resourceVersion").empty() || applied;
  // The last finalizer taken away from what is being deleted ends it.
  if (IsDeleting(object) && !metadata.contains("finalizers")) {
    prepared.object = std::move(object);
    return prepared;
  }
  if (!creates && SameObject(current, object)) {
    prepared.unchanged = true;
    prepared.object = current;
    return prepared;
  }
  auto claim = claims_.Take(*decoded);
  if (!claim) return Refuse(Invalid(ref.Subject(), ref.resource->kind, claim.error()));
  if (!options.dry_run) prepared.claim = std::move(*claim);
  prepared.value = std::make_shared<const std::string>(DumpJson(object));
  prepared.object = std::move(object);
  return prepared;
}

ApiResult<Registry::Prepared> Registry::FinishStatus(const ObjectRef& ref, const json& current,
                                                     const json& candidate,
                                                     const WriteOptions& options) {
  if (auto fine = CheckStatus(ref, candidate); !fine) return std::unexpected(fine.error());
  Prepared prepared;
  prepared.dry_run = options.dry_run;
  json object = current;
  object["metadata"].erase("resourceVersion");
  object["status"] = candidate.value("status", json::object());
  prepared.unchanged = SameObject(current, object);
  prepared.value = std::make_shared<const std::string>(DumpJson(object));
  prepared.object = std::move(object);
  if (prepared.unchanged) prepared.object = current;
  return prepared;
}

void Registry::Delete(const ObjectRef& ref, const DeleteOptions& options, Done done) {
  Run(
      ref,
      [this, ref, options](const std::optional<StoredObject>& current,
                           const json& now) -> ApiResult<Prepared> {
        if (!current) return Refuse(NotFound(ref.Subject()));
        if (!options.uid.empty() && options.uid != MetaText(now, "uid")) {
          return Refuse(Conflict(ref.Subject(), "it is another object of the same name now"));
        }
        if (options.revision && *options.revision != current->revision) {
          return Refuse(Conflict(ref.Subject()));
        }
        if (ref.resource->kind == "Namespace" && ref.name == kDefaultNamespace) {
          return Refuse(Forbidden(ref.Subject(), "this namespace may not be deleted"));
        }
        Prepared prepared;
        prepared.dry_run = options.dry_run;
        json object = now;
        object["metadata"].erase("resourceVersion");
        // Orphan: the containers stay, since nobody asks for their end.
        if (options.propagation == Propagation::kOrphan)
          RemoveFinalizer(object, kTeardownFinalizer);
        if (object["metadata"].contains("finalizers")) {
          if (!IsDeleting(object)) {
            object["metadata"]["deletionTimestamp"] = Now();
            object["metadata"]["deletionGracePeriodSeconds"] = 0;
          }
          prepared.unchanged = SameObject(now, object);
          prepared.value = std::make_shared<const std::string>(DumpJson(object));
          prepared.object = std::move(object);
          if (prepared.unchanged) prepared.object = now;
          return prepared;
        }
        prepared.object = std::move(object);
        return prepared;
      },
      0, std::move(done));
}

void Registry::Run(const ObjectRef& ref, Prepare prepare, int attempt, Done done) {
  reconcilers::Store& store = StoreOf(*ref.resource);
  auto stored = store.Get(ref.Key());
  std::optional<StoredObject> current;
  if (stored) {
    current = std::move(*stored);
  } else if (stored.error().code != Code::kNotFound) {
    return done(Refuse(FromStatus(stored.error(), ref.Subject())));
  }
  auto made = prepare(current, current ? Parse(*current) : json(nullptr));
  if (!made) return done(std::unexpected(made.error()));
  auto prepared = std::make_shared<Prepared>(std::move(*made));
  WriteResult result{.body = "",
                     .created = !current,
                     .deleted = prepared->value == nullptr && !prepared->unchanged,
                     .unchanged = prepared->unchanged,
                     .name = ref.name,
                     .uid = MetaText(prepared->object, "uid"),
                     .warnings = prepared->warnings};
  if (prepared->unchanged || prepared->dry_run) {
    if (current) {
      prepared->object["metadata"]["resourceVersion"] = std::to_string(current->revision);
    }
    result.body = DumpJson(prepared->object);
    return done(std::move(result));
  }
  const std::uint64_t expected = current ? current->revision : 0;
  store.Submit({ref.Key(), expected, prepared->value},
               [this, ref, prepare = std::move(prepare), attempt, done = std::move(done), prepared,
                result = std::move(result)](Result<std::uint64_t> written) mutable {
                 if (written) {
                   if (prepared->claim) prepared->claim->Keep(*written);
                   if (result.deleted) {
                     claims_.Release({ref.resource->kind, ref.ns, ref.name}, *written);
                   }
                   result.body = prepared->value ? WithRevision(*prepared->value, *written)
                                                 : DumpJson(prepared->object);
                   return done(std::move(result));
                 }
                 const Code code = written.error().code;
                 const bool overtaken = code == Code::kConflict || code == Code::kAlreadyExists ||
                                        code == Code::kNotFound;
                 if (!overtaken || !prepared->retry || attempt >= kAttempts) {
                   return done(Refuse(FromStatus(written.error(), ref.Subject())));
                 }
                 prepared->claim.reset();
                 // Not here: the store's thread must not wait for a read.
                 deps_.executor([this, ref, prepare = std::move(prepare), attempt,
                                 done = std::move(done)]() mutable {
                   Run(ref, std::move(prepare), attempt + 1, std::move(done));
                 });
               });
}

ApiResult<void> Registry::Drop(const ObjectRef& ref) {
  return Write(ref, [](const json&) { return json(nullptr); });
}

ApiResult<void> Registry::Write(const ObjectRef& ref, const InternalChange& change) {
  reconcilers::Store& store = StoreOf(*ref.resource);
  for (int attempt = 0;; ++attempt) {
    const auto current = store.Get(ref.Key());
    if (!current && current.error().code != Code::kNotFound) {
      return Refuse(FromStatus(current.error(), ref.Subject()));
    }
    const json now = current ? Parse(*current) : json(nullptr);
    json wanted = change(now);
    if (wanted == now) return {};
    if (wanted.is_object()) {
      json& metadata = wanted["metadata"];
      metadata.erase("resourceVersion");
      if (now.is_null()) {
        if (!metadata.contains("uid")) metadata["uid"] = deps_.new_uid();
        if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = Now();
      }
      if (IsDeleting(wanted) && !metadata.contains("finalizers")) wanted = nullptr;
    }
    const auto written = store.Commit(
        {ref.Key(), current ? current->revision : 0,
         wanted.is_null() ? nullptr : std::make_shared<const std::string>(DumpJson(wanted))});
    if (written) {
      if (wanted.is_null()) {
        claims_.Release({ref.resource->kind, ref.ns, ref.name}, *written);
      }
      return {};
    }
    const Code code = written.error().code;
    if ((code != Code::kConflict && code != Code::kAlreadyExists && code != Code::kNotFound) ||
        attempt >= kAttempts) {
      return Refuse(FromStatus(written.error(), ref.Subject()));
    }
  }
}

// Namespaces come to be with the first object in them: nobody has to think of them.
ApiResult<void> Registry::CheckNamespace(const ObjectRef& ref, bool dry_run) {
  if (!ref.resource->namespaced) return {};
  const Resource* namespaces = FindKind("v1", "Namespace");
  const auto stored = deps_.durable.Get({namespaces->plural, "", ref.ns});
  if (!stored) {
    if (!dry_run) EnsureNamespace(ref.ns);
    return {};
  }
  if (IsDeleting(Parse(*stored))) {
    return Refuse(Forbidden(
        ref.Subject(), fmt::format("namespace {} is being deleted: nothing new is taken", ref.ns)));
  }
  return {};
}

void Registry::EnsureNamespace(const std::string& ns) {
  const ObjectRef ref{FindKind("v1", "Namespace"), "", ns};
  Create(ref, {{"metadata", {{"name", ns}}}}, {.field_manager = "ballast"},
         [](const ApiResult<WriteResult>&) {});  // somebody else's is as good
}

}  // namespace ballast::apiserver
