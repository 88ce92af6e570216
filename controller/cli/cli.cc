#include "controller/cli/cli.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <numeric>

#include "controller/cli/client.h"
#include "controller/cli/commands.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

int Usage(std::ostream& err, std::string_view message, std::string_view help) {
  err << "ballast: " << message << "\n" << "see `" << help << "`\n";
  return kExitUsage;
}

int RunNamed(RunCommand run, const Command& command, const std::vector<std::string>& words,
             const Environment& environment, std::ostream& out, std::ostream& err) {
  const auto arguments = Arguments::Parse(command, words);
  if (!arguments) return Usage(err, arguments.error(), "ballast " + command.name + " --help");
  if (arguments->help()) {
    out << CommandHelp(command);
    return kExitOk;
  }
  const std::string socket = arguments->Get("--socket");
  const auto connection =
      environment.connect ? environment.connect(socket) : std::make_unique<Client>(socket);
  Session session(environment, *connection, out, err);
  return run(*arguments, session);
}

RunCommand RunnerOf(std::string_view name) {
  static constexpr std::pair<std::string_view, RunCommand> kRunners[] = {
      {"status", RunStatus},     {"apply", RunApply},       {"get", RunGet},
      {"describe", RunDescribe}, {"delete", RunDelete},     {"scale", RunScale},
      {"why", RunWhy},           {"simulate", RunSimulate}, {"events", RunEvents},
      {"logs", RunLogs},         {"backup", RunBackup},     {"kubeconfig", RunKubeconfig},
      {"token", RunToken},       {"top", RunTop},           {"version", RunVersion}};
  for (const auto& [known, run] : kRunners) {
    if (known == name) return run;
  }
  return nullptr;
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
  std::string name = arguments.front();
  std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (name == "--version") name = "version";
  if (const Command* const command = FindCommand(name)) {
    if (!rest.empty() && rest.front() == "help") rest.front() = "--help";
    return RunNamed(RunnerOf(name), *command, rest, environment, out, err);
  }
  const bool help = name == "help" || name == "--help" || name == "-h";
  if (help && !rest.empty() && rest.front() != "help" && !rest.front().starts_with('-')) {
    const Command* const about = FindCommand(rest.front());
    if (about != nullptr) {
      out << CommandHelp(*about);
      return kExitOk;
    }
    return Usage(err,
                 fmt::format("there is no command {}{}", Sanitize(rest.front()),
                             Suggest(rest.front(), CommandNames())),
                 "ballast help");
  }
  if (help) {
    out << GeneralHelp();
    return kExitOk;
  }
  return Usage(err,
               fmt::format("there is no {} {}{}", name.starts_with('-') ? "flag" : "command",
                           Sanitize(name), Suggest(name, CommandNames())),
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

namespace {

TerminalSize SizeOf(int fd) {
  if (isatty(fd) != 1) return {};
  winsize size{};
  const bool known = ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? TerminalSize{size.ws_col, size.ws_row} : TerminalSize{80, 24};
}

}  // namespace

Environment DetectEnvironment(std::string version) {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return std::string(value == nullptr ? "" : value);
  };
  Environment environment{.version = std::move(version)};
  environment.width = SizeOf(STDOUT_FILENO).width;
  environment.color =
      environment.width > 0 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
  if (variable("TERM") != "dumb") {
    environment.error_width = SizeOf(STDERR_FILENO).width;
    if (environment.width > 0) environment.terminal = [] { return SizeOf(STDOUT_FILENO); };
  }
  environment.now = [] { return std::chrono::system_clock::now(); };
  environment.read_input = [] { return std::string(std::istreambuf_iterator<char>(std::cin), {}); };
  return environment;
}

}  // namespace ballast::cli
