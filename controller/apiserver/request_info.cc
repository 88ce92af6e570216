#include "controller/apiserver/request_info.h"

#include <fmt/format.h>
#include <algorithm>

#include <charconv>
#include <string_view>
#include <vector>

namespace ballast::apiserver {
namespace {

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    const std::size_t end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

std::string Query(const HttpRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

bool IsTrue(const std::string& word) { return word == "true" || word == "1"; }

template <typename T>
bool ParseNumber(const std::string& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

ApiResult<Verb> VerbOf(const HttpRequest& request, bool collection) {
  const std::string& method = request.method;
  if (method == "GET" || method == "HEAD") {
    if (IsTrue(Query(request, "watch"))) return Verb::kWatch;
    return collection ? Verb::kList : Verb::kGet;
  }
  if (method == "POST" && collection) return Verb::kCreate;
  if (method == "PUT" && !collection) return Verb::kUpdate;
  if (method == "PATCH" && !collection) return Verb::kPatch;
  if (method == "DELETE") return collection ? Verb::kDeleteCollection : Verb::kDelete;
  return Refuse(MethodNotAllowed(fmt::format("the server does not allow {} on {}", method,
                                             collection ? "a collection" : "one object")));
}

bool HasSubresource(const Resource& resource, std::string_view name) {
  return (name == "status" && resource.has_status) || (name == "scale" && resource.has_scale) ||
         std::ranges::find(resource.readable, name) != resource.readable.end();
}

}  // namespace

std::string_view VerbName(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "get";
    case Verb::kList:
      return "list";
    case Verb::kWatch:
      return "watch";
    case Verb::kCreate:
      return "create";
    case Verb::kUpdate:
      return "update";
    case Verb::kPatch:
      return "patch";
    case Verb::kDelete:
      return "delete";
    case Verb::kDeleteCollection:
      return "deletecollection";
  }
  return "unknown";
}

bool IsRead(Verb verb) { return verb == Verb::kGet || verb == Verb::kList || verb == Verb::kWatch; }

// /api/v1/... or /apis/GROUP/VERSION/..., then [namespaces/NS/]RESOURCE[/NAME[/SUBRESOURCE]].
ApiResult<std::optional<RequestInfo>> ParseRequest(const HttpRequest& request) {
  const std::vector<std::string_view> parts = Split(request.path);
  std::size_t next = 0;
  std::string_view group;
  if (!parts.empty() && parts[0] == "api") {
    next = 1;
  } else if (parts.size() > 1 && parts[0] == "apis") {
    group = parts[1];
    next = 2;
  } else {
    return std::nullopt;
  }
  if (parts.size() < next + 2) return std::nullopt;  // discovery
  const std::string_view version = parts[next++];
  RequestInfo info;
  // The resource `namespaces` itself has no more than a name and a subresource of its own.
  if (parts[next] == "namespaces" && parts.size() > next + 2 &&
      !(group.empty() && parts.size() == next + 3 && parts[next + 2] == "status")) {
    info.ns = parts[next + 1];
    next += 2;
  }
  info.resource = FindResource(group, version, parts[next]);
  if (info.resource == nullptr) {
    ApiError error = NotFound({std::string(group), std::string(parts[next]), ""});
    if (group == kMetricsGroup && parts[next] == "nodes") {  // kubectl top node
      error.message = "Ballast measures pods only, not nodes: kubectl top pod";
    }
    return Refuse(std::move(error));
  }
  ++next;
  if (parts.size() > next) info.name = parts[next++];
  if (parts.size() > next) info.subresource = parts[next++];
  if (parts.size() > next ||
      (!info.subresource.empty() && !HasSubresource(*info.resource, info.subresource)) ||
      (!info.ns.empty() && !info.resource->namespaced)) {
    return Refuse(NotFound(info.resource->Subject("")));
  }
  const auto verb = VerbOf(request, info.name.empty());
  if (!verb) return std::unexpected(verb.error());
  info.verb = *verb;
  if (info.resource->namespaced && info.ns.empty() &&
      (!info.name.empty() || info.verb == Verb::kCreate || info.verb == Verb::kDeleteCollection)) {
    return Refuse(BadRequest(
        fmt::format("{} are in namespaces: the path must name one", info.resource->plural)));
  }
  return info;
}

ApiResult<ListOptions> ParseListOptions(const HttpRequest& request) {
  ListOptions options;
  options.label_selector = Query(request, "labelSelector");
  options.field_selector = Query(request, "fieldSelector");
  options.continue_token = Query(request, "continue");
  options.allow_bookmarks = IsTrue(Query(request, "allowWatchBookmarks"));
  options.include_object = Query(request, "includeObject");
  if (const std::string text = Query(request, "limit");
      !text.empty() && !ParseNumber(text, options.limit)) {
    return Refuse(BadRequest("limit must be a number"));
  }
  if (const std::string text = Query(request, "resourceVersion"); !text.empty()) {
    std::uint64_t version = 0;
    if (!ParseNumber(text, version)) {
      return Refuse(BadRequest("resourceVersion must be one that this server gave"));
    }
    options.resource_version = version;
  }
  if (const std::string text = Query(request, "timeoutSeconds"); !text.empty()) {
    int seconds = 0;
    if (!ParseNumber(text, seconds) || seconds < 0) {
      return Refuse(BadRequest("timeoutSeconds must be a number of seconds"));
    }
    if (seconds > 0) options.timeout_seconds = seconds;
  }
  return options;
}

ApiResult<WriteOptions> ParseWriteOptions(const HttpRequest& request) {
  WriteOptions options;
  if (const std::string dry = Query(request, "dryRun"); !dry.empty()) {
    if (dry != "All") return Refuse(BadRequest("dryRun must be All"));
    options.dry_run = true;
  }
  options.force = IsTrue(Query(request, "force"));
  options.field_manager = Query(request, "fieldManager");
  if (options.field_manager.size() > 128) {
    return Refuse(BadRequest("fieldManager must have at most 128 characters"));
  }
  const std::string validation = Query(request, "fieldValidation");
  if (validation == "Ignore") {
    options.field_validation = FieldValidation::kIgnore;
  } else if (validation == "Warn") {
    options.field_validation = FieldValidation::kWarn;
  } else if (!validation.empty() && validation != "Strict") {
    return Refuse(BadRequest("fieldValidation must be Ignore, Warn or Strict"));
  }
  return options;
}

}  // namespace ballast::apiserver
