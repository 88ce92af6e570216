#include "controller/apiserver/api_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr char kModified[] =
    "the object has been modified; please apply your changes to the latest version and try again";
constexpr int kRetryAfterSeconds = 1;

std::string Qualified(const ErrorSubject& subject) {
  return subject.group.empty() ? subject.resource : subject.resource + "." + subject.group;
}

ApiError About(const ErrorSubject& subject, int code, std::string reason, std::string message) {
  return {.code = code,
          .reason = std::move(reason),
          .message = std::move(message),
          .group = subject.group,
          .resource = subject.resource,
          .name = subject.name};
}

ApiError Plain(int code, std::string reason, std::string message) {
  return About({}, code, std::move(reason), std::move(message));
}

json Details(const ErrorSubject& subject, const std::string& uid) {
  json details = json::object();
  if (!subject.name.empty()) details["name"] = subject.name;
  if (!subject.group.empty()) details["group"] = subject.group;
  if (!subject.resource.empty()) details["kind"] = subject.resource;
  if (!uid.empty()) details["uid"] = uid;
  return details;
}

}  // namespace

ApiError BadRequest(std::string message) { return Plain(400, "BadRequest", std::move(message)); }

ApiError NotFound(const ErrorSubject& subject) {
  if (subject.name.empty()) {
    return About(subject, 404, "NotFound", "the server could not find the requested resource");
  }
  return About(subject, 404, "NotFound",
               fmt::format("{} \"{}\" not found", Qualified(subject), subject.name));
}

ApiError AlreadyExists(const ErrorSubject& subject) {
  return About(subject, 409, "AlreadyExists",
               fmt::format("{} \"{}\" already exists", Qualified(subject), subject.name));
}

ApiError Conflict(const ErrorSubject& subject, std::string why) {
  return About(subject, 409, "Conflict",
               fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", Qualified(subject),
                           subject.name, why.empty() ? kModified : why));
}

ApiError Invalid(const ErrorSubject& subject, const std::string& kind,
                 const std::vector<api::FieldError>& errors) {
  ApiError error = About(subject, 422, "Invalid", "");
  std::string list;
  for (const api::FieldError& field : errors) {
    error.causes.push_back({"FieldValueInvalid", field.message, field.field});
    if (!list.empty()) list += ", ";
    list += field.field.empty() ? field.message : field.field + ": " + field.message;
  }
  error.message = fmt::format("{}{} \"{}\" is invalid: {}", kind,
                              subject.group.empty() ? "" : "." + subject.group, subject.name,
                              errors.size() > 1 ? "[" + list + "]" : list);
  error.resource = kind;  // as Kubernetes does: kubectl shows it in front of the name
  return error;
}

ApiError Forbidden(const ErrorSubject& subject, std::string why) {
  // A path that is no resource's.
  if (subject.resource.empty()) return About(subject, 403, "Forbidden", "forbidden: " + why);
  const std::string what = subject.name.empty()
                               ? Qualified(subject)
                               : fmt::format("{} \"{}\"", Qualified(subject), subject.name);
  return About(subject, 403, "Forbidden", fmt::format("{} is forbidden: {}", what, why));
}

ApiError Unauthorized() {
  return Plain(401, "Unauthorized",
               "you must be logged in to the server: use the kubeconfig that `ballast kubeconfig` "
               "writes");
}

ApiError MethodNotAllowed(std::string message) {
  return Plain(405, "MethodNotAllowed", std::move(message));
}

ApiError UnsupportedMediaType(std::string message) {
  return Plain(415, "UnsupportedMediaType", std::move(message));
}

ApiError NotAcceptable(std::string message) {
  return Plain(406, "NotAcceptable", std::move(message));
}

ApiError Expired(std::string message) { return Plain(410, "Expired", std::move(message)); }

ApiError TooLarge(std::string message) {
  return Plain(413, "RequestEntityTooLarge", std::move(message));
}

ApiError FromStatus(const Status& status, const ErrorSubject& subject) {
  switch (status.code) {
    case Code::kInvalidArgument:
      return BadRequest(status.message);
    case Code::kNotFound:
      return NotFound(subject);
    case Code::kAlreadyExists:
      return AlreadyExists(subject);
    case Code::kConflict:
      return Conflict(subject);
    case Code::kPermissionDenied:
      return Forbidden(subject, status.message);
    case Code::kExpired:
      return Expired(status.message);
    case Code::kFailedPrecondition: {  // a full disk: nothing is written until there is space
      return About(subject, 507, "InsufficientStorage", status.message);
    }
    case Code::kUnavailable:
    case Code::kCancelled: {
      ApiError error = About(subject, 503, "ServiceUnavailable", status.message);
      error.retry_after_seconds = kRetryAfterSeconds;
      return error;
    }
    case Code::kTimeout:
      return About(subject, 504, "Timeout", status.message);
    case Code::kInternal:
      break;
  }
  return About(subject, 500, "InternalError", status.message);
}

json EncodeStatus(const ApiError& error) {
  json details = Details({error.group, error.resource, error.name}, error.uid);
  if (!error.causes.empty()) {
    json& causes = details["causes"] = json::array();
    for (const Cause& cause : error.causes) {
      causes.push_back(
          {{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
    }
  }
  if (error.retry_after_seconds > 0) details["retryAfterSeconds"] = error.retry_after_seconds;
  json status = {{"kind", "Status"},    {"apiVersion", "v1"},       {"metadata", json::object()},
                 {"status", "Failure"}, {"message", error.message}, {"reason", error.reason},
                 {"code", error.code}};
  if (!details.empty()) status["details"] = std::move(details);
  return status;
}

json EncodeSuccess(const ErrorSubject& subject, const std::string& uid) {
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", json::object()},
          {"status", "Success"},
          {"details", Details(subject, uid)}};
}

}  // namespace ballast::apiserver
