// YAML text -> trees with marks, refusing what has more than one reading. Internal to api/; the
// only user of yaml-cpp, none of whose exceptions leave it. Pure; callable from any thread.
#pragma once

#include <string_view>
#include <vector>

#include "api/errors.h"
#include "api/tree.h"

namespace ballast::api {

inline constexpr int kMaxManifestDepth = 64;
inline constexpr int kMaxManifestDocuments = 200;
inline constexpr int kMaxManifestNodes = 50'000;

// The documents of a text, empty ones left out. What is wrong goes into `errors`; the trees are of
// use even then, to find further errors (what was reported is marked `bad`).
[[nodiscard]] std::vector<Value> ParseYaml(std::string_view text, ErrorList& errors);

}  // namespace ballast::api
