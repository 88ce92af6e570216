// Is an object as its manifest wants it? From its status, as the server tells it. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace ballast::cli {

struct Readiness {
  bool ready = false;
  bool failed = false;  // it will not become ready by itself
  std::string text;     // "2 of 3 replicas in service"
  bool operator==(const Readiness&) const = default;
};

// Of a WebApp or LoadBalancer whose generation has to be at least this; others are ready at once.
[[nodiscard]] Readiness ReadinessOf(const nlohmann::json& object, std::int64_t generation);

// Has it as many replicas as its spec wants: no fewer in service, no more left over?
[[nodiscard]] Readiness ScaledTo(const nlohmann::json& webapp, std::int64_t replicas);

}  // namespace ballast::cli
