// What we want of Docker as the JSON bodies and query strings of its API. Pure.
#pragma once

#include <string>
#include <string_view>

#include "reconcilers/ports/engine.h"

namespace ballast::docker {

// POST /containers/create. `more_networks` are joined afterwards: API 1.43 and older take one only.
[[nodiscard]] std::string EncodeContainer(const reconcilers::ContainerSpec& spec);
[[nodiscard]] std::string EncodeNetwork(const reconcilers::NetworkSpec& spec);
[[nodiscard]] std::string EncodeVolume(const reconcilers::VolumeSpec& spec);
[[nodiscard]] std::string EncodeConnect(std::string_view container, std::string_view ip);

// Is it the name of a network that containers of their own join (not host, none, container:x)?
[[nodiscard]] bool IsUserNetwork(std::string_view network_mode);

// One segment of a URL path, or a query value: everything but unreserved characters is escaped.
[[nodiscard]] std::string Escape(std::string_view text);

}  // namespace ballast::docker
