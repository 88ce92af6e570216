// The figures of docs/benchmarks.md, measured on the real Docker Engine and the real HAProxy:
//   bench latency | footprint | throughput | all      prints one Markdown table each.
// Run by hack/bench. Bounded in time; removes what it made.
#include <fmt/format.h>

#include <unistd.h>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/bench/histogram.h"
#include "tests/fault/harness/stack.h"

namespace ballast::bench {
namespace {

using fault::App;
using fault::Eventually;
using fault::RunFor;
using fault::Stack;
using std::chrono::milliseconds;
using std::chrono::seconds;

void Say(const std::string& text) { fmt::print(stderr, "bench: {}\n", text); }

void Must(bool done, const std::string& what, Stack& stack) {
  if (!done) throw std::runtime_error(what + "\n" + stack.Log());
}

void Row(const std::string& what, const Histogram& h, double bar_ms) {
  fmt::print("| {} | {:.0f} | {:.2f} | {:.2f} | {:.1f} | {} |\n", what, h.count,
             h.Quantile(0.5) * 1000, h.Quantile(0.99) * 1000, h.Max() * 1000, bar_ms);
  std::fflush(stdout);
}

constexpr int kReplicas = 20;
constexpr char kDeath[] = "ballast_die_to_out_of_rotation_seconds";

// 20 replicas become ready, each crashes once, all leave. With `settle` each crash waits until the
// one before is made good; else they come as fast as they can, while Docker makes replacements.
void CrashRound(Stack& stack, App& app, bool settle) {
  app.replicas = kReplicas;
  stack.Apply(app);
  Must(stack.WaitSettled("shop", kReplicas, seconds(120)), "scaling up does not end", stack);
  double killed = ParseHistogram(stack.Metrics(), kDeath).count;
  // Not `docker kill`, whose own event comes before the one that is measured: a crash.
  for (const std::string& name : stack.Containers("shop")) {
    kill(std::stoi(stack.Docker({"inspect", "--format", "{{.State.Pid}}", name})), SIGKILL);
    if (!settle) continue;
    ++killed;
    Must(Eventually([&] { return ParseHistogram(stack.Metrics(), kDeath).count >= killed; },
                    seconds(30)),
         "a replica that was killed is not missed", stack);
    Must(stack.WaitSettled("shop", kReplicas, seconds(120)), "the killed do not come back", stack);
  }
  Must(stack.WaitSettled("shop", kReplicas, seconds(120)), "the killed do not come back", stack);
  app.replicas = 0;
  stack.Apply(app);
  Must(Eventually([&] { return stack.Containers("shop", false).empty(); }, seconds(120)),
       "scaling down does not end", stack);
}

void Latency() {
  constexpr int kRounds = 10;
  Stack stack;
  App app;
  app.replicas = 1;
  stack.Apply(app);
  stack.StartController();
  Must(stack.WaitSettled("shop", 1), "the first replica does not serve", stack);
  const Histogram ready_before =
      ParseHistogram(stack.Metrics(), "ballast_ready_to_in_service_seconds");
  const int reloads = stack.Reloads();
  for (int round = 0; round < kRounds; ++round) {
    Say(fmt::format("latency: single crashes, round {} of {}", round + 1, kRounds));
    CrashRound(stack, app, true);
  }
  const Histogram single = ParseHistogram(stack.Metrics(), kDeath);
  for (int round = 0; round < kRounds; ++round) {
    Say(fmt::format("latency: bursts of crashes, round {} of {}", round + 1, kRounds));
    CrashRound(stack, app, false);
  }
  const std::string page = stack.Metrics();
  fmt::print("\n| | events | p50 ms | p99 ms | max below ms | bar (p99) ms |\n");
  fmt::print("|---|---|---|---|---|---|\n");
  Row("replica ready -> in rotation",
      ParseHistogram(page, "ballast_ready_to_in_service_seconds").Minus(ready_before), 50);
  Must(single.count >= 200, "too few `die` events were measured", stack);
  Row("`die` event -> out of rotation, one crash at a time", single, 10);
  Row("`die` event -> out of rotation, 20 crashes in a row while Docker makes replacements",
      ParseHistogram(page, kDeath).Minus(single), 10);
  fmt::print("| HAProxy reloads by all of this | {} | | | | 0 |\n", stack.Reloads() - reloads);
}

struct Usage {
  double rss_mib = 0;
  double cpu_seconds = 0;
};

Usage Read(int pid) {
  Usage usage;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) usage.rss_mib = std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string word;
  double ticks = 0;
  for (int i = 3; fields >> word; ++i) {
    if (i == 14 || i == 15) ticks += std::strtod(word.c_str(), nullptr);
  }
  usage.cpu_seconds = ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
  return usage;
}

void Footprint() {
  fmt::print("\n| replicas | RSS MiB | idle CPU, % of a core | bar |\n|---|---|---|---|\n");
  for (const int replicas : {2, 50}) {
    Say(fmt::format("footprint: {} replicas", replicas));
    Stack stack;
    App app;
    app.replicas = replicas;
    app.readiness_probe = false;
    app.more_container = "        readinessProbe: {httpGet: {path: /healthz}, periodSeconds: 10}\n";
    stack.Apply(app);
    stack.StartController();
    Must(stack.WaitSettled("shop", replicas, seconds(180)), "does not settle", stack);
    RunFor(seconds(15));
    const Usage before = Read(stack.controller_pid());
    RunFor(seconds(60));
    const Usage after = Read(stack.controller_pid());
    fmt::print("| {} | {:.1f} | {:.2f} | <= 25 MiB and <= 0.5 % at 100 |\n", replicas,
               after.rss_mib, (after.cpu_seconds - before.cpu_seconds) / 60 * 100);
    std::fflush(stdout);
  }
}

// wrk's own words: "Requests/sec:  1234.5", "     99%    2.34ms" (and "+/- Stdev 87.50%").
std::string Find(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) return "?";
  std::istringstream in(text.substr(at + key.size()));
  std::string word;
  in >> word;
  return word;
}

void Throughput() {
  fmt::print("\n| load balancer | requests/s | p50 | p99 |\n|---|---|---|---|\n");
  for (const bool host : {true, false}) {
    Say(host ? "throughput: host network" : "throughput: bridged");
    Stack stack({.host_network = host});
    App app;
    app.replicas = 2;
    stack.Apply(app);
    stack.StartController();
    Must(stack.WaitSettled("shop", 2), "does not settle", stack);
    const std::string out =
        fault::MustRun({"wrk", "-t1", "-c40", "-d15s", "--latency", "-H", "Host: shop.test",
                        "http://127.0.0.1:" + std::to_string(stack.port()) + "/healthz"});
    fmt::print("| {} | {} | {} | {} |\n", host ? "host's network" : "bridged, published port",
               Find(out, "Requests/sec:"), Find(out, "  50%"), Find(out, "  99%"));
    std::fflush(stdout);
  }
}

int Main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "all";
  const std::string why = Stack::Unavailable();
  if (!why.empty()) {
    Say(why);
    return 1;
  }
  try {
    if (what == "latency" || what == "all") Latency();
    if (what == "footprint" || what == "all") Footprint();
    if (what == "throughput" || what == "all") Throughput();
  } catch (const std::exception& error) {
    Say(error.what());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace ballast::bench

int main(int argc, char** argv) { return ballast::bench::Main(argc, argv); }
