#include "controller/cli/session.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "api/codec.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxAnswer = std::size_t{256} << 20;
constexpr int kMaxDepth = 128;
constexpr char kPageSize[] = "500";

Code CodeOf(int http_status) {
  switch (http_status) {
    case 400:
    case 422:
      return Code::kInvalidArgument;
    case 401:
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 410:
      return Code::kExpired;
    case 503:
      return Code::kUnavailable;
    case 504:
      return Code::kTimeout;
    case 507:
      return Code::kFailedPrecondition;
    default:
      return Code::kInternal;
  }
}

}  // namespace

Result<json> ParseAnswer(std::string_view body) {
  auto parsed = api::ParseJsonStrict(body, kMaxAnswer, kMaxDepth);
  if (parsed && parsed->is_object()) return std::move(*parsed);
  return Error(Code::kInternal, "the controller answered something that is no JSON object");
}

Result<const ResourceTypes*> Session::Types() {
  if (types_) return &*types_;
  ResourceTypes types;
  for (const char* path : {"/api/v1", "/apis/ballast.dev/v1alpha1"}) {
    const auto list = CallJson({.target = path});
    if (!list) return std::unexpected(list.error());
    types.Add(*list);
  }
  types_ = std::move(types);
  return &*types_;
}

Result<Reply> Session::Call(const HttpCall& call, const ErrorContext& context) {
  auto reply = connection.Send(call);
  if (!reply) return reply;
  if (!reply->warning.empty()) err << "warning: " << WarningText(reply->warning) << "\n";
  if (reply->ok()) return reply;
  return Error(CodeOf(reply->status), DescribeStatus(reply->status, reply->body, context));
}

Result<json> Session::CallJson(const HttpCall& call, const ErrorContext& context) {
  const auto reply = Call(call, context);
  if (!reply) return std::unexpected(reply.error());
  return ParseAnswer(reply->body);
}

Result<json> Session::ListAll(const std::string& path, std::map<std::string, std::string> query,
                              const std::string& accept) {
  query["limit"] = kPageSize;
  json whole;
  for (;;) {
    auto page = CallJson({.target = path + Query(query), .accept = accept});
    if (!page) {
      // Too slow: changes have made the rest of the pages invalid. Once more, all of it.
      if (page.error().code == Code::kExpired && query.contains("continue")) {
        query.erase("continue");
        query.erase("limit");
        whole = json();
        continue;
      }
      return page;
    }
    const std::string next = Text(Field(*page, "metadata"), "continue", "");
    if (whole.is_null()) {
      whole = std::move(*page);
    } else {
      const char* const items = List(*page, "rows").empty() ? "items" : "rows";
      for (const json& item : List(*page, items)) whole[items].push_back(item);
    }
    if (next.empty()) return whole;
    query["continue"] = next;
  }
}

int Session::Fail(const Status& status) const {
  if (status.code == Code::kCancelled) return kExitInterrupted;
  return Fail(status.message);
}

int Session::Fail(std::string_view message) const {
  err << "ballast: " << message << "\n";
  return kExitFailed;
}

int Session::Usage(std::string_view message, std::string_view command) const {
  err << "ballast: " << message << "\n"
      << "see `ballast " << command << " --help`\n";
  return kExitUsage;
}

}  // namespace ballast::cli
