// What a request asks for, from its method, path and query: Kubernetes' RequestInfo. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "controller/apiserver/api_error.h"
#include "controller/apiserver/http_types.h"
#include "controller/apiserver/resources.h"

namespace ballast::apiserver {

enum class Verb { kGet, kList, kWatch, kCreate, kUpdate, kPatch, kDelete, kDeleteCollection };
// As roles and the audit log call it: "deletecollection".
[[nodiscard]] std::string_view VerbName(Verb verb);
[[nodiscard]] bool IsRead(Verb verb);

struct RequestInfo {
  Verb verb = Verb::kGet;
  const Resource* resource = nullptr;
  std::string ns;           // empty: all namespaces, or a cluster-scoped kind
  std::string name;         // empty: the collection
  std::string subresource;  // "status", "scale", "log"

  [[nodiscard]] ErrorSubject Subject() const { return resource->Subject(name); }
};

// Nothing: the path is no resource's (discovery, /healthz). An error: it is one, but wrong.
[[nodiscard]] ApiResult<std::optional<RequestInfo>> ParseRequest(const HttpRequest& request);

// Words of the query.
struct ListOptions {
  std::string label_selector;
  std::string field_selector;
  std::size_t limit = 0;  // 0: no limit
  std::string continue_token;
  // Nothing: not given. "0" is 0.
  std::optional<std::uint64_t> resource_version;
  bool allow_bookmarks = false;
  std::optional<int> timeout_seconds;
  std::string include_object;  // None, Metadata, Object; empty: Metadata
};
[[nodiscard]] ApiResult<ListOptions> ParseListOptions(const HttpRequest& request);

enum class FieldValidation { kIgnore, kWarn, kStrict };

struct WriteOptions {
  bool dry_run = false;
  std::string field_manager;
  bool force = false;  // of a server-side apply
  // Whether it may ask for more than its own containers (powers.h); who may not can still change
  // what asks for no more than before.
  bool may_reach_host = true;
  FieldValidation field_validation = FieldValidation::kStrict;
};
[[nodiscard]] ApiResult<WriteOptions> ParseWriteOptions(const HttpRequest& request);

}  // namespace ballast::apiserver
