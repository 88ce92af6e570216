#include "controller/apiserver/body.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/yaml_json.h"
#include "controller/apiserver/protobuf_body.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxPatchOperations = 10'000;

// Without parameters, lower case.
std::string MediaType(const HttpRequest& request) {
  const auto found = request.headers.find("content-type");
  if (found == request.headers.end()) return "";
  std::string type = found->second.substr(0, found->second.find(';'));
  while (type.ends_with(' ')) type.pop_back();
  for (char& c : type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return type;
}

// What copying it would cost, and whether it is nested deeper than `depth`. Stops once it is more
// than a body may have.
bool Measure(const json& value, int depth, std::size_t& size) {
  if (depth < 0) return false;
  size += sizeof(json);
  if (value.is_string()) size += value.get_ref<const std::string&>().size();
  if (value.is_object()) {
    for (const auto& [key, inner] : value.items()) {
      size += key.size();
      if (size > kMaxBodyBytes || !Measure(inner, depth - 1, size)) return false;
    }
  }
  if (value.is_array()) {
    for (const json& inner : value) {
      if (size > kMaxBodyBytes || !Measure(inner, depth - 1, size)) return false;
    }
  }
  return size <= kMaxBodyBytes;
}

// One operation of a JSON patch. Without what the library does not do: a copy may double what there
// is, so that thirty of them fill the memory; a target inside of a text ends the program. Messages
// name paths and never values, which may be a Secret's.
class JsonPatch {
 public:
  explicit JsonPatch(json& target) : target_(target) {}

  ApiResult<void> Do(const json& operation) {
    const std::string op = Word(operation, "op");
    constexpr std::array kKnown = {"add", "remove", "replace", "move", "copy", "test"};
    if (std::ranges::find(kKnown, op) == kKnown.end()) {
      return Refuse(BadRequest("op must be add, remove, replace, move, copy or test"));
    }
    const std::string path = Word(operation, "path");
    const auto wrong = [&](std::string_view why) {
      return Refuse(ApiError{.code = 422,
                             .reason = "Invalid",
                             .message = fmt::format("the JSON patch cannot be applied: {} {}: {}",
                                                    op, path.substr(0, 200), why)});
    };
    try {
      if (op == "test") {
        if (operation.contains("value") && Find(path) == operation["value"]) return {};
        return wrong("the test does not hold");
      }
      if (op == "copy" || op == "move") {
        if (!Measure(Find(Word(operation, "from")), kMaxDepth, copied_)) {
          return Refuse(TooLarge("a JSON patch may copy and move 3 MiB in all"));
        }
      }
      if (op == "add" || op == "copy" || op == "move") {
        json::json_pointer parent(path);
        if (!parent.empty()) {
          parent.pop_back();
          if (!target_.at(parent).is_structured()) return wrong("it is in no map and no list");
        }
      }
      target_.patch_inplace(json::array({operation}));
    } catch (const json::exception&) {
      return wrong("there is no such field");
    }
    return {};
  }

 private:
  static std::string Word(const json& operation, const char* key) {
    const auto found = operation.is_object() ? operation.find(key) : operation.end();
    return operation.is_object() && found != operation.end() && found->is_string()
               ? found->get<std::string>()
               : "";
  }
  const json& Find(const std::string& path) { return target_.at(json::json_pointer(path)); }

  json& target_;
  std::size_t copied_ = 0;
};

ApiResult<json> ParseJson(const std::string& text) {
  auto parsed = api::ParseJsonStrict(text, kMaxBodyBytes, kMaxDepth);
  if (!parsed) return Refuse(BadRequest("the body: " + parsed.error().message));
  return std::move(*parsed);
}

ApiResult<json> ParseYaml(const std::string& text) {
  auto documents = api::ParseYamlAsJson(text);
  if (!documents) {
    const api::FieldError& first = documents.error().front();
    return Refuse(BadRequest(
        fmt::format("the body, line {}, column {}: {}", first.line, first.column, first.message)));
  }
  if (documents->size() != 1) {
    return Refuse(
        BadRequest(fmt::format("the body must be one document, it has {}", documents->size())));
  }
  return std::move(documents->front());
}

}  // namespace

ApiResult<json> ParseBody(const HttpRequest& request) {
  const std::string type = MediaType(request);
  if (type == "application/yaml" || type == "application/apply-patch+yaml" || type == "text/yaml" ||
      type == "application/x-yaml") {
    return ParseYaml(request.body);
  }
  if (type.empty() || type == "application/json" || type.ends_with("+json") ||
      type == "application/x-www-form-urlencoded" || type == "text/plain") {  // what curl -d says
    return ParseJson(request.body);
  }
  if (type == kProtobufType) return ParseProtobuf(request.body);
  return Refuse(UnsupportedMediaType(fmt::format(
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json, application/yaml, {} (got {})",
      kProtobufType, type.substr(0, 80))));
}

ApiResult<PatchType> PatchTypeOf(const HttpRequest& request, bool only_maps) {
  const std::string type = MediaType(request);
  // What kubectl sends for the kinds that it knows. Where there are no lists but of plain values it
  // means the same; its directives ($patch) are unknown fields.
  if (only_maps && type == "application/strategic-merge-patch+json") return PatchType::kMerge;
  if (type == "application/merge-patch+json") return PatchType::kMerge;
  if (type == "application/json-patch+json") return PatchType::kJson;
  if (type == "application/apply-patch+yaml") return PatchType::kApply;
  return Refuse(UnsupportedMediaType(
      "the body of the request was in an unknown format - accepted media types include: "
      "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml "
      "(kubectl patch takes --type=merge or --type=json)"));
}

ApiResult<json> ApplyPatch(PatchType type, const json& patch, const json& object) {
  if (type == PatchType::kMerge) {
    if (!patch.is_object()) return Refuse(BadRequest("a merge patch must be a map"));
    json patched = object;
    patched.merge_patch(patch);
    return patched;
  }
  if (!patch.is_array()) return Refuse(BadRequest("a JSON patch must be a list of operations"));
  if (patch.size() > kMaxPatchOperations) {
    return Refuse(TooLarge(fmt::format("a JSON patch may have {} operations, this one has {}",
                                       kMaxPatchOperations, patch.size())));
  }
  json patched = object;
  JsonPatch work(patched);
  for (const json& operation : patch) {
    if (auto done = work.Do(operation); !done) return std::unexpected(done.error());
  }
  if (std::size_t size = 0; !Measure(patched, kMaxDepth + 1, size)) {
    return Refuse(TooLarge("the patched object is too large or nested too deeply"));
  }
  return patched;
}

ApiResult<DeleteOptions> ParseDeleteOptions(const HttpRequest& request) {
  DeleteOptions options;
  json body = json::object();
  if (!request.body.empty()) {
    auto parsed = ParseBody(request);
    if (!parsed) return std::unexpected(parsed.error());
    if (!parsed->is_object()) return Refuse(BadRequest("DeleteOptions must be a map"));
    body = std::move(*parsed);
  }
  const auto word = [&](const char* name) -> std::string {
    if (const auto query = request.query.find(name); query != request.query.end()) {
      return query->second;
    }
    const auto found = body.find(name);
    return found != body.end() && found->is_string() ? found->get<std::string>() : "";
  };
  const std::string propagation = word("propagationPolicy");
  if (propagation == "Orphan") {
    options.propagation = Propagation::kOrphan;
  } else if (propagation == "Foreground") {
    options.propagation = Propagation::kForeground;
  } else if (!propagation.empty() && propagation != "Background") {
    return Refuse(BadRequest("propagationPolicy must be Background, Foreground or Orphan"));
  }
  if (const auto dry = request.query.find("dryRun"); dry != request.query.end()) {
    if (dry->second != "All") return Refuse(BadRequest("dryRun must be All"));
    options.dry_run = true;
  }
  if (const auto dry = body.find("dryRun"); dry != body.end() && dry->is_array() && !dry->empty()) {
    if (*dry != json::array({"All"})) return Refuse(BadRequest("dryRun must be All"));
    options.dry_run = true;
  }
  if (const auto conditions = body.find("preconditions");
      conditions != body.end() && conditions->is_object()) {
    if (conditions->contains("uid") && (*conditions)["uid"].is_string()) {
      options.uid = (*conditions)["uid"];
    }
    if (conditions->contains("resourceVersion") && (*conditions)["resourceVersion"].is_string()) {
      const std::string text = (*conditions)["resourceVersion"];
      std::uint64_t revision = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
      if (error != std::errc() || end != text.data() + text.size()) {
        return Refuse(
            BadRequest("preconditions.resourceVersion must be one that this server gave"));
      }
      options.revision = revision;
    }
  }
  return options;
}

}  // namespace ballast::apiserver
