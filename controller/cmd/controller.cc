#include "controller/cmd/controller.h"

#include <arpa/inet.h>

#include <fmt/format.h>
#include <bit>
#include <fstream>
#include <sstream>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/http_server.h"
#include "controller/cmd/lock_file.h"
#include "controller/cmd/status_reporter.h"
#include "controller/docker/docker_engine.h"
#include "controller/haproxy/data_plane_factory.h"
#include "controller/manifests/manifest_source.h"
#include "controller/metrics/prometheus_metrics.h"
#include "controller/probe/probe_monitor.h"
#include "controller/runtime/container_cache.h"
#include "controller/runtime/event_log.h"
#include "controller/runtime/job_pool.h"
#include "controller/runtime/log.h"
#include "controller/runtime/manager.h"
#include "controller/runtime/status_table.h"
#include "controller/runtime/system_clock.h"
#include "controller/store/address_file.h"
#include "reconcilers/loadbalancer/reconciler.h"
#include "reconcilers/loadbalancer/traffic_manager.h"
#include "reconcilers/webapp/address_pool.h"
#include "reconcilers/webapp/labelled_apps.h"
#include "reconcilers/webapp/reconciler.h"
#include "reconcilers/webapp/replica_network.h"

namespace ballast::cmd {
namespace {

// The IPv4 networks of the host's routing table, without the default route.
std::vector<std::string> HostRoutes() {
  std::vector<std::string> routes;
  std::ifstream table("/proc/net/route");
  std::string line;
  std::getline(table, line);  // headings
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string device;
    std::string gateway;
    std::uint32_t destination = 0;
    std::uint32_t mask = 0;
    int ignored = 0;
    fields >> device >> std::hex >> destination >> gateway >> ignored >> ignored >> ignored >>
        ignored >> mask;
    if (!fields || mask == 0) continue;
    routes.push_back(reconcilers::FormatIpv4(ntohl(destination)) + "/" +
                     std::to_string(std::popcount(mask)));
  }
  return routes;
}

using runtime::Log;
using runtime::LogLevel;
using std::chrono::milliseconds;

constexpr mode_t kSocketMode = 0660;
constexpr milliseconds kGrace{1'000};  // for what runs when it is time to stop
constexpr milliseconds kDockerRetry{500};
constexpr std::chrono::seconds kSayAgain{60};

manifests::ManifestOptions ManifestOptionsOf(const Options& options) {
  return {.dir = options.manifests,
          .prune = options.prune,
          .state_dir = options.state_dir,
          .decode = {.allowed_host_paths = options.allowed_host_paths}};
}

docker::DockerOptions DockerOptionsOf(const Options& options, reconcilers::Metrics& metrics) {
  return {.socket_path = options.docker_socket,
          .registry_config = options.registry_config,
          .metrics = &metrics};
}

// False when it was stopped.
bool Sleep(const std::stop_token& stop, milliseconds duration) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

// In the order in which they are made; what comes later uses what came before.
struct Controller::Parts {
  Parts(const Options& options, const std::string& version)
      : metrics(version),
        events(clock, metrics),
        table(clock),
        engine(docker::NewDockerEngine(DockerOptionsOf(options, metrics))),
        manager(clock, metrics, {.workers = options.workers, .grace = kGrace}),
        manifests(ManifestOptionsOf(options), clock, manager, events, metrics),
        containers(*engine, clock, manager, metrics),
        desired(manifests, containers),
        jobs(clock, manager, metrics, {.grace = kGrace}),
        probes(*engine, clock, manager, metrics),
        addresses_given_back(options.state_dir + "/addresses.json"),
        addresses(clock, addresses_given_back),
        network(*engine, addresses,
                {.name = options.network,
                 .owner = options.instance,
                 .subnet = options.subnet,
                 .host_routes = HostRoutes()}),
        planes(haproxy::NewDataPlaneFactory(
            {.config_root = options.state_dir, .run_root = options.state_dir + "/run"}, *engine)),
        traffic({.clock = clock,
                 .desired = desired,
                 .containers = containers,
                 .planes = *planes,
                 .enqueuer = manager,
                 .events = events,
                 .metrics = metrics},
                options.instance),
        webapps({.desired = desired,
                 .containers = containers,
                 .engine = *engine,
                 .health = probes,
                 .traffic = traffic,
                 .jobs = jobs,
                 .status = table,
                 .events = events,
                 .metrics = metrics,
                 .clock = clock,
                 .addresses = addresses,
                 .network = network},
                options.instance),
        load_balancers({.desired = desired,
                        .containers = containers,
                        .engine = *engine,
                        .traffic = traffic,
                        .planes = *planes,
                        .jobs = jobs,
                        .status = table,
                        .events = events,
                        .clock = clock},
                       options.instance),
        reporter({.clock = clock,
                  .table = table,
                  .events = events,
                  .containers = containers,
                  .manifests = manifests,
                  .desired = desired,
                  .metrics = metrics},
                 options, version),
        server(metrics) {}

  LockFile lock;
  runtime::SystemClock clock;
  metrics::PrometheusMetrics metrics;
  runtime::EventLog events;
  runtime::StatusTable table;
  std::unique_ptr<reconcilers::Engine> engine;
  runtime::Manager manager;
  manifests::ManifestSource manifests;
  runtime::ContainerCache containers;
  reconcilers::LabelledApps desired;
  runtime::JobPool jobs;
  probe::ProbeMonitor probes;
  store::AddressFile addresses_given_back;
  reconcilers::AddressPool addresses;
  reconcilers::ReplicaNetwork network;
  std::unique_ptr<reconcilers::DataPlaneFactory> planes;
  reconcilers::TrafficManager traffic;
  reconcilers::WebAppReconciler webapps;
  reconcilers::LoadBalancerReconciler load_balancers;
  StatusReporter reporter;
  apiserver::HttpServer server;
  bool busy = false;
};

Controller::Controller(Options options, std::string version)
    : options_(std::move(options)), version_(std::move(version)) {}

Controller::~Controller() = default;

Result<Ending> Controller::Run(const std::stop_token& stop) {
  Log(LogLevel::kInfo, "Controller starts",
      {{"version", version_},
       {"instance", options_.instance},
       {"manifests", options_.manifests},
       {"state_dir", options_.state_dir},
       {"socket", options_.socket}});
  if (auto prepared = Prepare(); !prepared) return std::unexpected(prepared.error());
  if (auto serving = Serve(); !serving) return std::unexpected(serving.error());
  Parts& p = *parts_;
  const auto answers = AwaitDocker(stop);
  if (!answers) return std::unexpected(answers.error());
  if (*answers) {
    if (auto started = p.manager.Start(); !started) return std::unexpected(started.error());
    while (Sleep(stop, std::chrono::hours(1))) continue;
    Log(LogLevel::kInfo, "Controller stops; replicas and load balancers go on");
    if (!p.manager.Stop()) p.busy = true;
  }
  p.server.Stop();
  return p.busy ? Ending::kBusy : Ending::kClean;
}

Result<void> Controller::Prepare() {
  if (auto made = PrepareDirectory("--state-dir", options_.state_dir); !made) return made;
  if (auto made = PrepareDirectory("--run-dir", options_.run_dir); !made) return made;
  parts_ = std::make_unique<Parts>(options_, version_);
  Parts& p = *parts_;
  if (auto locked = p.lock.Acquire(options_.state_dir + "/lock"); !locked) return locked;
  p.containers.OnSynced([this] { EnqueueEverything(); });
  p.manifests.OnAbsenceKnown([this] { EnqueueEverything(); });
  p.manager.Register("WebApp", p.webapps);
  p.manager.Register("LoadBalancer", p.load_balancers);
  const auto nothing_wrong = [](auto start) {
    return [start]() -> Result<void> {
      start();
      return {};
    };
  };
  p.manager.AddPart("jobs", nothing_wrong([&p] { p.jobs.Start(); }), [&p] {
    if (!p.jobs.Stop()) p.busy = true;
  });
  p.manager.AddPart("probes", nothing_wrong([&p] { p.probes.Start(); }), [&p] { p.probes.Stop(); });
  p.manager.AddPart("containers", nothing_wrong([&p] { p.containers.Start(); }),
                    [&p] { p.containers.Stop(); });
  p.manager.AddPart("manifests", nothing_wrong([&p] { p.manifests.Start(); }),
                    [&p] { p.manifests.Stop(); });
  return p.manifests.Load();
}

Result<void> Controller::Serve() {
  Parts& p = *parts_;
  const auto handler = [](apiserver::Router router) {
    return [router = std::move(router)](const apiserver::HttpRequest& request) {
      return router.Route(request);
    };
  };
  if (auto listening = p.server.ListenUnix(options_.socket, kSocketMode,
                                           handler(apiserver::PrivateRouter(p.reporter)));
      !listening) {
    return listening;
  }
  if (!options_.metrics_host.empty()) {
    const auto listening = p.server.ListenTcp(options_.metrics_host, options_.metrics_port,
                                              handler(apiserver::PublicRouter(p.reporter)));
    if (!listening) {
      Log(LogLevel::kWarning, "Metrics are not served over TCP",
          {{"error", listening.error().message},
           {"next_step", "choose another --metrics-address, or \"\" for none"}});
    }
  }
  p.server.Start();
  return {};
}

Result<bool> Controller::AwaitDocker(const std::stop_token& stop) {
  Parts& p = *parts_;
  std::string said;
  reconcilers::Clock::Steady said_at{};
  while (!stop.stop_requested()) {
    const auto version = p.engine->Version();
    if (version) {
      p.reporter.SetDocker(version->version, "");
      Log(LogLevel::kInfo, "Docker Engine answers",
          {{"version", version->version}, {"api", version->api_version}});
      return true;
    }
    const Status& error = version.error();
    // Too old or rootless: waiting does not help.
    if (error.code == Code::kFailedPrecondition) return std::unexpected(error);
    p.reporter.SetDocker("", error.message);
    const auto now = p.clock.Now();
    if (error.message != said || now - said_at > kSayAgain) {
      Log(LogLevel::kWarning, "Docker Engine does not answer; trying again",
          {{"socket", options_.docker_socket},
           {"error", error.message},
           {"next_step", "start dockerd, or name its socket with --docker-host"}});
      said = error.message;
      said_at = now;
    }
    if (!Sleep(stop, kDockerRetry)) break;
  }
  return false;
}

void Controller::EnqueueEverything() {
  Parts& p = *parts_;
  for (const auto& app : p.desired.ListWebApps()) p.manager.Enqueue(app->Key());
  for (const api::ObjectKey& key : p.containers.WebApps()) p.manager.Enqueue(key);
  for (const auto& balancer : p.desired.ListLoadBalancers()) p.manager.Enqueue(balancer->Key());
  p.manager.Enqueue({"LoadBalancer", "", "default"});
}

}  // namespace ballast::cmd
