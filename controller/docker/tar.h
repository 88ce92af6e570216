// Files as a tar archive (POSIX ustar), which is how Docker takes them. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "api/status.h"
#include "reconcilers/ports/engine.h"

namespace ballast::docker {

// InvalidArgument for a path that ustar cannot hold (over 100 bytes), that is absolute or has "..".
[[nodiscard]] Result<std::string> MakeTar(const std::vector<reconcilers::FileEntry>& files);

}  // namespace ballast::docker
