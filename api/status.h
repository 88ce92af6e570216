// Errors as values: every fallible function of Ballast returns Result<T>. Immutable value types,
// usable from any thread. Library exceptions are turned into a Status by the adapter that calls the
// library; nothing that comes from the network, a file or a user is ever fatal.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace ballast {

enum class Code {
  kInvalidArgument,     // what the user wrote is wrong; retrying cannot help
  kNotFound,            // the thing named does not exist
  kAlreadyExists,       // a thing of that name exists already
  kConflict,            // somebody else changed it, or it is in a state that forbids this
  kFailedPrecondition,  // the environment lacks something (old version, rootless engine, full disk)
  kPermissionDenied,
  kUnavailable,  // nobody answers (socket gone, connection refused); worth retrying
  kTimeout,
  kCancelled,
  kExpired,   // what was asked for is no longer kept (HTTP 410): list again, go on from there
  kInternal,  // the other side answered something that we do not understand
};

struct Status {
  Code code = Code::kInternal;
  std::string message;  // for a person: what failed, and what to do next where we know

  [[nodiscard]] bool retryable() const {
    return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kInternal ||
           code == Code::kConflict;
  }
  bool operator==(const Status&) const = default;
};

template <typename T>
using Result = std::expected<T, Status>;

// The error half of a Result: `return Error(Code::kNotFound, "...")`.
[[nodiscard]] inline std::unexpected<Status> Error(Code code, std::string message) {
  return std::unexpected<Status>(Status{code, std::move(message)});
}

// Puts what was being done in front of what went wrong: "start container x: no such image".
[[nodiscard]] inline std::unexpected<Status> Wrap(std::string_view context, const Status& cause) {
  return Error(cause.code, std::string(context) + ": " + cause.message);
}

[[nodiscard]] constexpr std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "InvalidArgument";
    case Code::kNotFound:
      return "NotFound";
    case Code::kAlreadyExists:
      return "AlreadyExists";
    case Code::kConflict:
      return "Conflict";
    case Code::kFailedPrecondition:
      return "FailedPrecondition";
    case Code::kPermissionDenied:
      return "PermissionDenied";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kTimeout:
      return "Timeout";
    case Code::kCancelled:
      return "Cancelled";
    case Code::kExpired:
      return "Expired";
    case Code::kInternal:
      return "Internal";
  }
  return "Unknown";
}

}  // namespace ballast
