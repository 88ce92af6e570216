// How objects are shown to a client: as they are, as tables for `kubectl get`, as metadata only.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/meta.h"
#include "controller/apiserver/api_error.h"
#include "controller/apiserver/resources.h"
#include "reconcilers/ports/store.h"

namespace ballast::apiserver {

enum class Shape { kObject, kTable };
enum class Include { kNone, kMetadata, kObject };

struct Format {
  Shape shape = Shape::kObject;
  std::string table_version = "v1";  // of meta.k8s.io
  Include include = Include::kMetadata;
};

// The first of an Accept list that we can do; empty means anything. Error: 406.
[[nodiscard]] ApiResult<Format> ChooseFormat(std::string_view accept,
                                             std::string_view include_object);

struct ListMeta {
  std::uint64_t revision = 0;
  std::string continue_token;
  std::size_t remaining = 0;  // 0: not said
};

// {"kind": "WebAppList", "items": [...]} or a Table of them.
[[nodiscard]] std::string RenderList(const Resource& resource,
                                     const std::vector<reconcilers::StoredObject>& items,
                                     const ListMeta& meta, const Format& format, api::Time now);
// One object, or a Table with one row.
[[nodiscard]] std::string RenderObject(const Resource& resource, const std::string& object,
                                       const Format& format, api::Time now);
// One line of a watch: {"type": "ADDED", "object": ...}.
[[nodiscard]] std::string RenderEvent(std::string_view type, const Resource& resource,
                                      const std::string& object, const Format& format,
                                      bool with_columns, api::Time now);
[[nodiscard]] std::string RenderBookmark(const Resource& resource, std::uint64_t revision,
                                         bool initial_end, const Format& format);
[[nodiscard]] std::string RenderWatchError(const ApiError& error);

}  // namespace ballast::apiserver
