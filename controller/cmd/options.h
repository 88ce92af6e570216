// The flags of `ballast controller`, parsed and checked. All gflags of the program are defined in
// options.cc and read there only, once. One thread, before any other.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "controller/manifests/plan.h"

namespace ballast::cmd {

struct Options {
  std::string manifests;
  std::string instance;
  std::string socket;
  std::string docker_socket;  // a path
  std::string registry_config;
  std::string state_dir;
  std::string run_dir;
  std::string subnet;
  std::string network;
  manifests::PruneMode prune = manifests::PruneMode::kSafe;
  std::vector<std::string> allowed_host_paths;
  std::string listen_host;  // of the API over TCP, an IP address; empty: off
  std::uint16_t listen_port = 0;
  std::string tls_certificate;  // files; empty: made
  std::string tls_key;
  std::string client_ca;     // a file; empty: Ballast's own
  std::string metrics_host;  // an IP address; empty: off
  std::uint16_t metrics_port = 0;
  int workers = 4;
  int log_threshold = 0;  // glog's: 0 info, 1 warning, 2 error
  bool debug = false;
};

struct HelpWanted {};
struct UsageError {
  std::string message;
};

// `arguments` without the program's name and "controller". Flags are --name value or --name=value.
[[nodiscard]] std::variant<Options, HelpWanted, UsageError> ParseOptions(
    const std::vector<std::string>& arguments);

[[nodiscard]] std::string ControllerHelp();

// Every flag as users write it ("--state-dir"), with its default: for the documentation's test.
struct FlagDescription {
  std::string name;
  std::string default_value;
  std::string help;
};
[[nodiscard]] std::vector<FlagDescription> ControllerFlags();

}  // namespace ballast::cmd
