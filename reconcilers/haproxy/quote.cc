// Implements quote.h.
#include "reconcilers/haproxy/quote.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace ballast::reconcilers::haproxy {
namespace {

constexpr std::size_t kMaxValue = 2000;  // bytes; far above what api/ lets through

// <cctype> asks the locale and takes int: these do neither.
constexpr bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlnum(char c) { return IsLower(c) || IsDigit(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool IsGraph(char c) { return c > ' ' && c < 0x7f; }
constexpr bool IsPrint(char c) { return c == ' ' || IsGraph(c); }
bool OneOf(char c, std::string_view set) { return set.contains(c); }

Result<std::string> Refuse(std::string_view what, std::string_view value, std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("{} '{}': {}", what, Printable(value), why));
}

// Length 1..max and every character accepted.
template <typename Predicate>
Result<std::string> CheckCharacters(std::string_view what, std::string_view value, std::size_t max,
                                    Predicate&& accepted) {
  if (value.empty()) return Refuse(what, value, "is empty");
  if (value.size() > max) return Refuse(what, value, fmt::format("is longer than {} bytes", max));
  const auto bad = std::ranges::find_if_not(value, accepted);
  if (bad == value.end()) return std::string(value);
  return Refuse(
      what, value,
      fmt::format("character '{}' is not allowed", Printable(std::string_view(bad, bad + 1))));
}

bool IsPort(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 1 && value <= 65535;
}

bool IsIpv4(std::string_view text) {
  for (int part = 0; part < 4; ++part) {
    const std::size_t dot = text.find('.');
    if ((dot == std::string_view::npos) != (part == 3)) return false;
    const std::string_view number = text.substr(0, dot);
    if (number.empty() || number.size() > 3 || !std::ranges::all_of(number, IsDigit)) return false;
    if (number.size() > 1 && number.front() == '0') return false;
    int value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    if (value > 255) return false;
    if (part < 3) text.remove_prefix(dot + 1);
  }
  return true;
}

// First words of a line that a snippet must not have: new sections, and directives that Ballast's
// own lines depend on or that end every worker at the next reload.
constexpr std::string_view kRefusedWords[] = {
    // Sections.
    "acme", "backend", "cache", "crt-store", "defaults", "fcgi-app", "frontend", "global",
    "http-errors", "listen", "log-forward", "log-profile", "mailers", "peers", "program",
    "resolvers", "ring", "traces", "userlist",
    // Pass `haproxy -c`, are accepted by a reload, and then end every worker.
    "chroot", "daemon", "gid", "group", "grace", "master-worker", "mworker-max-reloads", "nbproc",
    "pidfile", "uid", "ulimit-n", "user", "zero-warning",
    // Ballast's own lines depend on them.
    "default_backend", "load-server-state-from-file", "mode", "server-state-base",
    "server-state-file", "stats", "stats-file"};

}  // namespace

std::string Printable(std::string_view value) {
  constexpr std::size_t kShown = 80;
  std::string out;
  for (const char c : value.substr(0, kShown)) {
    if (IsPrint(c)) {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (value.size() > kShown) out += "...";
  return out;
}

Result<std::string> Quote(std::string_view value) {
  Result<std::string> checked =
      CheckCharacters("value", value, kMaxValue, [](char c) { return IsPrint(c) && c != '\''; });
  if (!checked) return checked;
  return "'" + *checked + "'";
}

Result<std::string> QuoteLogFormat(std::string_view value) {
  std::string doubled;
  for (const char c : value) {
    doubled += c;
    if (c == '%') doubled += c;
  }
  return Quote(doubled);
}

std::string CliWord(std::string_view value) {
  if (value.empty()) return "?";
  std::string out;
  for (const char c : value) {
    if (!IsPrint(c)) {
      out += '?';
      continue;
    }
    if (OneOf(c, "\\; ")) out += '\\';
    out += c;
  }
  // A last word that begins so would announce a payload.
  if (out.starts_with("<<")) out.front() = '?';
  return out;
}

Result<std::string> CheckName(std::string_view name) {
  return CheckCharacters("name", name, 255, [](char c) { return IsAlnum(c) || OneOf(c, "_.:-"); });
}

Result<std::string> CheckListenerName(std::string_view name) {
  Result<std::string> checked = CheckCharacters(
      "listener name", name, 63, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
  if (checked && (name.front() == '-' || name.back() == '-')) {
    return Refuse("listener name", name, "starts or ends with '-'");
  }
  return checked;
}

Result<std::string> CheckHost(std::string_view host) {
  if (host.empty()) return std::string();
  std::string_view rest = host;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  Result<std::string> checked = CheckCharacters(
      "host", rest, 253, [](char c) { return IsLower(c) || IsDigit(c) || OneOf(c, ".-"); });
  if (!checked) return checked;
  if (rest.front() == '.' || rest.back() == '.' || rest.contains("..")) {
    return Refuse("host", host, "has an empty label");
  }
  return std::string(host);
}

Result<std::string> CheckPath(std::string_view path) {
  Result<std::string> checked = CheckCharacters(
      "path", path, 1024, [](char c) { return IsGraph(c) && !OneOf(c, ";#\\'\"<>"); });
  if (checked && path.front() != '/') return Refuse("path", path, "does not start with '/'");
  return checked;
}

Result<std::string> CheckCookieName(std::string_view name) {
  return CheckCharacters("cookie name", name, 64,
                         [](char c) { return IsAlnum(c) || OneOf(c, "!#$%&*+-.^_`|~"); });
}

Result<std::string> CheckAddress(std::string_view address) {
  if (!IsIpv4(address)) return Refuse("address", address, "is not an IPv4 address");
  return std::string(address);
}

Result<std::string> CheckNetwork(std::string_view cidr) {
  const std::size_t slash = cidr.find('/');
  const std::string_view address = cidr.substr(0, slash);
  const bool v4 = IsIpv4(address);
  const bool v6 = address.contains(':') && std::ranges::all_of(address, [](char c) {
                    return IsDigit(c) || OneOf(c, "abcdefABCDEF:");
                  });
  if (!v4 && !v6) return Refuse("network", cidr, "is not an IP address or network");
  if (slash == std::string_view::npos) return std::string(cidr);
  const std::string_view bits = cidr.substr(slash + 1);
  unsigned value = 0;
  const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), value);
  if (error != std::errc{} || end != bits.data() + bits.size() || value > (v4 ? 32U : 128U)) {
    return Refuse("network", cidr, "has a prefix length out of range");
  }
  return std::string(cidr);
}

Result<std::string> CheckHostPort(std::string_view host_port) {
  const std::size_t colon = host_port.rfind(':');
  if (colon == std::string_view::npos || !IsPort(host_port.substr(colon + 1))) {
    return Refuse("address", host_port, "is not host:port");
  }
  Result<std::string> host = CheckCharacters("host", host_port.substr(0, colon), 253,
                                             [](char c) { return IsAlnum(c) || OneOf(c, ".-"); });
  if (!host) return host;
  return std::string(host_port);
}

Result<std::string> CheckSnippet(std::string_view line) {
  Result<std::string> checked =
      CheckCharacters("snippet", line, kMaxValue, [](char c) { return IsPrint(c) || c == '\t'; });
  if (!checked) return checked;
  if (line.ends_with('\\')) return Refuse("snippet", line, "ends with a backslash");
  std::string_view rest = line;
  const auto next_word = [&rest] {
    const std::size_t begin = std::min(rest.find_first_not_of(" \t"), rest.size());
    const std::size_t end = std::min(rest.find_first_of(" \t", begin), rest.size());
    const std::string_view word = rest.substr(begin, end - begin);
    rest.remove_prefix(end);
    return word;
  };
  std::string_view word = next_word();
  if (word == "no" || word == "default") word = next_word();
  if (word.empty()) return Refuse("snippet", line, "has no directive");
  if (word.starts_with('#')) return checked;
  // Quotes and escapes could hide a word from the list below.
  if (!std::ranges::all_of(word, [](char c) { return IsAlnum(c) || OneOf(c, "_.-"); }) ||
      word.starts_with('.')) {
    return Refuse("snippet", line, "does not start with a directive");
  }
  if (std::ranges::find(kRefusedWords, word) != std::end(kRefusedWords)) {
    return Refuse("snippet", line,
                  fmt::format("'{}' is set by Ballast or would end HAProxy", word));
  }
  return checked;
}

}  // namespace ballast::reconcilers::haproxy
