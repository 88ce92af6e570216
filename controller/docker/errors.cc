#include "controller/docker/errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

constexpr std::size_t kLongestMessage = 2'000;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string OneLine(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestMessage)) {
    const bool space = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!space) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  if (text.size() > kLongestMessage) out += " ...";
  return out;
}

// The number in "...0.0.0.0:8080 failed" or "listen tcp4 0.0.0.0:8080: bind", before `phrase`.
std::string PortBefore(std::string_view text, std::string_view phrase) {
  for (std::size_t end = std::min(text.find(phrase), text.size()); end > 0;) {
    const std::size_t colon = text.rfind(':', end - 1);
    if (colon == std::string_view::npos) return "";
    std::size_t stop = colon + 1;
    while (stop < text.size() && text[stop] >= '0' && text[stop] <= '9') ++stop;
    if (stop > colon + 1) return std::string(text.substr(colon + 1, stop - colon - 1));
    end = colon;
  }
  return "";
}

// What can be told from Docker's words whatever the HTTP status is (most are 500).
std::optional<Status> ByWords(std::string_view what, const std::string& text) {
  if (ContainsNoCase(text, "no space left on device")) {
    return Status{Code::kFailedPrecondition,
                  fmt::format("{}: the disk of the Docker engine is full; see `docker system df`, "
                              "free some with `docker system prune` (Docker: {})",
                              what, text)};
  }
  const bool bind = ContainsNoCase(text, "bind:") || ContainsNoCase(text, "listen tcp") ||
                    ContainsNoCase(text, "listen udp");
  if (ContainsNoCase(text, "port is already allocated") ||
      (bind && ContainsNoCase(text, "address already in use"))) {
    std::string port = PortBefore(text, " failed: port is already allocated");
    if (!ContainsNoCase(text, "port is already allocated")) port = PortBefore(text, ": bind:");
    const std::string which = port.empty() ? "a port" : "port " + port;
    return Status{Code::kFailedPrecondition,
                  fmt::format("{}: {} of this host is taken; choose another, or stop what uses it "
                              "(`ss -ltnp`, `docker ps`) (Docker: {})",
                              what, which, text)};
  }
  if (ContainsNoCase(text, "address already in use")) {
    return Status{
        Code::kConflict,
        fmt::format("{}: the IP address is taken on that network (Docker: {})", what, text)};
  }
  if (ContainsNoCase(text, "pool overlaps") || ContainsNoCase(text, "conflicts with network")) {
    return Status{Code::kConflict,
                  fmt::format("{}: the subnet overlaps with one in use (Docker: {})", what, text)};
  }
  return std::nullopt;
}

Code ByHttpStatus(int http_status, std::string_view text) {
  switch (http_status) {
    case 400:
      return Code::kInvalidArgument;
    case 401:
      return Code::kPermissionDenied;
    case 403:  // Docker's "forbidden by the state of things", not a matter of rights
      return ContainsNoCase(text, "already exists")     ? Code::kAlreadyExists
             : ContainsNoCase(text, "active endpoints") ? Code::kConflict
                                                        : Code::kFailedPrecondition;
    case 404:
      return Code::kNotFound;
    case 409:
      return ContainsNoCase(text, "already in use by container") ||
                     ContainsNoCase(text, "already exists")
                 ? Code::kAlreadyExists
                 : Code::kConflict;
    case 501:
      return Code::kFailedPrecondition;
    case 502:
    case 503:
    case 504:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

}  // namespace

bool ContainsNoCase(std::string_view text, std::string_view lower_part) {
  return std::search(text.begin(), text.end(), lower_part.begin(), lower_part.end(),
                     [](char a, char b) { return Lower(a) == b; }) != text.end();
}

std::string ErrorText(std::string_view body) {
  if (auto json = ParseJson(body)) {
    if (std::string message = GetString(*json, {"message"}); !message.empty()) {
      return OneLine(message);
    }
  }
  return OneLine(body);
}

Status ToStatus(std::string_view what, int http_status, std::string_view body) {
  std::string text = ErrorText(body);
  if (text.empty()) text = fmt::format("HTTP status {}", http_status);
  if (auto known = ByWords(what, text)) return *known;
  return {ByHttpStatus(http_status, text), fmt::format("{}: {}", what, text)};
}

Status PullFailure(std::string_view reference, int http_status, std::string_view message,
                   std::string_view hint) {
  const std::string what = fmt::format("pull image {}", reference);
  const std::string text = OneLine(message);
  const std::string full = hint.empty() ? fmt::format("{}: {}", what, text)
                                        : fmt::format("{}: {} ({})", what, text, hint);
  if (auto known = ByWords(what, text)) return *known;
  const auto says = [&](std::string_view part) { return ContainsNoCase(text, part); };
  if (says("toomanyrequests") || says("rate limit")) return {Code::kUnavailable, full};
  if (says("unauthorized") || says("no basic auth credentials") || says("access denied") ||
      says("access to the resource is denied") || says("authentication required") ||
      says("incorrect username or password")) {
    return {Code::kPermissionDenied, full};
  }
  if (says("manifest unknown") || says("not found") || says("does not exist") ||
      says("no such image") || says("no matching manifest")) {
    return {Code::kNotFound, full};
  }
  if (says("invalid reference") || says("must be lowercase")) {
    return {Code::kInvalidArgument, full};
  }
  // What is left at 0, 404 or 500 is the network or the registry: worth another try.
  if (http_status == 0 || http_status == 404 || http_status >= 500) {
    return {Code::kUnavailable, full};
  }
  return {ByHttpStatus(http_status, text), full};
}

}  // namespace ballast::docker
