// Names of images as Docker reads them: "nginx" is docker.io/library/nginx:latest. Pure.
#pragma once

#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::docker {

struct ImageReference {
  std::string registry;    // "docker.io", "localhost:5000", "ghcr.io"
  std::string repository;  // "library/nginx"
  std::string tag;         // "latest", or a digest "sha256:..."
  bool operator==(const ImageReference&) const = default;

  // For POST /images/create?fromImage=: "docker.io/library/nginx"
  [[nodiscard]] std::string Name() const { return registry + "/" + repository; }
};

// An error for what cannot be pulled: malformed references and image ids.
[[nodiscard]] Result<ImageReference> ParseReference(std::string_view text);

// The host of a key of `auths`: "https://index.docker.io/v1/" and "docker.io" are the same
// registry.
[[nodiscard]] std::string RegistryOfKey(std::string_view key);

}  // namespace ballast::docker
