#include "controller/cli/cli.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "api/codec.h"
#include "controller/cli/client.h"
#include "controller/cli/render.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

constexpr std::chrono::seconds kTimeout{15};
constexpr std::size_t kMaxStatusBytes = std::size_t{256} << 20;
constexpr int kMaxStatusDepth = 32;

const std::vector<std::string>& Commands() {
  static const std::vector<std::string> commands = {"controller", "status", "version", "help"};
  return commands;
}

int Fail(std::ostream& err, std::string_view message) {
  err << "ballast: " << message << "\n";
  return kExitFailed;
}

int Usage(std::ostream& err, std::string_view message, std::string_view help) {
  err << "ballast: " << message << "\n" << "see `" << help << "`\n";
  return kExitUsage;
}

struct StatusOptions {
  std::string output = "table";
  std::string socket = kDefaultSocket;
  std::string name;
  bool help = false;
};

// "" on success, else what is wrong.
std::string ParseStatus(const std::vector<std::string>& arguments, StatusOptions& options) {
  static const std::vector<std::string> known = {"--output", "--socket", "--help"};
  bool flags = true;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!flags || argument.size() < 2 || argument.front() != '-') {
      if (!options.name.empty()) return "more than one web app is named";
      if (argument.empty()) return "the name of the web app is empty";
      options.name = argument;
      continue;
    }
    if (argument == "--") {
      flags = false;
      continue;
    }
    if (argument == "-h" || argument == "--help") {
      options.help = true;
      continue;
    }
    std::string flag = argument.substr(0, argument.find('='));
    std::string* const target = flag == "-o" || flag == "--output" || flag.starts_with("-o")
                                    ? &options.output
                                : flag == "--socket" ? &options.socket
                                                     : nullptr;
    if (target == nullptr) {
      return fmt::format("status has no flag {}{}", Sanitize(flag), Suggest(flag, known));
    }
    if (argument.size() > flag.size()) {
      *target = argument.substr(flag.size() + 1);  // --output=json, -o=json
    } else if (flag.starts_with("-o") && flag.size() > 2) {
      *target = flag.substr(2);  // -ojson
    } else if (i + 1 < arguments.size()) {
      *target = arguments[++i];
    } else {
      return fmt::format("{} needs a value", flag);
    }
  }
  if (options.output != "table" && options.output != "json") {
    return fmt::format("--output is table or json, not \"{}\"", Sanitize(options.output));
  }
  if (options.socket.empty()) return "--socket needs a path";
  return "";
}

int RunStatus(const std::vector<std::string>& arguments, const Environment& environment,
              std::ostream& out, std::ostream& err) {
  StatusOptions options;
  if (const std::string wrong = ParseStatus(arguments, options); !wrong.empty()) {
    return Usage(err, wrong, "ballast status --help");
  }
  if (options.help) {
    out << StatusHelp();
    return kExitOk;
  }
  const auto reply = Get(options.socket, "/status", kTimeout);
  if (!reply) return Fail(err, reply.error().message);
  const auto broken = [&](const std::string& what) {
    return Fail(err, fmt::format("the controller on {} answered something else: {}", options.socket,
                                 Sanitize(what)));
  };
  constexpr int kHttpOk = 200;
  if (reply->status != kHttpOk) {
    return broken(fmt::format("HTTP {}: {}", reply->status, reply->body));
  }
  const auto status = api::ParseJsonStrict(reply->body, kMaxStatusBytes, kMaxStatusDepth);
  if (!status) return broken(status.error().message);
  const auto selected = SelectStatus(*status, options.name);
  if (!selected) return Fail(err, selected.error().message);
  if (options.output == "json") {
    out << selected->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    out << RenderStatus(*selected, !options.name.empty(),
                        {.width = environment.width, .color = environment.color});
  }
  return kExitOk;
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string Suggest(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kLongest = 40;
  if (word.size() > kLongest) return "";
  const std::string* nearest = nullptr;
  std::size_t best = word.size() / 3 + 2;  // anything further away is another word
  for (const std::string& candidate : known) {
    const bool begins = word.size() >= 3 && candidate.starts_with(word);
    const std::size_t distance = begins ? 0 : EditDistance(word, candidate);
    if (distance < best) {
      best = distance;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : fmt::format("; did you mean {}?", *nearest);
}

int Run(const std::vector<std::string>& arguments, const Environment& environment,
        std::ostream& out, std::ostream& err) {
  if (arguments.empty()) {
    err << GeneralHelp();
    return kExitUsage;
  }
  const std::string& command = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  const bool wants_help =
      !rest.empty() && (rest.front() == "--help" || rest.front() == "-h" || rest.front() == "help");
  if (command == "status") return RunStatus(rest, environment, out, err);
  if (command == "version" || command == "--version") {
    if (wants_help) {
      out << "usage: ballast version\n\nPrints the version of this program.\n";
      return kExitOk;
    }
    if (!rest.empty()) return Usage(err, "version takes no arguments", "ballast help");
    out << "ballast " << environment.version << "\n";
    return kExitOk;
  }
  if (command == "help" || command == "--help" || command == "-h") {
    if (!rest.empty() && rest.front() == "status") {
      out << StatusHelp();
      return kExitOk;
    }
    if (!rest.empty() && !wants_help && rest.front() != "version" && rest.front() != "help") {
      return Usage(err,
                   fmt::format("there is no command {}{}", Sanitize(rest.front()),
                               Suggest(rest.front(), Commands())),
                   "ballast help");
    }
    out << GeneralHelp();
    return kExitOk;
  }
  return Usage(err,
               fmt::format("there is no {} {}{}", command.starts_with('-') ? "flag" : "command",
                           Sanitize(command), Suggest(command, Commands())),
               "ballast help");
}

bool WriteOut(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) return true;
    if (written < 0) {
      std::cerr << "ballast: standard output cannot be written\n";
      return false;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Environment DetectEnvironment(std::string version) {
  Environment environment{.version = std::move(version)};
  if (isatty(STDOUT_FILENO) != 1) return environment;
  constexpr std::size_t kUsualWidth = 80;
  winsize size{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  environment.width = known ? size.ws_col : kUsualWidth;
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return std::string(value == nullptr ? "" : value);
  };
  environment.color = variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  return environment;
}

}  // namespace ballast::cli
