// What values of flags have to look like. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast::cmd {

// An absolute path that can be handed to Docker as one part of a mount: no ':' and no ','.
[[nodiscard]] bool IsAbsolute(const std::string& path);
// Without "//", "/./", "/../" and a slash at the end.
[[nodiscard]] std::string Normal(const std::string& path);
// The parts that are not empty.
[[nodiscard]] std::vector<std::string> SplitCommas(std::string_view text);
[[nodiscard]] bool IsIpAddress(const std::string& host);
// An IP address of this machine's own loopback.
[[nodiscard]] bool IsLoopback(const std::string& host);
// A name that Docker takes for a network.
[[nodiscard]] bool IsNetworkName(const std::string& name);

// Words in lines of at most `width`, each after `indent`.
[[nodiscard]] std::string Wrap(const std::string& text, const std::string& indent,
                               std::size_t width);

}  // namespace ballast::cmd
