// Who owns which field: metadata.managedFields, and server-side apply on top of it. Maps are merged
// field by field; lists are one field. Pure functions on JSON; usable from any thread.
// Source: Kubernetes' "Server-Side Apply" and sigs.k8s.io/structured-merge-diff.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace ballast::apiserver {

struct FieldManager {
  std::string name;         // "kubectl"
  std::string subresource;  // "status", "scale"; empty: the object itself
  std::string time;         // of the write, RFC 3339
};

struct FieldConflict {
  std::string field;    // ".spec.replicas"
  std::string manager;  // "kubectl-edit" using v1alpha1
  bool operator==(const FieldConflict&) const = default;
};

// The fields of `config` as fieldsV1: {"f:spec": {"f:replicas": {}}}. What the server writes, and
// what names the object, is not in it.
[[nodiscard]] nlohmann::json FieldsOf(const nlohmann::json& config);

// A plain write: what differs between `before` and `after` belongs to `manager` from now on.
// Changes after["metadata"]["managedFields"]; `before` is null at a creation.
void OwnChanges(const nlohmann::json& before, nlohmann::json& after, const FieldManager& manager);

// Merges `config` into `live` (null: nothing is there) as `manager` wants it, into `result`. Fields
// that it applied before and that are in `config` no longer go, unless somebody else owns them too.
// Returns the conflicts: what others own with another value; then `result` counts for nothing. With
// `force` they lose it.
[[nodiscard]] std::vector<FieldConflict> ApplyConfig(const nlohmann::json& live,
                                                     const nlohmann::json& config,
                                                     const FieldManager& manager, bool force,
                                                     nlohmann::json& result);

// The manager that owns the field at `path` ({"spec", "replicas"}) by a plain write or an apply,
// other than `except`; empty: nobody.
[[nodiscard]] std::string OwnerOf(const nlohmann::json& object,
                                  const std::vector<std::string>& path, const std::string& except);

}  // namespace ballast::apiserver
