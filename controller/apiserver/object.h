// What objects have in common as JSON: names, finalizers, what counts as their content. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "controller/apiserver/api_error.h"
#include "controller/apiserver/resources.h"

namespace ballast::apiserver {

// metadata.KEY as text; empty where there is none.
[[nodiscard]] std::string MetaText(const nlohmann::json& object, std::string_view key);
// The whole number at a JSON pointer; 0 where there is none.
[[nodiscard]] std::int64_t NumberAt(const nlohmann::json& object, const char* pointer);
[[nodiscard]] bool IsDeleting(const nlohmann::json& object);
[[nodiscard]] bool HasFinalizer(const nlohmann::json& object, std::string_view finalizer);
// True when it was there.
bool RemoveFinalizer(nlohmann::json& object, std::string_view finalizer);

// Are they equal apart from metadata and status?
[[nodiscard]] bool SameContent(const nlohmann::json& a, const nlohmann::json& b);
// Are they equal apart from when a manager last wrote?
[[nodiscard]] bool SameObject(const nlohmann::json& a, const nlohmann::json& b);

// What a user may write of an object, without what the server keeps in metadata, and without
// status.
[[nodiscard]] nlohmann::json UserPart(const nlohmann::json& object);

// apiVersion, kind, name and namespace of a body must be what its path says, or be left out (then
// they are filled in).
[[nodiscard]] ApiResult<void> MatchPath(const Resource& resource, std::string_view ns,
                                        std::string_view name, nlohmann::json& body);

// Everything that a person may read, and nothing that a Secret hides: for logs and errors.
[[nodiscard]] std::string DumpJson(const nlohmann::json& json);

}  // namespace ballast::apiserver
