// The resources that the API serves: names, scopes, verbs, columns. One constant table, from which
// discovery, routing, tables and authorisation are made. Usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/apiserver/api_error.h"

namespace ballast::apiserver {

inline constexpr char kGroup[] = "ballast.dev";
inline constexpr char kVersion[] = "v1alpha1";
inline constexpr char kMetricsGroup[] = "metrics.k8s.io";  // what `kubectl top` asks
inline constexpr char kMetricsVersion[] = "v1beta1";

// Who writes the objects.
enum class Writers {
  kUsers,       // people, over the API and in manifests
  kController,  // Ballast alone: people read
};

struct Resource {
  std::string group;  // empty: core
  std::string version;
  std::string plural;
  std::string singular;
  std::string kind;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  Writers writers = Writers::kUsers;
  bool has_status = false;
  bool has_scale = false;
  // Further subresources that can only be read, and are answered by others (RestDeps::readers).
  std::vector<std::string> readable;
  // Kept in memory only: made anew from Docker at each start.
  bool transient = false;

  [[nodiscard]] std::string ApiVersion() const {
    return group.empty() ? version : group + "/" + version;
  }
  [[nodiscard]] std::vector<std::string> Verbs() const;
  [[nodiscard]] ErrorSubject Subject(std::string name) const {
    return {group, plural, std::move(name)};
  }
};

// Sorted by group, then name.
[[nodiscard]] const std::vector<Resource>& AllResources();
// What pods use, measured when somebody asks: no object, so it is in no store and not in the table.
[[nodiscard]] const Resource& PodMetricsResource();
// Null: there is none. Finds what pods use too.
[[nodiscard]] const Resource* FindResource(std::string_view group, std::string_view version,
                                           std::string_view plural);
// By its kind; `api_version` as in objects ("v1", "ballast.dev/v1alpha1").
[[nodiscard]] const Resource* FindKind(std::string_view api_version, std::string_view kind);
// By whatever a person calls it: webapps, webapp, wa, WebApp, webapps.ballast.dev.
[[nodiscard]] const Resource* FindByAnyName(std::string_view name);

}  // namespace ballast::apiserver
