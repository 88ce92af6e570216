// loadgen: the load generator of the fault tests by hand. One line on stdout, or JSON with --json;
// exit code 0 when nothing failed or was cut, 1 when something did, 2 for a wrong call.
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include "tests/fault/loadgen/load.h"
#include "tests/fault/loadgen/long_lived.h"

namespace {

using ballast::loadgen::Load;
using ballast::loadgen::LongLived;

constexpr char kUsage[] =
    R"(loadgen [options]: requests at a fixed rate, whatever the answers; all but 200 is a failure
  --address=127.0.0.1  --port=80      where to (an IP address)
  --host=NAME --path=/ --cookie=C     Host header, path and query, Cookie header
  --method=GET --body-bytes=0         POST with so many bytes
  --rate=300 --duration=10            requests per second, seconds (Ctrl-C ends it early)
  --fresh                             a new connection for each request
  --timeout-ms=5000                   later is a failure
  --websockets=0 --event-streams=0    holds so many long-lived connections; --rate=0: only these
  --json --details                    all figures; failures and slowest a line each
)";

std::atomic<bool> g_interrupted{false};

struct Call {
  ballast::loadgen::Options load;
  ballast::loadgen::LongLivedOptions streams{.websockets = 0, .event_streams = 0};
  double duration = 10;
  bool json = false;
  bool details = false;
};

double Number(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0' || !(value >= 0) || value > 1e9) {
    throw std::invalid_argument("'" + text + "' is not a number");
  }
  return value;
}

void Apply(const std::string& name, const std::string& value, Call* call) {
  const auto port = [&value] {
    const double n = Number(value);
    if (n > 65535) throw std::invalid_argument("a port is at most 65535");
    return static_cast<std::uint16_t>(n);
  };
  const auto millis = [&value] {
    return std::chrono::milliseconds(static_cast<long>(Number(value)));
  };
  const auto count = [&value] { return static_cast<std::size_t>(Number(value)); };
  if (name == "--address")
    call->load.address = call->streams.address = value;
  else if (name == "--port")
    call->load.port = call->streams.port = port();
  else if (name == "--host")
    call->load.host = call->streams.host = value;
  else if (name == "--cookie")
    call->load.cookie = call->streams.cookie = value;
  else if (name == "--path")
    call->load.path = value;
  else if (name == "--method")
    call->load.method = value;
  else if (name == "--body-bytes")
    call->load.body_bytes = count();
  else if (name == "--rate")
    call->load.rate = Number(value);
  else if (name == "--duration")
    call->duration = Number(value);
  else if (name == "--fresh")
    call->load.keep_alive = false;
  else if (name == "--timeout-ms")
    call->load.timeout = call->streams.timeout = millis();
  else if (name == "--websockets")
    call->streams.websockets = count();
  else if (name == "--event-streams")
    call->streams.event_streams = count();
  else if (name == "--json")
    call->json = true;
  else if (name == "--details")
    call->details = true;
  else
    throw std::invalid_argument("unknown option " + name);
}

int Run(const Call& call) {
  std::optional<Load> load;
  std::optional<LongLived> streams;
  const bool long_lived = call.streams.websockets + call.streams.event_streams > 0;
  if (long_lived) streams.emplace(call.streams).Start();
  if (call.load.rate > 0) load.emplace(call.load).Start();
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(call.duration);
  while (!g_interrupted && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  bool failed = false;
  std::string json;
  if (load) {
    const auto report = load->Stop();
    failed = report.failed > 0;
    json = "\"load\": " + report.Json();
    if (!call.json) std::puts((call.details ? report.Details() : report.Summary()).c_str());
  }
  if (streams) {
    const auto report = streams->Stop();
    failed = failed || report.Cut() > 0;
    json += (json.empty() ? "" : ",\n") + std::string("\"longLived\": ") + report.Json();
    if (!call.json) std::puts((call.details ? report.Details() : report.Summary()).c_str());
  }
  if (call.json) std::puts(("{" + json + "}").c_str());
  return failed ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, [](int) { g_interrupted = true; });
  signal(SIGTERM, [](int) { g_interrupted = true; });
  try {
    Call call;
    for (int i = 1; i < argc; ++i) {
      const std::string argument = argv[i];
      if (argument == "--help" || argument == "-h") return std::fputs(kUsage, stdout) < 0;
      const auto equals = argument.find('=');
      Apply(argument.substr(0, equals),
            equals == std::string::npos ? "" : argument.substr(equals + 1), &call);
    }
    return Run(call);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "loadgen: %s\n%s", e.what(), kUsage);
    return 2;
  }
}
