#include "api/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "api/codec.h"
#include "api/tree.h"

namespace ballast::api {
namespace {

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsLower(c) || IsUpper(c) || IsDigit(c); }
bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}
bool HasControl(std::string_view text) { return std::any_of(text.begin(), text.end(), IsControl); }

template <typename Predicate>
bool All(std::string_view text, Predicate predicate) {
  return !text.empty() && std::all_of(text.begin(), text.end(), predicate);
}

// RFC 9110's token, which is RFC 6265's cookie name too.
bool IsTokenChar(char c) {
  return IsAlnum(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsPathChar(char c) {
  return IsAlnum(c) || std::string_view("/-._~!&()*+,=:@").find(c) != std::string_view::npos;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end == text.npos ? text.npos : end - begin));
    if (end == text.npos) return parts;
    begin = end + 1;
  }
}

// Labels joined by dots: DNS-1123 subdomain.
bool IsDnsName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  const auto labels = Split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](auto label) { return IsDnsLabel(label); });
}

// Kubernetes' qualified name part: starts and ends alphanumeric, with -_. between, at most 63.
bool IsQualifiedPart(std::string_view text) {
  return !text.empty() && text.size() <= 63 && IsAlnum(text.front()) && IsAlnum(text.back()) &&
         All(text, [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool IsPortNumber(std::string_view text) {
  if (!All(text, IsDigit) || text.size() > 5 || text.front() == '0') return false;
  return std::stoi(std::string(text)) <= 65535;
}

bool IsIpv4(std::string_view text) {
  const auto parts = Split(text, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return All(part, IsDigit) && part.size() <= 3 && (part.size() == 1 || part[0] != '0') &&
                  std::stoi(std::string(part)) <= 255;
         });
}

// Without zone ids and embedded IPv4: at most eight groups, one "::" at most.
bool IsIpv6(std::string_view text) {
  if (text.size() < 2 || text.size() > 39) return false;
  const std::size_t gap = text.find("::");
  if (gap != text.npos && text.find("::", gap + 1) != text.npos) return false;
  const auto groups = [](std::string_view part) -> int {
    if (part.empty()) return 0;
    const auto pieces = Split(part, ':');
    for (const std::string_view piece : pieces) {
      if (piece.empty() || piece.size() > 4 ||
          piece.find_first_not_of("0123456789abcdefABCDEF") != piece.npos) {
        return -1;
      }
    }
    return static_cast<int>(pieces.size());
  };
  if (gap == text.npos) return groups(text) == 8;
  const int left = groups(text.substr(0, gap));
  const int right = groups(text.substr(gap + 2));
  return left >= 0 && right >= 0 && left + right <= 7;
}

// One component of an image's path: alphanumerics, with '.', '_', "__" or dashes between them.
bool IsImageComponent(std::string_view text) {
  const auto alnum = [](char c) { return IsLower(c) || IsDigit(c); };
  if (text.empty() || !alnum(text.front()) || !alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (alnum(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && text[end] == text[i]) ++end;
    const std::size_t run = end - i;
    const bool allowed =
        text[i] == '-' || (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2);
    if (!allowed || end == text.size() || !alnum(text[end])) return false;
    i = end;
  }
  return true;
}

bool IsRegistryHost(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos) {
    if (!IsPortNumber(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  const auto labels = Split(text, '.');
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           All(label, [](char c) { return IsAlnum(c) || c == '-'; });
  });
}

bool IsImage(std::string_view text) {
  if (text.empty() || text.size() > 512) return false;
  if (const std::size_t at = text.find('@'); at != text.npos) {
    const std::string_view digest = text.substr(at + 1);
    if (!digest.starts_with("sha256:") || digest.size() != 7 + 64 ||
        digest.find_first_not_of("0123456789abcdef", 7) != digest.npos) {
      return false;
    }
    text = text.substr(0, at);
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos && (slash == text.npos || colon > slash)) {
    const std::string_view tag = text.substr(colon + 1);
    if (tag.size() > 128 || tag.empty() || tag.front() == '.' || tag.front() == '-' ||
        !All(tag, [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; })) {
      return false;
    }
    text = text.substr(0, colon);
  }
  if (text.size() > 255) return false;
  auto components = Split(text, '/');
  const std::string_view first = components.front();
  const bool registry =
      components.size() > 1 && (first.find_first_of(".:") != first.npos || first == "localhost");
  if (registry) {
    if (!IsRegistryHost(first)) return false;
    components.erase(components.begin());
  }
  return std::all_of(components.begin(), components.end(), IsImageComponent);
}

constexpr std::array<std::string_view, 42> kCapabilities = {"ALL",
                                                            "AUDIT_CONTROL",
                                                            "AUDIT_READ",
                                                            "AUDIT_WRITE",
                                                            "BLOCK_SUSPEND",
                                                            "BPF",
                                                            "CHECKPOINT_RESTORE",
                                                            "CHOWN",
                                                            "DAC_OVERRIDE",
                                                            "DAC_READ_SEARCH",
                                                            "FOWNER",
                                                            "FSETID",
                                                            "IPC_LOCK",
                                                            "IPC_OWNER",
                                                            "KILL",
                                                            "LEASE",
                                                            "LINUX_IMMUTABLE",
                                                            "MAC_ADMIN",
                                                            "MAC_OVERRIDE",
                                                            "MKNOD",
                                                            "NET_ADMIN",
                                                            "NET_BIND_SERVICE",
                                                            "NET_BROADCAST",
                                                            "NET_RAW",
                                                            "PERFMON",
                                                            "SETFCAP",
                                                            "SETGID",
                                                            "SETPCAP",
                                                            "SETUID",
                                                            "SYSLOG",
                                                            "SYS_ADMIN",
                                                            "SYS_BOOT",
                                                            "SYS_CHROOT",
                                                            "SYS_MODULE",
                                                            "SYS_NICE",
                                                            "SYS_PACCT",
                                                            "SYS_PTRACE",
                                                            "SYS_RAWIO",
                                                            "SYS_RESOURCE",
                                                            "SYS_TIME",
                                                            "SYS_TTY_CONFIG",
                                                            "WAKE_ALARM"};

template <std::size_t N>
bool IsIn(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// First words that would end the section that Ballast is writing, or begin another one.
constexpr std::array<std::string_view, 24> kSections = {
    "acme",   "backend",     "cache",       "crt-store", "defaults",  "dynamic-update",
    "fcgi",   "fcgi-app",    "frontend",    "global",    "health",    "http-errors",
    "listen", "log-forward", "log-profile", "mailers",   "namespace", "namespace_list",
    "peers",  "program",     "resolvers",   "ring",      "traces",    "userlist"};

// First words that kill all of HAProxy at a reload although `haproxy -c` accepts them
// (reference/haproxy.md 1.3), or that take away what Ballast's own lines rely on.
// reconcilers/haproxy/quote.cc refuses them again; this list must not be the shorter one.
constexpr std::array<std::string_view, 23> kOwned = {"chroot",
                                                     "daemon",
                                                     "default_backend",
                                                     "gid",
                                                     "grace",
                                                     "group",
                                                     "load-server-state-from-file",
                                                     "master-worker",
                                                     "mode",
                                                     "mworker-max-reloads",
                                                     "nbproc",
                                                     "nbthread",
                                                     "pidfile",
                                                     "quiet",
                                                     "server-state-base",
                                                     "server-state-file",
                                                     "stats",
                                                     "stats-file",
                                                     "uid",
                                                     "ulimit-n",
                                                     "unshare",
                                                     "user",
                                                     "zero-warning"};

std::string CheckSnippet(std::string_view text) {
  if (text.size() > 1000) return "at most 1000 characters";
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; })) {
    return "one line of printable ASCII";
  }
  if (text.ends_with('\\')) return "a line that does not end with a backslash";
  for (const std::string_view word : Split(text, ' ')) {
    if (word.empty()) continue;
    if (word.front() == '#') return "";
    if (!All(word, [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; }) ||
        word.front() == '.') {
      return "a directive of HAProxy: the first word has letters, digits and -_. only, and does "
             "not start with a dot";
    }
    if (IsIn(word, kSections)) {
      return fmt::format("a directive inside the section: {} would begin another one", Quote(word));
    }
    if (IsIn(word, kOwned)) {
      return fmt::format("without {}: Ballast writes it itself, or it would stop all of HAProxy",
                         Quote(word));
    }
    if (word != "no" && word != "default") return "";
  }
  return "a directive of HAProxy or a comment";
}

std::string CheckLong(std::string_view text) {
  if (text.size() > 128 * 1024) return "at most 128 KiB long";
  return text.find('\0') == text.npos ? "" : "without NUL characters";
}

}  // namespace

bool IsDnsLabel(std::string_view text) {
  return !text.empty() && text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         All(text, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

Result<std::string> NormalizeHost(std::string_view host) {
  std::string lower(host);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string_view name = lower.starts_with("*.") ? std::string_view(lower).substr(2) : lower;
  if (lower.size() > 253 || !IsDnsName(name)) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("must be a DNS name such as shop.example.com or *.example.com, without "
                    "port (letters, digits, '-' and '.'; at most 253), got {}",
                    Quote(host)));
  }
  return lower;
}

Result<std::string> NormalizePath(std::string_view path) {
  const bool allowed = path.starts_with('/') && path.size() <= 512 && All(path, IsPathChar);
  bool dots = false;
  if (allowed) {
    const auto parts = Split(path.substr(1), '/');
    for (std::size_t i = 0; i < parts.size(); ++i) {
      dots =
          dots || parts[i] == "." || parts[i] == ".." || (parts[i].empty() && i + 1 < parts.size());
    }
  }
  if (!allowed || dots) {
    return Error(Code::kInvalidArgument,
                 fmt::format("must be a path such as /shop (starts with '/'; letters, digits and "
                             "/-._~!&()*+,=:@; no \"//\", \"/./\", \"/../\"; at most 512), got {}",
                             Quote(path)));
  }
  return std::string(path);
}

std::string RuleObjectName(std::string_view text) {
  return IsDnsLabel(text) && text.size() <= kMaxObjectName
             ? ""
             : "a DNS label (a-z, 0-9 and '-', alphanumeric at both ends, at most 40)";
}

std::string RuleLongName(std::string_view text) {
  // Unlike in DNS, a label may be longer than 63, as in Kubernetes.
  const auto is_label = [](std::string_view label) {
    return !label.empty() && label.front() != '-' && label.back() != '-' &&
           All(label, [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
  };
  const auto labels = Split(text, '.');
  return text.size() <= 253 && std::all_of(labels.begin(), labels.end(), is_label)
             ? ""
             : "a DNS subdomain (a-z, 0-9, '-' and '.', alphanumeric at both ends of each part, at "
               "most 253)";
}

std::string RuleDataKey(std::string_view text) {
  const bool allowed = !text.empty() && text.size() <= 253 && text != "." &&
                       !text.starts_with("..") && std::all_of(text.begin(), text.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                       });
  return allowed ? "" : "letters, digits and -_., not starting with two dots, at most 253";
}

std::string RuleRelativePath(std::string_view text) {
  const auto parts = Split(text, '/');
  const bool allowed = text.size() <= 1024 && !text.starts_with("..") &&
                       RulePlainText(text).empty() &&
                       std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
                         return !part.empty() && part.size() <= 255 && part != "." && part != "..";
                       });
  return allowed ? ""
                 : "a relative path without \".\" and \"..\", such as tls/key.pem, at most 1024";
}

std::string RuleNamespacedName(std::string_view text) {
  const std::size_t slash = text.find('/');
  const bool allowed = slash != text.npos && RuleObjectName(text.substr(0, slash)).empty() &&
                       RuleLongName(text.substr(slash + 1)).empty();
  return allowed ? "" : "a namespace and a name, such as default/shop-tls";
}

std::string RulePortName(std::string_view text) {
  const bool allowed = IsDnsLabel(text) && text.size() <= 15 &&
                       std::any_of(text.begin(), text.end(), IsLower) &&
                       text.find("--") == text.npos;
  return allowed ? "" : "a port's name (a-z, 0-9 and single '-', at least one letter, at most 15)";
}

std::string RuleImage(std::string_view text) {
  return IsImage(text) ? ""
                       : "an image such as acme/shop:1.4 or registry:5000/acme/shop@sha256:... "
                         "(lower case)";
}

std::string RuleEnvName(std::string_view text) {
  const bool allowed =
      text.size() <= 253 && !text.empty() && !IsDigit(text.front()) &&
      All(text, [](char c) { return IsAlnum(c) || c == '_' || c == '-' || c == '.'; });
  return allowed ? "" : "letters, digits and _-., not starting with a digit, at most 253";
}

std::string RuleEnvValue(std::string_view text) { return CheckLong(text); }
std::string RuleArgument(std::string_view text) { return CheckLong(text); }

std::string RuleLabelKey(std::string_view text) {
  if (text.starts_with("ballast.dev/")) {
    return "another key: the prefix ballast.dev/ is Ballast's own";
  }
  const std::size_t slash = text.find('/');
  const bool prefix_allowed = slash == text.npos || IsDnsName(text.substr(0, slash));
  const std::string_view name = slash == text.npos ? text : text.substr(slash + 1);
  return prefix_allowed && IsQualifiedPart(name)
             ? ""
             : "a key such as tier or example.com/tier (letters, digits and -_., alphanumeric at "
               "both ends, at most 63)";
}

std::string RuleLabelValue(std::string_view text) {
  return text.empty() || IsQualifiedPart(text)
             ? ""
             : "letters, digits and -_., alphanumeric at both ends, at most 63";
}

std::string RuleAnnotationValue(std::string_view text) { return CheckLong(text); }

std::string RuleAbsolutePath(std::string_view text) {
  return text.starts_with('/') && text.size() <= 4096 && !HasControl(text)
             ? ""
             : "an absolute path without control characters, at most 4096 bytes";
}

std::string RuleMountPath(std::string_view text) {
  if (!RuleAbsolutePath(text).empty() || text.find(':') != text.npos || CleanPath(text) == "/") {
    return "an absolute path below / without ':' and control characters";
  }
  const auto parts = Split(text, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end() ? "" : "a path without \"..\"";
}

std::string RuleProbePath(std::string_view text) {
  const bool allowed = text.starts_with('/') && text.size() <= 1024 && All(text, [](char c) {
                         return IsPathChar(c) || c == '?' || c == '%' || c == '\'' || c == '$' ||
                                c == ';' || c == '[' || c == ']';
                       });
  return allowed ? ""
                 : "a path such as /healthz?full=1 (starts with '/'; no spaces or control "
                   "characters, others as %XX; at most 1024)";
}

std::string RuleRoutePath(std::string_view text) {
  const auto path = NormalizePath(text);
  if (path) return "";
  const std::string& message = path.error().message;  // "must be ..., got ..."
  return message.substr(8, message.rfind(", got ") - 8);
}

std::string RuleRouteHost(std::string_view text) {
  if (text.empty()) return "";
  if (NormalizeHost(text)) return "";
  return "a DNS name such as shop.example.com or *.example.com, without port (letters, digits, "
         "'-' and '.'; at most 253)";
}

std::string RuleHeaderHost(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::string_view name = text.substr(0, colon);
  const bool port = colon == text.npos || IsPortNumber(text.substr(colon + 1));
  std::string lower(name);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return port && IsDnsName(lower) ? "" : "a host name, with or without a port";
}

std::string RuleHeaderName(std::string_view text) {
  return text.size() <= 256 && All(text, IsTokenChar)
             ? ""
             : "the name of a header (letters, digits and !#$%&'*+-.^_`|~; at most 256)";
}

std::string RuleHeaderValue(std::string_view text) {
  const bool allowed = text.size() <= 4096 && std::all_of(text.begin(), text.end(), [](char c) {
                         return c >= 0x20 && c < 0x7F;
                       });
  return allowed ? "" : "printable ASCII, at most 4096";
}

std::string RuleCookieName(std::string_view text) {
  // Without the quote, which would end the one that HAProxy's file puts around it.
  return text.size() <= 64 && All(text, [](char c) { return IsTokenChar(c) && c != '\''; })
             ? ""
             : "a cookie's name (letters, digits and !#$%&*+-.^_`|~; at most 64)";
}

std::string RuleDockerVolume(std::string_view text) {
  // INSTANCE.NAMESPACE.REPLICA.ATTEMPT.VOLUME: another app's, with what its Secrets say.
  if (std::ranges::count(text, '.') >= 3) {
    return "another name: with three dots or more it may be a volume of Ballast's own";
  }
  const bool allowed =
      text.size() >= 2 && text.size() <= 255 && IsAlnum(text.front()) &&
      All(text, [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; });
  return allowed ? "" : "a Docker volume's name (letters, digits and _.-; 2 to 255)";
}

std::string RuleDockerNetwork(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kReserved = {"host", "none", "default",
                                                                "ballast"};
  if (IsIn(text, kReserved) || text.starts_with("0-ballast-") || text.starts_with("container:")) {
    return "a Docker network made by you: host, none, default, ballast, 0-ballast-* and "
           "container:* are not allowed";
  }
  const bool allowed =
      text.size() <= 255 && !text.empty() && IsAlnum(text.front()) &&
      All(text, [](char c) { return IsAlnum(c) || c == '_' || c == '.' || c == '-'; });
  return allowed ? "" : "a Docker network's name (letters, digits and _.-; at most 255)";
}

std::string RuleLogDriver(std::string_view text) {
  const bool allowed =
      text.size() <= 128 && !text.empty() && (IsLower(text.front()) || IsDigit(text.front())) &&
      All(text, [](char c) {
        return IsAlnum(c) || std::string_view("_./:-").find(c) != std::string_view::npos;
      });
  return allowed ? "" : "the name of a logging driver, such as json-file, journald or syslog";
}

std::string RuleLogOption(std::string_view text) {
  const bool allowed = text.size() <= 128 && All(text, [](char c) {
                         return IsAlnum(c) || c == '_' || c == '.' || c == '-';
                       });
  return allowed ? "" : "the name of an option (letters, digits and _.-; at most 128)";
}

std::string RulePlainText(std::string_view text) {
  return text.size() <= 4096 && !HasControl(text) ? "" : "without control characters, at most 4096";
}

std::string RuleCapability(std::string_view text) {
  if (IsIn(text, kCapabilities)) return "";
  if (text.starts_with("CAP_") && IsIn(text.substr(4), kCapabilities)) {
    return fmt::format("written without CAP_: {}", text.substr(4));
  }
  return "a capability such as NET_BIND_SERVICE, or ALL";
}

std::string RuleCidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const bool v4 = IsIpv4(address);
  bool allowed = v4 || IsIpv6(address);
  if (slash != text.npos) {
    const std::string_view prefix = text.substr(slash + 1);
    allowed = allowed && All(prefix, IsDigit) && prefix.size() <= 3 &&
              (prefix.size() == 1 || prefix.front() != '0') &&
              std::stoi(std::string(prefix)) <= (v4 ? 32 : 128);
  }
  return allowed ? "" : "an address or network such as 10.0.0.0/8 or fd00::/8";
}

std::string RuleHostPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  bool allowed = colon != text.npos && IsPortNumber(text.substr(colon + 1));
  if (allowed) {
    std::string host(text.substr(0, colon));
    for (char& c : host) {
      if (IsUpper(c)) c = static_cast<char>(c - 'A' + 'a');
    }
    allowed = IsDnsName(host);
  }
  return allowed ? "" : "host:port, such as logs.example.com:514";
}

std::string RuleSnippet(std::string_view text) { return CheckSnippet(text); }

std::string CleanPath(std::string_view absolute) {
  std::vector<std::string_view> parts;
  for (const std::string_view part : Split(absolute, '/')) {
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) {
    out += '/';
    out += part;
  }
  return out.empty() ? "/" : out;
}

bool IsBelow(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  return path == directory || (path.starts_with(directory) && path[directory.size()] == '/');
}

}  // namespace ballast::api
