#include "controller/probe/http_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ballast::probe {
namespace {

bool Clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < ' ' || byte == 0x7f;
  });
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::size_t> ContentLength(std::string_view lines) {
  while (!lines.empty()) {
    const std::size_t end = lines.find("\r\n");
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        EqualsIgnoringCase(line.substr(0, colon), "content-length")) {
      return ParseNumber<std::size_t>(Trim(line.substr(colon + 1)));
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> BuildRequest(const api::HttpGetAction& action, const std::string& address,
                                 std::uint16_t port) {
  std::string host = action.host.empty() ? fmt::format("{}:{}", address, port) : action.host;
  std::string more = "User-Agent: ballast-probe\r\n";
  bool clean = Clean(action.path) && action.path.find(' ') == std::string::npos;
  bool accept = false;
  for (const auto& [name, value] : action.headers) {
    clean = clean && Clean(name) && Clean(value) && name.find_first_of(" :") == std::string::npos;
    if (EqualsIgnoringCase(name, "host")) {
      host = value;
    } else if (EqualsIgnoringCase(name, "user-agent")) {
      more = fmt::format("{}: {}\r\n", name, value) + more.substr(more.find('\n') + 1);
    } else if (!EqualsIgnoringCase(name, "connection")) {
      accept = accept || EqualsIgnoringCase(name, "accept");
      more += fmt::format("{}: {}\r\n", name, value);
    }
  }
  if (!clean || !Clean(host)) {
    return Error(Code::kInvalidArgument, "path, host or header with control characters");
  }
  if (!accept) more += "Accept: */*\r\n";
  const std::string path = action.path.starts_with('/') ? action.path : "/" + action.path;
  return fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n{}Connection: close\r\n\r\n", path, host,
                     more);
}

Result<std::optional<ResponseHead>> ParseResponseHead(std::string_view text) {
  constexpr std::string_view kVersion = "HTTP/1.";
  const std::string_view start = text.substr(0, kVersion.size());
  if (start != kVersion.substr(0, start.size())) {
    return Error(Code::kInternal, "the answer is not HTTP/1");
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::optional<ResponseHead>();
  // "HTTP/1.1 200 OK"
  const std::string_view line = text.substr(0, text.find("\r\n"));
  const std::optional<int> status =
      line.size() >= 12 && line[8] == ' ' ? ParseNumber<int>(line.substr(9, 3)) : std::nullopt;
  if (!status || *status < 100) return Error(Code::kInternal, "the answer is not HTTP/1");
  ResponseHead head{.status = *status, .bytes = end + 4};
  head.content_length = ContentLength(text.substr(line.size(), end - line.size())
                                          .substr(std::min<std::size_t>(2, end - line.size())));
  return std::optional<ResponseHead>(head);
}

}  // namespace ballast::probe
