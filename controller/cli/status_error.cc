#include "controller/cli/status_error.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxStatusBytes = std::size_t{4} << 20;
constexpr int kMaxDepth = 64;

constexpr int kBadRequest = 400;
constexpr int kUnauthorized = 401;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kMethodNotAllowed = 405;
constexpr int kConflict = 409;
constexpr int kGone = 410;
constexpr int kTooLarge = 413;
constexpr int kTooMany = 429;
constexpr int kUnavailable = 503;
constexpr int kNoSpace = 507;

json Parse(std::string_view body) {
  auto status = api::ParseJsonStrict(body, kMaxStatusBytes, kMaxDepth);
  return status && Text(*status, "kind") == "Status" ? std::move(*status) : json();
}

std::string Raw(const json& object, const char* field) {
  const json& value = Field(object, field);
  return value.is_string() ? value.get<std::string>() : "";
}

// "  shop.yaml:12: spec.replicas: must be ..."
std::string CauseLine(const json& cause, const ErrorContext& context) {
  const std::string field = Raw(cause, "field");
  std::string line = "\n  ";
  if (const std::string at = context.locate && !field.empty() ? context.locate(field) : "";
      !at.empty()) {
    line += at + ": ";
  }
  if (!field.empty()) line += Sanitize(field) + ": ";
  return line + Text(cause, "message", "is wrong");
}

std::string Causes(const json& status, const ErrorContext& context) {
  std::string lines;
  for (const json& cause : List(Field(status, "details"), "causes")) {
    lines += CauseLine(cause, context);
  }
  return lines;
}

bool IsFieldConflict(const json& status) {
  const auto& causes = List(Field(status, "details"), "causes");
  return !causes.empty() && Text(causes.front(), "reason") == "FieldManagerConflict";
}

std::string WithoutList(std::string message) {
  // The causes follow line by line.
  const std::size_t colon = message.find(" is invalid: ");
  if (colon != message.npos) message.erase(colon + std::string_view(" is invalid").size());
  return message;
}

std::string NextStep(int code, const json& status, const ErrorContext& context) {
  const std::int64_t seconds = Number(Field(status, "details"), "retryAfterSeconds");
  switch (code) {
    case kNotFound:
      return context.next_step;
    case kForbidden:
      // Refused for what it is, whoever asks.
      if (Text(status, "message").find(" cannot ") == std::string::npos) return "";
      [[fallthrough]];
    case kUnauthorized:
      return "on the machine itself, root and the socket's group may do everything; a token's role "
             "is chosen by `ballast kubeconfig --role`";
    case kConflict:
      return Text(status, "reason") == "Conflict"
                 ? "somebody else changed it at the same time: try again"
                 : "";
    case kGone:
      return "try again: what was asked for is no longer kept";
    case kTooMany:
    case kUnavailable:
      return seconds > 0 ? fmt::format("try again in {} s", seconds) : "try again in a moment";
    case kNoSpace:
      return "nothing was written: make room where the controller's --state-dir is";
    default:
      return "";
  }
}

}  // namespace

std::string DescribeStatus(int http_status, std::string_view body, const ErrorContext& context) {
  const json status = Parse(body);
  std::string text = context.where.empty() ? "" : context.where + ": ";
  if (!status.is_object()) {
    const std::string shown = Fit(Sanitize(body), 200);
    text += fmt::format("the controller answered HTTP {}{}{}", http_status,
                        shown.empty() ? "" : ": ", shown);
    if (http_status == kNotFound || http_status == kMethodNotAllowed) {
      text += "\nis the controller older than this program? `ballast version` tells";
    }
    return text;
  }
  const std::string message = Text(status, "message", "refused without a reason");
  if (http_status == kConflict && IsFieldConflict(status)) {
    text += "others own fields that this would change";
    text += Causes(status, context);
    return text +
           "\nnothing was changed; leave these fields out of the manifest, or take them over with "
           "--force-conflicts";
  }
  const std::string causes = Causes(status, context);
  text += causes.empty() ? message : WithoutList(message) + causes;
  if (http_status == kTooLarge || http_status == kBadRequest) return text;
  const std::string next = NextStep(http_status, status, context);
  if (!next.empty() && message.find(next) == message.npos) text += "\n" + next;
  return text;
}

std::string StatusReason(std::string_view body) { return Text(Parse(body), "reason", ""); }

// 299 - "text", 299 - "text"
std::string WarningText(std::string_view header) {
  std::string text;
  bool quoted = false;
  for (std::size_t i = 0; i < header.size(); ++i) {
    const char c = header[i];
    if (c == '"') {
      if (!quoted && !text.empty()) text += "; ";
      quoted = !quoted;
    } else if (quoted) {
      if (c == '\\' && i + 1 < header.size()) ++i;
      text += header[i];
    }
  }
  return Sanitize(text);
}

}  // namespace ballast::cli
