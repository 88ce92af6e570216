// What `-f` names -> the objects in it, each knowing its file and lines. ReadFiles looks at the
// disk, the rest is pure. One thread.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"
#include "api/yaml_marks.h"

namespace ballast::cli {

struct ManifestFile {
  std::string name;  // as the user wrote it; "standard input"
  std::string text;
};

struct Manifest {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string ns;    // empty: it names none
  std::string body;  // JSON, without what the server keeps

  // "shop.yaml:12" of a field; of the document with an empty one.
  [[nodiscard]] std::string Locate(std::string_view field) const;

  std::string file;
  std::string prefix;  // of fields in `marks`: "items[0]" in a List
  api::DocumentMarks marks;
};

// Files, directories (every *.yaml, *.yml and *.json below, sorted; hidden ones not), "-".
[[nodiscard]] Result<std::vector<ManifestFile>> ReadFiles(
    const std::vector<std::string>& names, const std::function<std::string()>& read_input);

// The documents of a file; a List is taken apart. Otherwise what is wrong, a line each.
[[nodiscard]] std::expected<std::vector<Manifest>, std::vector<std::string>> ParseManifests(
    const ManifestFile& file);
// One text of all that is wrong.
[[nodiscard]] std::string ManifestsAreWrong(const std::vector<std::string>& errors);
// Of all files, in their order. Otherwise all that is wrong, as one text.
[[nodiscard]] Result<std::vector<Manifest>> ParseAllManifests(
    const std::vector<ManifestFile>& files);

}  // namespace ballast::cli
