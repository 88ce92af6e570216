// Which objects a container's labels name. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/meta.h"

namespace ballast::runtime {

struct ContainerKeys {
  std::vector<api::ObjectKey> keys;  // WebApp, LoadBalancer or both
  bool relevant = false;             // it carries one of the labels at all
  bool invalid = false;              // what one of them says cannot be the name of anything
};

// `labels`: a container's, or the attributes of its events, which include them.
[[nodiscard]] ContainerKeys KeysOf(const std::map<std::string, std::string>& labels);

}  // namespace ballast::runtime
