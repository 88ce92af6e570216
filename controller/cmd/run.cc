#include "controller/cmd/run.h"

#include <gflags/gflags.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <variant>

#include "controller/cli/cli.h"
#include "controller/cmd/controller.h"
#include "controller/cmd/options.h"
#include "controller/cmd/signals.h"
#include "controller/runtime/log.h"

namespace ballast::cmd {
namespace {

constexpr std::chrono::milliseconds kGrace{2'000};

// One descriptor a probe under way and a connection to Docker: the usual 1024 is too few for
// thousands of replicas.
void RaiseDescriptorLimit() {
  constexpr rlim_t kWanted = 65'536;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kWanted));
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int RunController(const char* program, const std::vector<std::string>& arguments,
                  const std::string& version) {
  const auto parsed = ParseOptions(arguments);
  if (std::holds_alternative<HelpWanted>(parsed)) {
    return cli::WriteOut(ControllerHelp()) ? cli::kExitOk : cli::kExitFailed;
  }
  if (const auto* wrong = std::get_if<UsageError>(&parsed)) {
    std::cerr << "ballast: " << wrong->message << "\nsee `ballast controller --help`\n";
    return cli::kExitUsage;
  }
  const auto& options = std::get<Options>(parsed);
  runtime::InitLogging(program, options.debug);
  gflags::SetCommandLineOption("minloglevel", std::to_string(options.log_threshold).c_str());
  RaiseDescriptorLimit();
  const SignalWatcher signals(kGrace);
  Controller controller(options, version);
  const auto ended = controller.Run(signals.token());
  if (!ended) {
    std::cerr << "ballast: " << ended.error().message << "\n";
    return cli::kExitFailed;
  }
  if (*ended == Ending::kBusy) _exit(cli::kExitOk);
  return cli::kExitOk;
}

}  // namespace ballast::cmd
