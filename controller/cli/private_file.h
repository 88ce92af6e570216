// A file that only its owner may read, there as a whole or not at all: written beside its name,
// then put in its place. One thread.
#pragma once

#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::cli {

class PrivateFile {
 public:
  // FailedPrecondition when it cannot be written there.
  [[nodiscard]] static Result<PrivateFile> Create(const std::string& path);
  ~PrivateFile();  // unless committed, nothing is left
  PrivateFile(PrivateFile&& other) noexcept;
  PrivateFile& operator=(PrivateFile&&) = delete;
  PrivateFile(const PrivateFile&) = delete;
  PrivateFile& operator=(const PrivateFile&) = delete;

  [[nodiscard]] Result<void> Write(std::string_view bytes);
  // On the disk, under its name.
  [[nodiscard]] Result<void> Commit();

 private:
  PrivateFile(int fd, std::string path, std::string temporary);

  int fd_ = -1;
  std::string path_;
  std::string temporary_;  // empty: there is none any more
};

}  // namespace ballast::cli
