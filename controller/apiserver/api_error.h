// What the API answers when it refuses: Kubernetes' Status, as a value. Usable from any thread.
#pragma once

#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/codec.h"
#include "api/status.h"

namespace ballast::apiserver {

// One wrong field, as kubectl lists it below "The WebApp "shop" is invalid:".
struct Cause {
  std::string reason;  // FieldValueInvalid, FieldManagerConflict
  std::string message;
  std::string field;
  bool operator==(const Cause&) const = default;
};

struct ApiError {
  int code = 500;
  std::string reason = "InternalError";  // Kubernetes' StatusReason
  std::string message;
  // What it is about; empty where it is about no object.
  std::string group;
  std::string resource;  // plural: "webapps"
  std::string name;
  std::string uid;
  std::vector<Cause> causes;
  int retry_after_seconds = 0;
  bool operator==(const ApiError&) const = default;
};

template <typename T>
using ApiResult = std::expected<T, ApiError>;

[[nodiscard]] inline std::unexpected<ApiError> Refuse(ApiError error) {
  return std::unexpected<ApiError>(std::move(error));
}

// Which object of which resource an error is about.
struct ErrorSubject {
  std::string group;
  std::string resource;
  std::string name;
};

[[nodiscard]] ApiError BadRequest(std::string message);
[[nodiscard]] ApiError NotFound(const ErrorSubject& subject);
[[nodiscard]] ApiError AlreadyExists(const ErrorSubject& subject);
// `why`: "the object has been modified; please apply your changes to the latest version and try
// again" unless given.
[[nodiscard]] ApiError Conflict(const ErrorSubject& subject, std::string why = "");
[[nodiscard]] ApiError Invalid(const ErrorSubject& subject, const std::string& kind,
                               const std::vector<api::FieldError>& errors);
[[nodiscard]] ApiError Forbidden(const ErrorSubject& subject, std::string why);
[[nodiscard]] ApiError Unauthorized();
[[nodiscard]] ApiError MethodNotAllowed(std::string message);
[[nodiscard]] ApiError UnsupportedMediaType(std::string message);
[[nodiscard]] ApiError NotAcceptable(std::string message);
[[nodiscard]] ApiError Expired(std::string message);
[[nodiscard]] ApiError TooLarge(std::string message);
// From the store and other ports.
[[nodiscard]] ApiError FromStatus(const Status& status, const ErrorSubject& subject);

[[nodiscard]] nlohmann::json EncodeStatus(const ApiError& error);
// {"kind": "Status", "status": "Success"}, with what was deleted.
[[nodiscard]] nlohmann::json EncodeSuccess(const ErrorSubject& subject, const std::string& uid);

}  // namespace ballast::apiserver
