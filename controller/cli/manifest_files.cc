#include "controller/cli/manifest_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "api/yaml_json.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool IsManifestName(const fs::path& path) {
  const std::string extension = path.extension();
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

Result<std::string> ReadFile(const std::string& name) {
  // Refused before it is read: what is larger is no manifest.
  constexpr std::uintmax_t kMaxFile = std::uintmax_t{64} << 20;
  std::error_code error;
  const auto size = fs::file_size(name, error);
  if (!error && size > kMaxFile) {
    return Error(Code::kInvalidArgument, fmt::format("{}: too large to be a manifest", name));
  }
  errno = 0;
  std::ifstream in(name, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (in.is_open() && !in.bad()) return text;
  return Error(Code::kNotFound,
               fmt::format("{}: {}", Sanitize(name),
                           std::error_code(errno, std::generic_category()).message()));
}

Result<std::vector<std::string>> FilesBelow(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  fs::recursive_directory_iterator it(directory, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::path& path = it->path();
    if (path.filename().string().starts_with('.')) {
      it.disable_recursion_pending();
    } else if (IsManifestName(path) && it->is_regular_file(error)) {
      names.push_back(path.string());
    }
  }
  if (error) {
    return Error(Code::kNotFound, fmt::format("{}: {}", Sanitize(directory), error.message()));
  }
  if (names.empty()) {
    return Error(Code::kNotFound,
                 fmt::format("{}: there is no *.yaml, *.yml or *.json in it", Sanitize(directory)));
  }
  std::ranges::sort(names);
  return names;
}

bool IsUrl(const std::string& name) {
  return name.starts_with("http://") || name.starts_with("https://");
}

// Kept by the server; in what `get -o yaml` printed.
void RemoveServersPart(json& object) {
  object.erase("status");
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return;
  for (const char* field : {"managedFields", "uid", "resourceVersion", "creationTimestamp",
                            "generation", "deletionTimestamp", "selfLink"}) {
    metadata->erase(field);
  }
  // Ballast's own finalizers: applied once and then left out, they would be taken off, and the
  // object would be gone before its containers.
  const auto finalizers = metadata->find("finalizers");
  if (finalizers == metadata->end() || !finalizers->is_array()) return;
  json others = json::array();
  for (const json& finalizer : *finalizers) {
    const bool own = finalizer.is_string() &&
                     finalizer.get_ref<const std::string&>().starts_with("ballast.dev/");
    if (!own) others.push_back(finalizer);
  }
  *finalizers = std::move(others);
  if (finalizers->empty()) metadata->erase(finalizers);
}

// One document of a file, taken apart into objects.
class DocumentReader {
 public:
  DocumentReader(const ManifestFile& file, const api::DocumentMarks& marks,
                 std::vector<Manifest>& manifests, std::vector<std::string>& errors)
      : file_(file), marks_(marks), manifests_(manifests), errors_(errors) {}

  void Read(json object, const std::string& prefix) {
    Manifest manifest{.file = file_.name, .prefix = prefix, .marks = marks_};
    const auto wrong = [&](const char* field, const char* message) {
      errors_.push_back(fmt::format("{}: {}{}", manifest.Locate(field),
                                    *field == '\0' ? "" : std::string(field) + ": ", message));
    };
    if (!object.is_object())
      return wrong("", "must be a map with apiVersion, kind, metadata, spec");
    const auto text = [](const json& map, const char* field) {
      const json& value = Field(map, field);
      return value.is_string() ? value.get<std::string>() : "";
    };
    manifest.api_version = text(object, "apiVersion");
    manifest.kind = text(object, "kind");
    if (manifest.kind.ends_with("List") && Field(object, "items").is_array()) {
      json& items = object["items"];
      for (std::size_t i = 0; i < items.size(); ++i) {
        Read(std::move(items[i]),
             fmt::format("{}{}items[{}]", prefix, prefix.empty() ? "" : ".", i));
      }
      return;
    }
    const json& metadata = Field(object, "metadata");
    manifest.name = text(metadata, "name");
    manifest.ns = text(metadata, "namespace");
    if (manifest.api_version.empty()) return wrong("apiVersion", "is required: a text");
    if (manifest.kind.empty()) return wrong("kind", "is required: a text");
    if (manifest.name.empty()) {
      return wrong("metadata.name", metadata.contains("generateName")
                                        ? "is required: with generateName every apply would make "
                                          "another object"
                                        : "is required: a text");
    }
    RemoveServersPart(object);
    manifest.body = object.dump(-1, ' ', false, json::error_handler_t::replace);
    manifests_.push_back(std::move(manifest));
  }

 private:
  const ManifestFile& file_;
  const api::DocumentMarks& marks_;
  std::vector<Manifest>& manifests_;
  std::vector<std::string>& errors_;
};

}  // namespace

std::string Manifest::Locate(std::string_view field) const {
  while (field.starts_with('.')) field.remove_prefix(1);
  const bool joined = !prefix.empty() && !field.empty();
  const auto mark = marks.Find(prefix + (joined ? "." : "") + std::string(field));
  return mark.line == 0 ? Sanitize(file) : fmt::format("{}:{}", Sanitize(file), mark.line);
}

Result<std::vector<ManifestFile>> ReadFiles(const std::vector<std::string>& names,
                                            const std::function<std::string()>& read_input) {
  std::vector<ManifestFile> files;
  bool input = false;
  for (const std::string& name : names) {
    if (name == "-") {
      if (!input) files.push_back({"standard input", read_input()});
      input = true;
      continue;
    }
    if (IsUrl(name)) {
      return Error(Code::kInvalidArgument,
                   fmt::format("{} is not fetched: curl -fsSL {} | ballast apply -f -",
                               Sanitize(name), Sanitize(name)));
    }
    std::vector<std::string> paths = {name};
    std::error_code error;
    if (fs::is_directory(name, error)) {
      auto below = FilesBelow(name);
      if (!below) return std::unexpected(below.error());
      paths = std::move(*below);
    }
    for (std::string& path : paths) {
      auto text = ReadFile(path);
      if (!text) return std::unexpected(text.error());
      files.push_back({std::move(path), std::move(*text)});
    }
  }
  return files;
}

std::expected<std::vector<Manifest>, std::vector<std::string>> ParseManifests(
    const ManifestFile& file) {
  std::vector<std::string> errors;
  auto documents = api::ParseYamlAsJson(file.text);
  if (!documents) {
    for (const api::FieldError& error : documents.error()) {
      const std::string at = error.line == 0 ? "" : fmt::format(":{}", error.line);
      errors.push_back(fmt::format("{}{}: {}{}", Sanitize(file.name), at,
                                   error.field.empty() ? "" : error.field + ": ", error.message));
    }
    return std::unexpected(std::move(errors));
  }
  std::vector<api::DocumentMarks> marks = api::MarkYaml(file.text);
  marks.resize(documents->size());
  std::vector<Manifest> manifests;
  for (std::size_t i = 0; i < documents->size(); ++i) {
    DocumentReader(file, marks[i], manifests, errors).Read(std::move((*documents)[i]), "");
  }
  if (!errors.empty()) return std::unexpected(std::move(errors));
  return manifests;
}

Result<std::vector<Manifest>> ParseAllManifests(const std::vector<ManifestFile>& files) {
  std::vector<Manifest> all;
  std::vector<std::string> errors;
  for (const ManifestFile& file : files) {
    auto manifests = ParseManifests(file);
    if (!manifests) {
      errors.insert(errors.end(), manifests.error().begin(), manifests.error().end());
      continue;
    }
    std::ranges::move(*manifests, std::back_inserter(all));
  }
  if (errors.empty() && !all.empty()) return all;
  if (errors.empty()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{}: there is no object in it",
                             files.size() == 1 ? Sanitize(files.front().name) : "the files"));
  }
  return Error(Code::kInvalidArgument, ManifestsAreWrong(errors));
}

std::string ManifestsAreWrong(const std::vector<std::string>& errors) {
  if (errors.size() == 1) return errors.front();
  std::string text = "the manifests are wrong; nothing was changed";
  for (const std::string& error : errors) text += "\n  " + error;
  return text;
}

}  // namespace ballast::cli
