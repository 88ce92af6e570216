#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <compare>
#include <nlohmann/json.hpp>
#include <optional>

#include "controller/docker/decode.h"
#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;

struct ApiVersion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const ApiVersion&) const = default;
};

constexpr ApiVersion kOldest{1, 41};  // Docker 20.10
constexpr ApiVersion kNewest{1, 47};  // Docker 27: the newest that was read and tried

std::optional<ApiVersion> Parse(std::string_view text) {
  ApiVersion out;
  const auto read = [](std::string_view digits, int& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !read(text.substr(0, dot), out.major) ||
      !read(text.substr(dot + 1), out.minor)) {
    return std::nullopt;
  }
  return out;
}

std::string ToString(ApiVersion version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

}  // namespace

Result<reconcilers::EngineVersion> Negotiate(const Json& json) {
  reconcilers::EngineVersion out;
  out.version = GetString(json, {"Version"});
  out.os_type = GetString(json, {"Os"});
  const auto newest = Parse(GetString(json, {"ApiVersion"}));
  if (!newest) {
    return Error(Code::kFailedPrecondition,
                 "what answers on Docker's socket names no API version: is it a Docker Engine?");
  }
  // Absent from engines that support everything below their own.
  const ApiVersion oldest = Parse(GetString(json, {"MinAPIVersion"})).value_or(ApiVersion{});
  if (*newest < kOldest) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("Docker API {} is too old: Ballast needs {} (Docker 20.10) or later; "
                             "upgrade Docker",
                             ToString(*newest), ToString(kOldest)));
  }
  if (oldest > kNewest) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("Docker {} refuses API versions below {}, and this Ballast speaks up "
                             "to {}; upgrade Ballast",
                             out.version, ToString(oldest), ToString(kNewest)));
  }
  if (out.os_type != "linux") {
    return Error(Code::kFailedPrecondition,
                 fmt::format("the Docker engine runs {} containers; Ballast needs linux ones",
                             out.os_type.empty() ? "unknown" : out.os_type));
  }
  out.api_version = ToString(std::min(*newest, kNewest));
  return out;
}

Result<reconcilers::EngineVersion> CheckHost(reconcilers::EngineVersion version, const Json& info) {
  version.data_root = GetString(info, {"DockerRootDir"});
  const Json* options = Find(info, {"SecurityOptions"});
  if (options != nullptr && options->is_array()) {
    for (const Json& option : *options) {
      // "name=seccomp,profile=default", "name=rootless"
      const std::string text = option.is_string() ? option.get<std::string>() : "";
      if (("," + text + ",").find(",name=rootless,") != std::string::npos) {
        return Error(Code::kFailedPrecondition,
                     "this Docker engine is rootless: its containers live in a network namespace "
                     "that neither Ballast nor HAProxy can reach; use the system's engine "
                     "(/var/run/docker.sock)");
      }
    }
  }
  return version;
}

}  // namespace ballast::docker
