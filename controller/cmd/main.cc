// The program `ballast`. The subcommand is read here, before any flag library sees the arguments.
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <ostream>
#include <string>
#include <vector>

#include "controller/cli/cli.h"
#include "controller/cli/output.h"
#include "controller/cmd/options.h"
#include "controller/cmd/run.h"

int main(int argc, char** argv) {
  using ballast::cli::kExitFailed;
  using ballast::cli::WriteOut;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (!arguments.empty() && arguments[0] == "controller") {
    return ballast::cmd::RunController(argv[0], {arguments.begin() + 1, arguments.end()},
                                       BALLAST_VERSION);
  }
  if (arguments.size() == 2 && arguments[0] == "help" && arguments[1] == "controller") {
    return WriteOut(ballast::cmd::ControllerHelp()) ? ballast::cli::kExitOk : kExitFailed;
  }
  // A reader that goes away (`ballast logs -f shop | head`) ends the printing, not what is done.
  std::signal(SIGPIPE, SIG_IGN);
  ballast::cli::OutputBuffer buffer(STDOUT_FILENO);
  std::ostream out(&buffer);
  const auto environment = ballast::cli::DetectEnvironment(BALLAST_VERSION);
  const int code = ballast::cli::Run(arguments, environment, out, std::cerr);
  out.flush();
  if (!buffer.failed()) return code;
  std::cerr << "ballast: standard output cannot be written\n";
  return kExitFailed;
}
