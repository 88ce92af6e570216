// The files of one instance on disk: each is replaced by rename, so that HAProxy never reads half a
// file, whenever it restarts. Not synchronised to the disk: after a crash of the machine the
// controller writes them anew. One thread at a time.
#pragma once

#include <string>

#include "reconcilers/ports/data_plane.h"

namespace ballast::haproxy {

struct Ownership {
  unsigned user = 0;
  unsigned group = 0;
  bool change = false;
};

// Makes a directory and those above it; the last one gets the owner and the mode.
Result<void> MakeDirectory(const std::string& path, const Ownership& owner, unsigned mode);
Result<void> RemoveTree(const std::string& path);  // gone already: success
Result<std::string> ReadText(const std::string& path);
// Temporary file and rename; a file that says the same already is left alone.
Result<void> WriteText(const std::string& path, const std::string& text, const Ownership& owner);

class ConfigDirectory {
 public:
  ConfigDirectory(std::string path, Ownership owner) : path_(std::move(path)), owner_(owner) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  // haproxy.cfg last; files that are not named are removed after it.
  Result<void> Publish(const reconcilers::ConfigFiles& files) const;
  Result<std::string> Read(const std::string& name) const;

 private:
  Result<void> RemoveOthers(const reconcilers::ConfigFiles& files) const;
  const std::string path_;
  const Ownership owner_;
};

}  // namespace ballast::haproxy
