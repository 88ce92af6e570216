#include "api/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "api/document.h"
#include "api/json.h"
#include "api/schemas.h"
#include "api/yaml.h"

namespace ballast::api {
namespace {

std::vector<std::pair<int, int>> RouteMarks(const Value& root) {
  std::vector<std::pair<int, int>> marks;
  const Member* spec = root.Find("spec");
  const Member* routes = spec == nullptr ? nullptr : spec->value.Find("routes");
  if (routes == nullptr) return marks;
  for (const Value& item : routes->value.items) marks.emplace_back(item.at.line, item.at.column);
  return marks;
}

// The first errors in one line, for callers that have no list to give.
Status Summary(std::vector<FieldError> errors) {
  constexpr std::size_t kShown = 5;
  std::string message;
  for (std::size_t i = 0; i < std::min(kShown, errors.size()); ++i) {
    errors[i].file.clear();
    message += (i == 0 ? "" : "; ") + errors[i].ToString();
  }
  if (errors.size() > kShown) message += fmt::format("; and {} more", errors.size() - kShown);
  return {Code::kInvalidArgument, std::move(message)};
}

}  // namespace

std::expected<std::vector<DecodedObject>, std::vector<FieldError>> DecodeManifest(
    const std::string& file, std::string_view text, const DecodeOptions& options) {
  ErrorList errors(file);
  DecodeContext context{errors, options};
  std::vector<DecodedObject> objects;
  for (const Value& document : ParseYaml(text, errors)) {
    auto object = DecodeDocument(document, context);
    if (!object) continue;
    objects.push_back({.object = std::move(*object),
                       .file = file,
                       .line = document.at.line,
                       .column = document.at.column,
                       .route_marks = RouteMarks(document),
                       .written = std::make_shared<const nlohmann::json>(ToJson(document))});
  }
  if (!errors.empty()) return std::unexpected(std::move(errors).Take());
  return objects;
}

nlohmann::json EncodeObject(const Object& object) { return ToJson(EncodeDocument(object)); }

std::expected<Object, std::vector<FieldError>> DecodeJson(const nlohmann::json& json,
                                                          const DecodeOptions& options) {
  auto root = FromJson(json);
  if (!root) {
    return std::unexpected(std::vector<FieldError>{{.file = "", .message = root.error().message}});
  }
  ErrorList errors("");
  DecodeContext context{errors, options};
  auto object = DecodeStored(std::move(*root), context);
  if (!errors.empty()) return std::unexpected(std::move(errors).Take());
  if (!object) {
    return std::unexpected(
        std::vector<FieldError>{{.file = "", .message = "not an object of Ballast"}});
  }
  return std::move(*object);
}

Result<Object> DecodeObject(const nlohmann::json& json, const DecodeOptions& options) {
  auto object = DecodeJson(json, options);
  if (!object) return std::unexpected(Summary(std::move(object.error())));
  return std::move(*object);
}

std::string CanonicalTemplate(const PodTemplate& pod_template) {
  return ToJsonText(PodTemplateSchema().Write(pod_template, Style::kCanonical));
}

Result<PodTemplate> ParseCanonicalTemplate(std::string_view text) {
  const auto json = ParseJsonStrict(text, kMaxManifestBytes, kMaxManifestDepth);
  if (!json) return std::unexpected(json.error());
  const auto root = FromJson(*json);
  if (!root) return std::unexpected(root.error());
  // The container runs already; what it may have was decided when it was made.
  DecodeOptions options;
  options.allowed_host_paths = {"/"};
  options.features = Features::All();
  ErrorList errors("");
  DecodeContext context{errors, options};
  PodTemplate pod_template;
  PodTemplateSchema().Read(Cursor(*root, context, "template"), pod_template);
  if (!errors.empty()) return std::unexpected(Summary(std::move(errors).Take()));
  return pod_template;
}

// FNV-1a with 64 bits over the canonical text, folded to 32 bits by exclusive-or of the upper and
// the lower half, as eight hex digits in lower case. Never to be changed: the revision is in the
// names and labels of running containers, and another hash would roll every app at an upgrade.
std::string RevisionOf(const PodTemplate& pod_template, std::string_view config) {
  std::uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) {
      hash ^= static_cast<unsigned char>(c);
      hash *= 1099511628211ULL;
    }
  };
  mix(CanonicalTemplate(pod_template));
  if (!config.empty()) {
    mix("\n");
    mix(config);
  }
  return fmt::format("{:08x}", static_cast<std::uint32_t>((hash >> 32) ^ (hash & 0xFFFFFFFFULL)));
}

}  // namespace ballast::api
