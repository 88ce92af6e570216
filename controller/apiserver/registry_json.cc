// What the registry makes of stored texts for those who ask.
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "controller/apiserver/object.h"
#include "controller/apiserver/registry.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr char kMetadata[] = "\"metadata\":{";

}  // namespace

std::string WithRevision(std::string_view value, std::uint64_t revision) {
  const std::size_t at = value.find(kMetadata);
  if (at == std::string_view::npos) return std::string(value);
  const std::size_t after = at + sizeof(kMetadata) - 1;
  const bool empty = value.substr(after).starts_with('}');
  std::string out;
  out.reserve(value.size() + 40);
  out.append(value.substr(0, after));
  fmt::format_to(std::back_inserter(out), "\"resourceVersion\":\"{}\"{}", revision,
                 empty ? "" : ",");
  out.append(value.substr(after));
  return out;
}

json ScaleOf(const json& webapp) {
  const json metadata = webapp.value("metadata", json::object());
  json scale = {{"kind", "Scale"},
                {"apiVersion", "autoscaling/v1"},
                {"metadata", json::object()},
                {"spec", {{"replicas", NumberAt(webapp, "/spec/replicas")}}},
                {"status",
                 {{"replicas", NumberAt(webapp, "/status/replicas")},
                  {"selector", "ballast.dev/webapp=" + MetaText(webapp, "name")}}}};
  for (const char* key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (metadata.contains(key)) scale["metadata"][key] = metadata[key];
  }
  return scale;
}

}  // namespace ballast::apiserver
