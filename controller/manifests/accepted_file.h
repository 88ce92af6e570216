// Keeps which objects are in force across restarts: state_dir/objects.json, so that a controller
// that starts with an unmounted or broken directory changes nothing. Keys only: the objects are in
// the store, where secrets are sealed. Owned by ManifestSource; its thread only.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/codec.h"
#include "api/status.h"
#include "controller/manifests/plan.h"

namespace ballast::manifests {

struct AcceptedState {
  AcceptedSet objects;
  // In force since version 1 of this file, which kept the objects itself, and not in the store yet:
  // until they are, these are kept here too. Version 1 knew no secrets.
  std::set<api::ObjectKey> unstored;
  // No manifest wants them any more, but they may still be in the store.
  std::set<api::ObjectKey> removing;
};

// What is stored under a key; null: nothing.
using FindStored = std::function<std::shared_ptr<const api::Object>(const api::ObjectKey& key)>;

class AcceptedFile {
 public:
  explicit AcceptedFile(std::string path) : path_(std::move(path)) {}

  struct Loaded {
    AcceptedState state;
    std::vector<std::string> problems;  // objects that are not valid any more, for people
    bool old = false;                   // it has to be saved anew
  };
  // No file yet: empty. What is not stored is left out. A file that cannot be understood is kept
  // beside (".bad") and is a problem.
  [[nodiscard]] Result<Loaded> Load(const api::DecodeOptions& options,
                                    const FindStored& find) const;
  // All or nothing: temporary file, fsync, rename, fsync of the directory. Mode 0600.
  [[nodiscard]] Result<void> Save(const AcceptedState& state) const;

 private:
  const std::string path_;
};

// The file's text. Pure, but for `find`.
[[nodiscard]] std::string EncodeAccepted(const AcceptedState& state);
[[nodiscard]] Result<AcceptedFile::Loaded> DecodeAccepted(std::string_view text,
                                                          const api::DecodeOptions& options,
                                                          const FindStored& find);

}  // namespace ballast::manifests
