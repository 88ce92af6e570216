// Names that nobody else gives. Any thread.
#pragma once

#include <string>

namespace ballast::cmd {

// A random UUID (version 4) of the kernel's: "3f2b8c1e-5d0a-4e7b-9c86-0a1b2c3d4e5f".
[[nodiscard]] std::string NewUid();

}  // namespace ballast::cmd
