// The program `ballast`. The subcommand is read here, before any flag library sees the arguments.
#include <unistd.h>

#include <cerrno>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/cli.h"
#include "controller/cmd/options.h"
#include "controller/cmd/run.h"

namespace {

// A reader that went away (`ballast status | head -1`) is no failure; a full disk is.
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

}  // namespace

int main(int argc, char** argv) {
  using ballast::cli::kExitFailed;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (!arguments.empty() && arguments[0] == "controller") {
    return ballast::cmd::RunController(argv[0], {arguments.begin() + 1, arguments.end()},
                                       BALLAST_VERSION);
  }
  if (arguments.size() == 2 && arguments[0] == "help" && arguments[1] == "controller") {
    return WriteOut(ballast::cmd::ControllerHelp()) ? ballast::cli::kExitOk : kExitFailed;
  }
  std::ostringstream out;
  const auto environment = ballast::cli::DetectEnvironment(BALLAST_VERSION);
  const int code = ballast::cli::Run(arguments, environment, out, std::cerr);
  return WriteOut(out.view()) ? code : kExitFailed;
}
