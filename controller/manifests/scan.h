// Reads a directory of manifests: which files count, what is in them, and what is wrong with them.
// Files that did not change since the last pass are not decoded again. Owned by ManifestSource;
// used by its thread alone. Touches files, nothing else.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "api/codec.h"

namespace ballast::manifests {

// One manifest file of one pass. Errors: refused whole, so no objects.
struct ScannedFile {
  std::string file;  // relative to DIR, "shop/web.yaml"
  std::vector<api::DecodedObject> objects;
  std::vector<api::FieldError> errors;
};

struct ScanResult {
  std::string problem;  // why DIR could not be read at all; empty: it was
  std::vector<std::shared_ptr<const ScannedFile>> files;  // sorted by name
  // A directory below DIR that could not be read is a ScannedFile named "sub/" with an error.
};

class Scanner {
 public:
  // Limits of one pass; more is an error, so that `--manifests /` does not read a whole machine.
  static constexpr std::size_t kMaxFiles = 20'000;
  static constexpr std::size_t kMaxDirectories = 5'000;
  static constexpr int kMaxDepth = 32;

  Scanner(std::string dir, api::DecodeOptions options)
      : dir_(std::move(dir)), options_(std::move(options)) {}

  // `on_directory` is called with the path of each directory before it is listed (for inotify).
  [[nodiscard]] ScanResult Scan(const std::function<void(const std::string&)>& on_directory);

 private:
  struct Cached {
    std::uint64_t size = 0;
    std::uint64_t hash = 0;
    std::shared_ptr<const ScannedFile> file;
  };
  struct Pass;

  void ScanDirectory(Pass& pass, const std::string& relative, int depth);
  // Null: it is gone.
  std::shared_ptr<const ScannedFile> ScanFile(const std::string& relative);
  std::shared_ptr<const ScannedFile> Refuse(const std::string& relative, std::uint64_t size,
                                            std::string message);
  std::shared_ptr<const ScannedFile> Decode(const std::string& relative, std::string_view text);

  const std::string dir_;
  const api::DecodeOptions options_;
  std::map<std::string, Cached> cache_;
};

// Does a file of this name (without directories) count as a manifest? Hidden files and what editors
// leave beside a file do not.
[[nodiscard]] bool IsManifestName(std::string_view name);

}  // namespace ballast::manifests
