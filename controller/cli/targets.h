// What the words of a command name: TYPE NAME..., TYPE/NAME... Pure.
#pragma once

#include <string>
#include <vector>

#include "api/status.h"
#include "controller/cli/resource_types.h"

namespace ballast::cli {

struct Targets {
  // One type and its names (none: all of them), or several types without names, or pairs.
  struct One {
    const ResourceType* type = nullptr;
    std::string name;  // empty: all
  };
  std::vector<One> all;
  bool by_name = false;  // every one of `all` has a name
};

// InvalidArgument when the words are wrong (the message says how), NotFound of a type.
[[nodiscard]] Result<Targets> ParseTargets(const std::vector<std::string>& words,
                                           const ResourceTypes& types);

}  // namespace ballast::cli
