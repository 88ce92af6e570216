#include "controller/cmd/store_sink.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/apiserver/object.h"
#include "controller/cmd/registry_wait.h"

namespace ballast::cmd {
namespace {

using nlohmann::json;

bool AppliedByManifests(const json& object) {
  const json managers = object.value("/metadata/managedFields"_json_pointer, json::array());
  return managers.is_array() && std::ranges::any_of(managers, [](const json& entry) {
           return entry.is_object() && entry.value("manager", "") == manifests::kFieldManager &&
                  entry.value("operation", "") == "Apply";
         });
}

}  // namespace

Result<manifests::SinkResult> StoreSink::Apply(const api::ObjectKey& key, const json& config,
                                               const std::string&) {
  const auto ref = RefOf(key);
  if (!ref) return Error(Code::kInvalidArgument, "there is no kind " + key.kind);
  json wanted = config;
  apiserver::WriteOptions options{.field_manager = manifests::kFieldManager};
  const auto apply = [&](apiserver::Registry::Done done) {
    registry_.Apply(*ref, wanted, options, std::move(done));
  };
  manifests::SinkResult result;
  auto applied = Wait(apply);
  if (!applied && !applied.error().causes.empty() &&
      applied.error().causes.front().reason == "FieldManagerConflict") {
    for (const apiserver::Cause& cause : applied.error().causes) {
      // "conflict with "kubectl-edit" using ballast.dev/v1alpha1" -> kubectl-edit
      std::string manager = cause.message;
      if (const auto quote = manager.find('"'); quote != std::string::npos) {
        manager.erase(0, quote + 1);
        manager.erase(std::min(manager.find('"'), manager.size()));
      }
      std::string field = cause.field;
      if (field.starts_with('.')) field.erase(0, 1);
      result.put_back.push_back(fmt::format("{} (changed by {})", field, manager));
    }
    options.force = true;
    applied = Wait(apply);
  }
  if (!applied) return ToStatus(applied.error());
  result.created = applied->created;
  result.changed = !applied->unchanged;
  result.stored = Decode(applied->body);
  return result;
}

Result<void> StoreSink::Remove(const api::ObjectKey& key) {
  const auto ref = RefOf(key);
  if (!ref) return {};
  const auto stored = registry_.Get(*ref);
  if (!stored) {
    if (stored.error().code == 404) return {};
    return ToStatus(stored.error());
  }
  const json object = json::parse(*stored, nullptr, false);
  if (!AppliedByManifests(object) || apiserver::IsDeleting(object)) return {};
  const auto deleted = Wait([&](apiserver::Registry::Done done) {
    registry_.Delete(*ref, {.uid = apiserver::MetaText(object, "uid")}, std::move(done));
  });
  if (!deleted && deleted.error().code != 404) return ToStatus(deleted.error());
  return {};
}

std::shared_ptr<const api::Object> StoreSink::Find(const api::ObjectKey& key) {
  const auto ref = RefOf(key);
  if (!ref) return nullptr;
  const auto stored = registry_.Get(*ref);
  return stored ? Decode(*stored) : nullptr;
}

std::shared_ptr<const api::Object> StoreSink::Decode(const std::string& stored) const {
  auto decoded =
      api::DecodeObject(apiserver::UserPart(json::parse(stored, nullptr, false)), decode_);
  if (!decoded) return nullptr;
  return std::make_shared<const api::Object>(std::move(*decoded));
}

}  // namespace ballast::cmd
