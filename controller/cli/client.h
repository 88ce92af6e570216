// Asks the running controller over its unix socket. Blocks; the process' only thread.
#pragma once

#include <chrono>
#include <string>

#include "api/status.h"

namespace ballast::cli {

struct Reply {
  int status = 0;
  std::string body;
};

// Unavailable when nobody answers on the socket, with what to do next.
[[nodiscard]] Result<Reply> Get(const std::string& socket, const std::string& path,
                                std::chrono::milliseconds timeout);

}  // namespace ballast::cli
