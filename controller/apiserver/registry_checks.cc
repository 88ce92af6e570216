#include "controller/apiserver/registry_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxFinalizers = 32;
constexpr std::size_t kMaxOwners = 32;
constexpr std::size_t kMaxOwnersBytes = 16 * 1024;

}  // namespace

ApiResult<void> CheckFinalizers(const ObjectRef& ref, const json& before, const json& metadata) {
  const auto found = metadata.find("finalizers");
  if (found == metadata.end()) return {};
  const auto wrong = [&ref](std::string message) {
    return Refuse(
        Invalid(ref.Subject(), ref.resource->kind,
                {{.file = "", .field = "metadata.finalizers", .message = std::move(message)}}));
  };
  if (!found->is_array()) return wrong("must be a list of strings");
  if (found->size() > kMaxFinalizers) {
    return wrong("must not have more than " + std::to_string(kMaxFinalizers) + " names");
  }
  for (const json& name : *found) {
    if (!name.is_string() || name.get_ref<const std::string&>().size() > 253 ||
        name.get_ref<const std::string&>().find('/') == std::string::npos) {
      return wrong("each must be a qualified name, such as example.com/backup");
    }
    if (IsDeleting(before) && !HasFinalizer(before, name.get_ref<const std::string&>())) {
      return wrong("an object that is being deleted takes no new finalizers");
    }
  }
  return {};
}

// Nobody reads them yet: they are kept for those who wrote them, and must not fill the store.
ApiResult<void> CheckOwners(const ObjectRef& ref, const json& metadata) {
  const auto found = metadata.find("ownerReferences");
  if (found == metadata.end() || found->is_null()) return {};
  const bool fits = found->is_array() && found->size() <= kMaxOwners &&
                    std::ranges::all_of(*found, &json::is_object) &&
                    DumpJson(*found).size() <= kMaxOwnersBytes;
  if (fits) return {};
  return Refuse(Invalid(ref.Subject(), ref.resource->kind,
                        {{.file = "",
                          .field = "metadata.ownerReferences",
                          .message = "must be a list of at most " + std::to_string(kMaxOwners) +
                                     " objects, and 16 KiB in all"}}));
}

// As far as others count on it: a map, and in it a list of conditions whose words are texts.
ApiResult<void> CheckStatus(const ObjectRef& ref, const json& candidate) {
  const auto wrong = [&ref](std::string field, std::string message) {
    return Refuse(
        Invalid(ref.Subject(), ref.resource->kind,
                {{.file = "", .field = std::move(field), .message = std::move(message)}}));
  };
  const auto status = candidate.find("status");
  if (status == candidate.end()) return {};
  if (!status->is_object()) return wrong("status", "must be a map");
  const auto conditions = status->find("conditions");
  if (conditions == status->end()) return {};
  if (!conditions->is_array()) return wrong("status.conditions", "must be a list");
  for (std::size_t i = 0; i < conditions->size(); ++i) {
    const std::string field = fmt::format("status.conditions[{}]", i);
    const json& condition = (*conditions)[i];
    if (!condition.is_object()) return wrong(field, "must be a map");
    for (const char* key : {"type", "status"}) {
      if (!condition.contains(key) || !condition[key].is_string()) {
        return wrong(field + "." + key, "must be a text");
      }
    }
    for (const char* key : {"reason", "message", "lastTransitionTime"}) {
      if (condition.contains(key) && !condition[key].is_string()) {
        return wrong(field + "." + key, "must be a text");
      }
    }
  }
  return {};
}

// A precondition in the body: metadata.resourceVersion and uid.
ApiResult<void> CheckPreconditions(const ObjectRef& ref, const json& current, const json& wanted) {
  const std::string revision = MetaText(wanted, "resourceVersion");
  if (!revision.empty() && revision != MetaText(current, "resourceVersion")) {
    return Refuse(Conflict(ref.Subject()));
  }
  const std::string uid = MetaText(wanted, "uid");
  if (!uid.empty() && uid != MetaText(current, "uid")) {
    return Refuse(Conflict(ref.Subject(),
                           fmt::format("the UID in the request ({}) is not that of the object ({})",
                                       uid, MetaText(current, "uid"))));
  }
  return {};
}

}  // namespace ballast::apiserver
