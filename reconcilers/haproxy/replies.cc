// Implements replies.h.
#include "reconcilers/haproxy/replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/text.h"

namespace ballast::reconcilers::haproxy {
namespace {

std::unexpected<Status> Unknown(std::string_view command, std::string_view what) {
  return Error(Code::kInternal, fmt::format("{}: unknown format: {}", command, Printable(what)));
}

// A table whose header line begins with '#': finds columns by name.
class Header {
 public:
  explicit Header(std::string_view line) : names_(Words(line.substr(1))) {}
  [[nodiscard]] std::optional<std::size_t> Find(std::string_view name) const {
    const auto found = std::ranges::find(names_, name);
    if (found == names_.end()) return std::nullopt;
    return static_cast<std::size_t>(found - names_.begin());
  }

 private:
  std::vector<std::string_view> names_;
};

// "config : parsing [/etc/haproxy/haproxy.cfg:20] : unknown keyword" -> the same without "config :
// ".
std::string_view WithoutPrefix(std::string_view alert) {
  // "[ALERT]    (69) : config : text"
  const std::size_t colon = alert.find(" : ");
  if (colon != std::string_view::npos) alert.remove_prefix(colon + 3);
  if (alert.starts_with("config : ")) alert.remove_prefix(9);
  return alert;
}

constexpr std::string_view kNewEnough =
    "3.0 or later is needed. Use an image with it, such as ballast/haproxy (`hack/images haproxy` "
    "makes it), in spec.image of the load balancer";

// Lines that only say that there were others.
bool IsSummary(std::string_view alert) {
  return alert.starts_with("Error(s) found in configuration file") ||
         alert.starts_with("Fatal errors found in configuration") ||
         alert.starts_with("Loading failure");
}

}  // namespace

ServerAdmin ServerStateRow::Admin() const {
  constexpr int kMaintBits = 1 | 2 | 32;  // asked for, inherited, by DNS; 4 stays after `ready`
  constexpr int kDrainBits = 8 | 16;
  if ((admin_state & kMaintBits) != 0) return ServerAdmin::kMaint;
  // Weight 0 is how the file says drain.
  if ((admin_state & kDrainBits) != 0 || user_weight == 0) return ServerAdmin::kDrain;
  return ServerAdmin::kReady;
}

Result<std::vector<ServerStateRow>> ParseServersState(std::string_view reply) {
  constexpr std::string_view kCommand = "show servers state";
  const std::vector<std::string_view> lines = Lines(reply);
  if (lines.size() < 2 || lines[0] != "1" || !lines[1].starts_with("# ")) {
    return Unknown(kCommand, reply.substr(0, 80));
  }
  const Header header(lines[1]);
  constexpr std::string_view kNames[] = {"be_name",     "srv_name",       "srv_addr",
                                         "srv_port",    "srv_op_state",   "srv_admin_state",
                                         "srv_uweight", "srv_check_state"};
  std::size_t columns[std::size(kNames)];
  std::size_t needed = 0;
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    const std::optional<std::size_t> column = header.Find(kNames[i]);
    if (!column) return Unknown(kCommand, lines[1]);
    columns[i] = *column;
    needed = std::max(needed, *column + 1);
  }
  std::vector<ServerStateRow> rows;
  for (const std::string_view line : lines | std::views::drop(2)) {
    if (line.empty()) continue;
    const std::vector<std::string_view> words = Words(line);
    if (words.size() < needed) return Unknown(kCommand, line);
    const auto port = Number<std::uint16_t>(words[columns[3]]);
    const auto op = Number<int>(words[columns[4]]);
    const auto admin = Number<int>(words[columns[5]]);
    const auto weight = Number<int>(words[columns[6]]);
    const auto check = Number<int>(words[columns[7]]);
    if (!port || !op || !admin || !weight || !check) return Unknown(kCommand, line);
    rows.push_back({.backend = std::string(words[columns[0]]),
                    .server = std::string(words[columns[1]]),
                    .address = std::string(words[columns[2]]),
                    .port = *port,
                    .op_state = *op,
                    .admin_state = *admin,
                    .user_weight = *weight,
                    .check_state = *check});
  }
  return rows;
}

Result<std::map<std::pair<std::string, std::string>, int>> ParseServersConn(
    std::string_view reply) {
  constexpr std::string_view kCommand = "show servers conn";
  const std::vector<std::string_view> lines = Lines(reply);
  if (lines.empty() || !lines[0].starts_with("# ")) return Unknown(kCommand, reply.substr(0, 80));
  const std::optional<std::size_t> used = Header(lines[0]).Find("used_cur");
  if (!used) return Unknown(kCommand, lines[0]);
  std::map<std::pair<std::string, std::string>, int> connections;
  for (const std::string_view line : lines | std::views::drop(1)) {
    if (line.empty()) continue;
    const std::vector<std::string_view> words = Words(line);
    const std::size_t slash = words.empty() ? std::string_view::npos : words[0].find('/');
    if (words.size() <= *used || slash == std::string_view::npos) return Unknown(kCommand, line);
    const std::optional<int> count = Number<int>(words[*used]);
    if (!count) return Unknown(kCommand, line);
    connections[{std::string(words[0].substr(0, slash)),
                 std::string(words[0].substr(slash + 1))}] += *count;
  }
  return connections;
}

Result<std::vector<WorkerProcess>> ParseShowProc(std::string_view reply) {
  constexpr std::string_view kCommand = "show proc";
  const std::vector<std::string_view> lines = Lines(reply);
  if (lines.empty() || !lines[0].starts_with("#<PID>")) {
    return Unknown(kCommand, reply.substr(0, 80));
  }
  enum class Part { kMaster, kWorkers, kOldWorkers, kPrograms } part = Part::kMaster;
  std::vector<WorkerProcess> workers;
  for (const std::string_view line : lines | std::views::drop(1)) {
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      if (line == "# workers") {
        part = Part::kWorkers;
      } else if (line == "# old workers") {
        part = Part::kOldWorkers;
      } else if (line == "# programs" || line == "# old programs") {
        part = Part::kPrograms;
      } else {
        return Unknown(kCommand, line);
      }
      continue;
    }
    const std::vector<std::string_view> words = Words(line);
    const auto pid = words.size() < 3 ? std::nullopt : Number<int>(words[0]);
    if (!pid) return Unknown(kCommand, line);
    if (part != Part::kWorkers && part != Part::kOldWorkers) continue;
    const std::optional<int> reloads = Number<int>(words[2]);
    if (!reloads || words[1] != "worker") return Unknown(kCommand, line);
    workers.push_back({.pid = *pid, .old = part == Part::kOldWorkers, .reloads = *reloads});
  }
  return workers;
}

Result<std::string> ParseCertificate(std::string_view reply) {
  constexpr std::string_view kCommand = "show ssl cert";
  constexpr std::string_view kFingerprint = "SHA1 FingerPrint: ";
  if (reply.starts_with("Can't display the certificate: Not found")) {
    return Error(Code::kNotFound, "HAProxy has no such certificate");
  }
  std::string_view found;
  bool used = false;
  for (const std::string_view line : Lines(reply)) {
    if (line.starts_with(kFingerprint)) found = line.substr(kFingerprint.size());
    if (line == "Status: Used") used = true;
  }
  if (found.empty()) return Unknown(kCommand, reply.substr(0, 80));
  if (!used) return Error(Code::kNotFound, "HAProxy has the certificate for no listener");
  return std::string(found);
}

std::string HideSecrets(std::string text) {
  constexpr std::string_view kHidden = "(hidden)";
  constexpr std::size_t kLongest = 48;  // no word of a message is; lines of PEM have 64
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("$./+=").contains(c);
  };
  for (std::size_t begin = 0; begin < text.size();) {
    if (!is_part(text[begin])) {
      ++begin;
      continue;
    }
    std::size_t end = begin;
    while (end < text.size() && is_part(text[end])) ++end;
    const std::string_view word(text.data() + begin, end - begin);
    const bool crypted = word.starts_with('$') && std::ranges::count(word, '$') >= 3;
    // A path has slashes; so has base64, but not as its first character and among so many others.
    const bool coded = word.size() > kLongest && !word.starts_with('/') && !word.contains('.') &&
                       !word.contains('$');
    if (crypted || coded) {
      text.replace(begin, end - begin, kHidden);
      end = begin + kHidden.size();
    }
    begin = end;
  }
  return text;
}

std::string ExtractAlerts(std::string_view output) {
  constexpr std::size_t kMaxAlerts = 20;
  std::vector<std::string> alerts;
  std::vector<std::string> summaries;
  std::vector<std::string>* current = nullptr;
  for (const std::string_view line : Lines(output)) {
    if (line.starts_with("[ALERT]")) {
      const std::string_view text = WithoutPrefix(line);
      current = IsSummary(text) ? &summaries : &alerts;
      current->emplace_back(text);
    } else if (line.starts_with("   | ") && current != nullptr) {
      current->back() += " " + std::string(line.substr(5));
    } else {
      current = nullptr;
    }
  }
  if (alerts.empty()) alerts = std::move(summaries);
  if (alerts.empty()) {
    // No alert: an exit without words, a shell's message, a text of another version.
    for (const std::string_view line : Lines(output)) {
      if (!line.empty()) alerts.emplace_back(line);
    }
  }
  if (alerts.size() > kMaxAlerts) {
    const std::size_t more = alerts.size() - kMaxAlerts;
    alerts.resize(kMaxAlerts);
    alerts.push_back(fmt::format("and {} more", more));
  }
  return HideSecrets(fmt::format("{}", fmt::join(alerts, "; ")));
}

// "... cannot bind socket (Address already in use) for [0.0.0.0:80]"
std::string ExplainAlerts(const std::string& alerts, std::string_view name) {
  if (alerts.contains("unknown keyword 'stats-file'")) {
    return fmt::format("HAProxy is too old to read its configuration: {}", kNewEnough);
  }
  const std::size_t at = alerts.find("Address already in use");
  const std::size_t end = at == std::string::npos ? at : alerts.find(']', at);
  const std::size_t colon = end == std::string::npos ? end : alerts.rfind(':', end);
  if (colon == std::string::npos || colon < at) return alerts;
  return fmt::format(
      "port {} is in use by another program (`ss -ltnp` shows it): stop it, or choose "
      "another port in spec.listeners (or spec.stats.port) of LoadBalancer/{}",
      alerts.substr(colon + 1, end - colon - 1), name);
}

std::string ProcessIdentity(std::string_view show_info) {
  std::string result;
  for (const std::string_view field : {"\nPid: ", "\nStart_time_sec: "}) {
    const std::size_t at = show_info.find(field);
    if (at == std::string_view::npos) continue;
    const std::size_t begin = at + field.size();
    result.append(show_info.substr(begin, show_info.find('\n', begin) - begin)) += '/';
  }
  return result;
}

Result<std::string> RequireVersion(std::string_view show_info_or_v, std::string_view image) {
  for (std::string_view line : Lines(show_info_or_v)) {
    if (line.starts_with("Version: ")) {
      line.remove_prefix(9);
    } else if (line.starts_with("HAProxy version ") || line.starts_with("HA-Proxy version ")) {
      line.remove_prefix(line.find("version ") + 8);
    } else {
      continue;
    }
    const std::string_view version = line.substr(0, std::min(line.find(' '), line.size()));
    const std::optional<int> major = Number<int>(version.substr(0, version.find('.')));
    if (!major) return Unknown("HAProxy version", version);
    if (*major < 3) {
      return Error(Code::kFailedPrecondition,
                   fmt::format("HAProxy {}{}{} is too old: {}", Printable(version),
                               image.empty() ? "" : " in image ", image, kNewEnough));
    }
    return std::string(version);
  }
  return Unknown("HAProxy version", show_info_or_v.substr(0, 80));
}

}  // namespace ballast::reconcilers::haproxy
