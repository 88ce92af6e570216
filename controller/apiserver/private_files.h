// Files that decide who may do what: read only when nobody else can have read or changed them,
// written so that they are there as a whole or not at all. Any thread.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "api/status.h"
#include "controller/apiserver/file_descriptor.h"

namespace ballast::apiserver {

enum class Secrecy {
  kPublic,  // others may read it, not write it
  kSecret,
};

// Makes the directory with mode 0700, its parents with what umask leaves; refuses one that others
// can look into. While the result lives, another process that asks for the same waits.
[[nodiscard]] Result<FileDescriptor> LockPrivateDirectory(const std::string& path);

// At most 1 MiB. Nothing: it does not exist. What is refused is said with what to do next.
[[nodiscard]] Result<std::optional<std::string>> ReadPrivate(const std::string& path,
                                                             Secrecy secrecy);

// Replaces the file; on the disk when this returns.
[[nodiscard]] Result<void> WritePrivate(const std::string& path, std::string_view text,
                                        mode_t mode);

}  // namespace ballast::apiserver
