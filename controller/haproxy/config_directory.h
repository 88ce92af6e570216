// The files of one instance on disk: each is replaced by rename, so that HAProxy never reads half a
// file, whenever it restarts. Not synchronised to the disk: after a crash of the machine the
// controller writes them anew. One thread at a time.
#pragma once

#include <string>

#include "controller/haproxy/directory.h"
#include "reconcilers/ports/data_plane.h"

namespace ballast::haproxy {

class ConfigDirectory {
 public:
  ConfigDirectory(std::string path, Ownership owner) : path_(std::move(path)), owner_(owner) {}

  [[nodiscard]] const std::string& path() const { return path_; }
  // haproxy.cfg last; files that are not named are removed after it.
  Result<void> Publish(const reconcilers::ConfigFiles& files) const;
  Result<std::string> Read(const std::string& name) const;

 private:
  Result<void> Write(const std::string& name, const std::string& text) const;
  const std::string path_;
  const Ownership owner_;
};

}  // namespace ballast::haproxy
