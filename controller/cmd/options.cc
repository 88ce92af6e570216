#include "controller/cmd/options.h"

#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "api/codec.h"
#include "controller/cli/cli.h"
#include "controller/cli/table.h"
#include "controller/cmd/flag_rules.h"
#include "reconcilers/webapp/address_pool.h"

DEFINE_string(manifests, "",
              "a directory of manifests to apply and to follow; empty: none, objects come over the "
              "API alone");
DEFINE_string(listen, "",
              "HOST:PORT where the API is served over TLS, for kubectl (127.0.0.1:7443, say); "
              "empty: on the unix socket alone");
DEFINE_string(tls_cert, "", "the certificate of --listen, PEM, with its chain; empty: one is made");
DEFINE_string(tls_key, "", "the key of --tls-cert");
DEFINE_string(client_ca, "",
              "who signs client certificates of --listen (CN is the user, O a group such as "
              "ballast:edit:shop); empty: Ballast's own CA");
DEFINE_string(instance, "ballast", "the owner of what this controller makes; never share it");
DEFINE_string(socket, "",
              "the unix socket of the API and of `ballast`; whoever may open it may do all; empty: "
              "RUN_DIR/ballast.sock");
DEFINE_string(docker_host, "unix:///var/run/docker.sock", "the Docker Engine to use");
DEFINE_string(registry_config, "", "Docker's config.json with credentials of private registries");
DEFINE_string(state_dir, "/var/lib/ballast", "what must survive a reboot");
DEFINE_string(run_dir, "/run/ballast", "sockets");
DEFINE_string(subnet, "", "the subnet of the replicas' network; empty: the first free one");
DEFINE_string(network, "",
              "the name of the replicas' network; empty: ballast, or ballast-INSTANCE for an "
              "instance of another name");
DEFINE_string(prune, "safe",
              "whether what no manifest names any more is removed: safe (after a complete pass, "
              "never everything), never, or always (at once)");
DEFINE_string(allow_host_path, "",
              "directories that hostPath volumes may be in, separated by commas; empty: none");
DEFINE_string(metrics_address, "127.0.0.1:9464",
              "where /metrics, /healthz and /readyz are served over TCP; empty: nowhere");
DEFINE_int32(workers, 4, "how many objects are reconciled at once");
DEFINE_string(log_level, "info", "what is logged: debug, info, warning or error");

namespace ballast::cmd {
namespace {

constexpr std::size_t kMaxInstance = 20;
constexpr int kMaxWorkers = 64;
constexpr std::string_view kUnix = "unix://";

// In the order of the help.
const std::vector<std::string>& Names() {
  static const std::vector<std::string> names = {
      "manifests", "prune",           "allow_host_path", "instance",        "state_dir",
      "run_dir",   "socket",          "listen",          "tls_cert",        "tls_key",
      "client_ca", "metrics_address", "docker_host",     "registry_config", "network",
      "subnet",    "workers",         "log_level"};
  return names;
}

std::string Shown(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return "--" + name;
}

std::vector<std::string> ShownNames() {
  std::vector<std::string> shown = {"--help"};
  for (const std::string& name : Names()) shown.push_back(Shown(name));
  return shown;
}

// Fills the gflags; what is wrong, or nothing.
std::optional<std::string> ReadFlags(const std::vector<std::string>& arguments, bool* help) {
  for (const std::string& name : Names()) {
    gflags::SetCommandLineOption(
        name.c_str(), gflags::GetCommandLineFlagInfoOrDie(name.c_str()).default_value.c_str());
  }
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const std::string printable = cli::Sanitize(argument);
    if (argument == "--help" || argument == "-h") {
      *help = true;
      continue;
    }
    if (argument == "-v") {
      FLAGS_log_level = "debug";
      continue;
    }
    if (!argument.starts_with("--") || argument.size() == 2) {
      return fmt::format("{} is no flag; the manifests' directory is given as --manifests DIR",
                         printable.empty() ? "\"\"" : printable);
    }
    const std::size_t equals = argument.find('=');
    std::string name = argument.substr(2, equals == std::string::npos ? equals : equals - 2);
    const std::string shown = cli::Sanitize("--" + name);
    std::replace(name.begin(), name.end(), '-', '_');
    if (std::find(Names().begin(), Names().end(), name) == Names().end()) {
      return fmt::format("controller has no flag {}{}", shown, cli::Suggest(shown, ShownNames()));
    }
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return fmt::format("{} needs a value", Shown(name));
    }
    if (gflags::SetCommandLineOption(name.c_str(), value.c_str()).empty()) {
      return fmt::format("{} takes a number, not \"{}\"", Shown(name), cli::Sanitize(value));
    }
  }
  return std::nullopt;
}

// An IP address and a port: "127.0.0.1:9464", "[::1]:9464". False: it is none.
bool ReadAddress(const std::string& address, std::string& host, std::uint16_t& port) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return false;
  host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const char* const end = address.data() + address.size();
  const auto [last, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && last == end && IsIpAddress(host);
}

// What is wrong, or nothing.
std::optional<std::string> ReadMetricsAddress(const std::string& address, Options& options) {
  if (address.empty()) return std::nullopt;
  const auto wrong = [&](const char* why) {
    return fmt::format("--metrics-address {} (127.0.0.1:9464, say), not \"{}\"", why,
                       cli::Sanitize(address));
  };
  std::string host;
  if (!ReadAddress(address, host, options.metrics_port)) {
    return wrong("is an IP address and a port");
  }
  if (!IsLoopback(host)) {
    return wrong("must be a loopback address, since anybody who reaches it may read it");
  }
  options.metrics_host = host;
  return std::nullopt;
}

std::optional<std::string> ReadListen(Options& options) {
  options.tls_certificate = FLAGS_tls_cert;
  options.tls_key = FLAGS_tls_key;
  options.client_ca = FLAGS_client_ca;
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return "--tls-cert and --tls-key belong together: give both, or none to have them made";
  }
  if (FLAGS_listen.empty()) {
    if (options.tls_certificate.empty() && options.client_ca.empty()) return std::nullopt;
    return "--tls-cert, --tls-key and --client-ca are for --listen HOST:PORT, which is missing";
  }
  if (!ReadAddress(FLAGS_listen, options.listen_host, options.listen_port)) {
    return fmt::format("--listen is an IP address and a port (127.0.0.1:7443, say), not \"{}\"",
                       cli::Sanitize(FLAGS_listen));
  }
  return std::nullopt;
}

std::optional<std::string> ReadPaths(Options& options) {
  for (const auto& [flag, value] :
       {std::pair{"--state-dir", &FLAGS_state_dir}, std::pair{"--run-dir", &FLAGS_run_dir}}) {
    if (!IsAbsolute(*value)) {
      return fmt::format(
          "{} must be an absolute path without ':' and ',' (containers mount directories below "
          "it), not \"{}\"",
          flag, cli::Sanitize(*value));
    }
  }
  options.state_dir = Normal(FLAGS_state_dir);
  options.run_dir = Normal(FLAGS_run_dir);
  options.socket = FLAGS_socket.empty() ? options.run_dir + "/ballast.sock" : FLAGS_socket;
  if (!FLAGS_docker_host.starts_with(kUnix) || FLAGS_docker_host.size() == kUnix.size()) {
    return fmt::format(
        "--docker-host must be unix:///PATH, not \"{}\": the controller talks to the containers "
        "themselves, so it runs on Docker's own machine",
        cli::Sanitize(FLAGS_docker_host));
  }
  options.docker_socket = FLAGS_docker_host.substr(kUnix.size());
  options.registry_config = FLAGS_registry_config;
  for (const std::string& path : SplitCommas(FLAGS_allow_host_path)) {
    if (path.front() != '/') {
      return fmt::format("--allow-host-path takes absolute paths, not \"{}\"", cli::Sanitize(path));
    }
    options.allowed_host_paths.push_back(Normal(path));
  }
  return std::nullopt;
}

std::optional<std::string> ReadNames(Options& options) {
  options.instance = FLAGS_instance;
  if (!api::IsDnsLabel(options.instance) || options.instance.size() > kMaxInstance) {
    return fmt::format(
        "--instance must be 1 to {} lower case letters, digits and '-', beginning and ending with "
        "a letter or digit, not \"{}\"",
        kMaxInstance, cli::Sanitize(options.instance));
  }
  options.network = !FLAGS_network.empty()          ? FLAGS_network
                    : options.instance == "ballast" ? "ballast"
                                                    : "ballast-" + options.instance;
  if (!IsNetworkName(options.network) || options.network == "host" || options.network == "none" ||
      options.network == "bridge") {
    return fmt::format("--network must be a name for a Docker network of its own, not \"{}\"",
                       cli::Sanitize(options.network));
  }
  options.subnet = FLAGS_subnet;
  constexpr int kWidest = 8;
  constexpr int kNarrowest = 28;
  if (!options.subnet.empty()) {
    const auto cidr = reconcilers::ParseCidr(options.subnet);
    if (!cidr || cidr->prefix < kWidest || cidr->prefix > kNarrowest) {
      return fmt::format(
          "--subnet must be an IPv4 network from /{} to /{} like 172.30.0.0/16, "
          "not \"{}\"",
          kWidest, kNarrowest, cli::Sanitize(options.subnet));
    }
  }
  return std::nullopt;
}

std::optional<std::string> ReadRest(Options& options) {
  options.manifests = FLAGS_manifests;
  while (options.manifests.size() > 1 && options.manifests.back() == '/') {
    options.manifests.pop_back();
  }
  if (FLAGS_prune == "safe") {
    options.prune = manifests::PruneMode::kSafe;
  } else if (FLAGS_prune == "never") {
    options.prune = manifests::PruneMode::kNever;
  } else if (FLAGS_prune == "always") {
    options.prune = manifests::PruneMode::kAlways;
  } else {
    return fmt::format("--prune is safe, never or always, not \"{}\"", cli::Sanitize(FLAGS_prune));
  }
  options.workers = FLAGS_workers;
  if (options.workers < 1 || options.workers > kMaxWorkers) {
    return fmt::format("--workers must be between 1 and {}, not {}", kMaxWorkers, FLAGS_workers);
  }
  options.debug = FLAGS_log_level == "debug";
  if (FLAGS_log_level == "warning") {
    options.log_threshold = 1;
  } else if (FLAGS_log_level == "error") {
    options.log_threshold = 2;
  } else if (!options.debug && FLAGS_log_level != "info") {
    return fmt::format("--log-level is debug, info, warning or error, not \"{}\"",
                       cli::Sanitize(FLAGS_log_level));
  }
  return std::nullopt;
}

}  // namespace

std::variant<Options, HelpWanted, UsageError> ParseOptions(
    const std::vector<std::string>& arguments) {
  bool help = false;
  auto wrong = ReadFlags(arguments, &help);
  if (help) return HelpWanted{};
  Options options;
  if (!wrong) wrong = ReadRest(options);
  if (!wrong) wrong = ReadNames(options);
  if (!wrong) wrong = ReadPaths(options);
  if (!wrong) wrong = ReadMetricsAddress(FLAGS_metrics_address, options);
  if (!wrong) wrong = ReadListen(options);
  if (wrong) return UsageError{std::move(*wrong)};
  return options;
}

std::vector<FlagDescription> ControllerFlags() {
  std::vector<FlagDescription> flags;
  for (const std::string& name : Names()) {
    const auto info = gflags::GetCommandLineFlagInfoOrDie(name.c_str());
    flags.push_back({Shown(name), info.default_value, info.description});
  }
  return flags;
}

std::string ControllerHelp() {
  std::string text =
      "Runs the controller: applies the manifests in a directory, follows their changes, and "
      "keeps\n"
      "what they describe. It runs on Docker's own machine, in the foreground, and logs to "
      "standard\n"
      "error. Ending it (SIGTERM, SIGINT) leaves replicas and load balancers running.\n\n"
      "usage: ballast controller --manifests DIR [FLAG...]\n\n";
  for (const FlagDescription& flag : ControllerFlags()) {
    const std::string value =
        flag.default_value.empty() ? "" : fmt::format(" (default: {})", flag.default_value);
    constexpr std::size_t kWidth = 98;
    text += fmt::format("  {}\n{}", flag.name, Wrap(flag.help + value, "      ", kWidth));
  }
  text +=
      "  -v\n      the same as --log-level debug\n  -h, --help\n      print this\n\n"
      "exit codes: 0 ended by a signal, 1 cannot run (another controller, Docker too old or "
      "rootless,\na directory that cannot be written), 2 wrong usage\n";
  return text;
}

}  // namespace ballast::cmd
