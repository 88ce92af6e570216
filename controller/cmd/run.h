// `ballast controller` from its arguments to its exit code. Called by main, before any thread.
#pragma once

#include <string>
#include <vector>

namespace ballast::cmd {

// `program` outlives the process; `arguments` without it and "controller".
[[nodiscard]] int RunController(const char* program, const std::vector<std::string>& arguments,
                                const std::string& version);

}  // namespace ballast::cmd
