// The types that the server has, as its discovery tells them: whatever a person calls them ->
// paths. Pure.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"

namespace ballast::cli {

struct ResourceType {
  std::string group;  // empty: core
  std::string version;
  std::string plural;
  std::string singular;
  std::string kind;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  bool writable = true;

  [[nodiscard]] std::string ApiVersion() const {
    return group.empty() ? version : group + "/" + version;
  }
  // Of one object, or of all with an empty name; `ns` empty: of all namespaces.
  [[nodiscard]] std::string Path(std::string_view ns, std::string_view name = "") const;
  // "webapp/shop"
  [[nodiscard]] std::string Ref(std::string_view name) const {
    return singular + "/" + std::string(name);
  }
};

class ResourceTypes {
 public:
  // Adds what GET /api/v1 or /apis/GROUP/VERSION answered.
  void Add(const nlohmann::json& resource_list);

  [[nodiscard]] const std::vector<ResourceType>& all() const { return types_; }
  // By plural, singular, kind, short name, plural.group, in any case. NotFound, with the nearest
  // and a list, when there is none.
  [[nodiscard]] Result<const ResourceType*> Find(std::string_view name) const;
  // "webapps,pods", "all": types and categories.
  [[nodiscard]] Result<std::vector<const ResourceType*>> FindAll(std::string_view names) const;
  // Null: there is none.
  [[nodiscard]] const ResourceType* FindKind(std::string_view api_version,
                                             std::string_view kind) const;
  // InvalidArgument for a manifest's kind that is none, with the nearest.
  [[nodiscard]] Status UnknownKind(std::string_view api_version, std::string_view kind) const;

 private:
  std::vector<ResourceType> types_;
};

// For a path or a query.
[[nodiscard]] std::string UrlEncode(std::string_view text);
// "?a=b&c=d" of what is not empty; "" when nothing is.
[[nodiscard]] std::string Query(const std::map<std::string, std::string>& words);

}  // namespace ballast::cli
