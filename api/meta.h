// What every object has: its key and metadata, and the conditions of a status. Plain values,
// usable from any thread.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ballast::api {

inline constexpr char kApiVersion[] = "ballast.dev/v1alpha1";

// Wall-clock time as kept in objects and labels; the steady clock is never stored.
using Time = std::chrono::system_clock::time_point;
using Millis = std::chrono::milliseconds;

// Names one object of one kind. `ns` is empty for cluster-scoped kinds.
struct ObjectKey {
  std::string kind;  // "WebApp", "LoadBalancer"
  std::string ns;
  std::string name;

  [[nodiscard]] std::string ToString() const {
    return ns.empty() ? kind + "/" + name : kind + "/" + ns + "/" + name;
  }
  auto operator<=>(const ObjectKey&) const = default;
};

// An object of a known kind, as users write it where there is no namespace to take for granted.
struct NamespacedName {
  std::string ns;
  std::string name;

  [[nodiscard]] std::string ToString() const { return ns + "/" + name; }
  auto operator<=>(const NamespacedName&) const = default;
};

struct ObjectMeta {
  std::string name;
  std::string ns = "default";  // empty for cluster-scoped kinds
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::int64_t generation = 1;  // grows with each change of the spec
  bool operator==(const ObjectMeta&) const = default;
};

enum class ConditionStatus { kTrue, kFalse, kUnknown };

struct Condition {
  std::string type;  // "Available", "Progressing", "Degraded"
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   // CamelCase, from api/reasons.h
  std::string message;  // for a person
  Time last_transition{};
  bool operator==(const Condition&) const = default;
};

}  // namespace ballast::api
