// Which containers count for CPU and memory of which replica, as Kubernetes counts a pod: the one
// that serves and its sidecars. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/ports/container_lister.h"

namespace ballast::runtime {

struct ResourceTarget {
  std::string id;
  std::string replica;  // HAProxy's name of the server
  std::string sidecar;  // "": the one that serves
  bool operator==(const ResourceTarget&) const = default;
};

// Of one web app, those that run: what `owner` made, and what is adopted.
[[nodiscard]] std::vector<ResourceTarget> ResourceTargetsOf(
    const std::vector<reconcilers::ObservedContainer>& containers, const std::string& owner);

}  // namespace ballast::runtime
