// Keeps what is in force across restarts: state_dir/objects.json, so that a controller that starts
// with an unmounted or broken directory changes nothing. Owned by ManifestSource; its thread only.
#pragma once

#include <string>
#include <vector>

#include "api/codec.h"
#include "api/status.h"
#include "controller/manifests/plan.h"

namespace ballast::manifests {

class AcceptedFile {
 public:
  explicit AcceptedFile(std::string path) : path_(std::move(path)) {}

  struct Loaded {
    AcceptedSet objects;
    std::vector<std::string> problems;  // objects that are not valid any more, for people
  };
  // No file yet: empty. A file that cannot be understood is kept beside (".bad") and is a problem.
  [[nodiscard]] Result<Loaded> Load(const api::DecodeOptions& options) const;
  // All or nothing: temporary file, fsync, rename, fsync of the directory. Mode 0600.
  [[nodiscard]] Result<void> Save(const AcceptedSet& objects) const;

 private:
  const std::string path_;
};

// The file's text. Pure.
[[nodiscard]] std::string EncodeAccepted(const AcceptedSet& objects);
[[nodiscard]] Result<AcceptedFile::Loaded> DecodeAccepted(std::string_view text,
                                                          const api::DecodeOptions& options);

}  // namespace ballast::manifests
