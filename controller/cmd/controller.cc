#include "controller/cmd/controller.h"

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "controller/apiserver/audit_log.h"
#include "controller/apiserver/config_reader.h"
#include "controller/apiserver/decisions.h"
#include "controller/apiserver/endpoints.h"
#include "controller/apiserver/http_server.h"
#include "controller/apiserver/load_api.h"
#include "controller/apiserver/management.h"
#include "controller/apiserver/namespace_reaper.h"
#include "controller/apiserver/object_cache.h"
#include "controller/apiserver/pod_logs.h"
#include "controller/apiserver/pod_metrics.h"
#include "controller/apiserver/publisher.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/tokens.h"
#include "controller/apiserver/watch.h"
#include "controller/cmd/api_door.h"
#include "controller/cmd/host_routes.h"
#include "controller/cmd/load_reporter.h"
#include "controller/cmd/lock_file.h"
#include "controller/cmd/registry_scaler.h"
#include "controller/cmd/status_reporter.h"
#include "controller/cmd/store_sink.h"
#include "controller/cmd/uid.h"
#include "controller/docker/docker_engine.h"
#include "controller/external/prometheus_queries.h"
#include "controller/haproxy/data_plane_factory.h"
#include "controller/manifests/manifest_applier.h"
#include "controller/manifests/manifest_source.h"
#include "controller/metrics/prometheus_metrics.h"
#include "controller/probe/probe_monitor.h"
#include "controller/runtime/container_cache.h"
#include "controller/runtime/event_log.h"
#include "controller/runtime/job_pool.h"
#include "controller/runtime/load_monitor.h"
#include "controller/runtime/log.h"
#include "controller/runtime/manager.h"
#include "controller/runtime/resource_monitor.h"
#include "controller/runtime/status_table.h"
#include "controller/runtime/system_clock.h"
#include "controller/runtime/task_thread.h"
#include "controller/runtime/time_zone_files.h"
#include "controller/store/address_file.h"
#include "controller/store/load_db.h"
#include "controller/store/memory_store.h"
#include "controller/store/sqlite_store.h"
#include "reconcilers/autoscaler/reconciler.h"
#include "reconcilers/loadbalancer/reconciler.h"
#include "reconcilers/loadbalancer/traffic_manager.h"
#include "reconcilers/webapp/address_pool.h"
#include "reconcilers/webapp/labelled_apps.h"
#include "reconcilers/webapp/reconciler.h"
#include "reconcilers/webapp/replica_network.h"

namespace ballast::cmd {
namespace {

using runtime::Log;
using runtime::LogLevel;
using std::chrono::milliseconds;

constexpr mode_t kSocketMode = 0660;
constexpr milliseconds kGrace{1'000};  // for what runs when it is time to stop
constexpr milliseconds kDockerRetry{500};
constexpr std::chrono::seconds kSayAgain{60};

const runtime::TimeZoneFiles& MachineZones() {
  static const runtime::TimeZoneFiles zones;
  return zones;
}

api::DecodeOptions DecodeOptionsOf(const Options& options) {
  return {.allowed_host_paths = options.allowed_host_paths,
          .all_kinds = true,
          .features = api::Features::All(),
          .knows_time_zone = [](std::string_view name) {
            return MachineZones().Find(name) != nullptr;
          }};
}

// What is in the store was allowed when it came; a flag that is missing today takes nothing away.
api::DecodeOptions StoredDecodeOptions() {
  return {.allowed_host_paths = {"/"}, .all_kinds = true, .features = api::Features::All()};
}

manifests::ManifestOptions ManifestOptionsOf(const Options& options) {
  return {.dir = options.manifests,
          .prune = options.prune,
          .state_dir = options.state_dir,
          .decode = DecodeOptionsOf(options)};
}

docker::DockerOptions DockerOptionsOf(const Options& options, reconcilers::Metrics& metrics) {
  return {.socket_path = options.docker_socket,
          .registry_config = options.registry_config,
          .metrics = &metrics};
}

// Milliseconds: no controller writes more often than that, so none meets its predecessor's.
std::uint64_t FirstTransientRevision(api::Time now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count());
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
  Parts(const Options& options, const std::string& version,
        std::unique_ptr<reconcilers::Store> opened)
      : metrics(version),
        log(clock, metrics),
        table(clock),
        store(std::move(opened)),
        transient(clock, {}, FirstTransientRevision(clock.WallNow())),
        registry({.durable = *store,
                  .transient = transient,
                  .clock = clock,
                  .new_uid = NewUid,
                  .executor = [this](std::function<void()> task) { tasks.Post(std::move(task)); },
                  .decode = DecodeOptionsOf(options)}),
        events({.registry = registry,
                .clock = clock,
                .table = table,
                .log = log,
                .instance = options.instance}),
        engine(docker::NewDockerEngine(DockerOptionsOf(options, metrics))),
        manager(clock, metrics, {.workers = options.workers, .grace = kGrace}),
        config(*store),
        sink(registry, StoredDecodeOptions()),
        objects({.store = *store,
                 .enqueuer = manager,
                 .events = events,
                 .decode = StoredDecodeOptions(),
                 .waits_for_more = [this] { return applier && !applier->AppliedOnce(); }}),
        containers(*engine, clock, manager, metrics),
        resources(*engine, containers, clock, {.owner = options.instance, .grace = kGrace}),
        desired(objects, containers),
        jobs(clock, manager, metrics, {.grace = kGrace}),
        probes(*engine, clock, manager, metrics),
        addresses_given_back(options.state_dir + "/addresses.json"),
        addresses(clock, addresses_given_back),
        network(*engine, addresses,
                {.name = options.network,
                 .owner = options.instance,
                 .subnet = options.subnet,
                 .host_routes = HostRoutes()}),
        planes(haproxy::NewDataPlaneFactory({.config_root = options.state_dir,
                                             .run_root = options.state_dir + "/run",
                                             .held =
                                                 [this](const api::ObjectKey&) {
                                                   const std::lock_guard lock(held_mutex);
                                                   if (hears_held) loads.SampleSoon();
                                                 }},
                                            *engine)),
        traffic({.clock = clock,
                 .desired = desired,
                 .containers = containers,
                 .planes = *planes,
                 .enqueuer = manager,
                 .events = events,
                 .metrics = metrics,
                 .config = config},
                options.instance),
        webapps({.desired = desired,
                 .containers = containers,
                 .engine = *engine,
                 .health = probes,
                 .traffic = traffic,
                 .jobs = jobs,
                 .status = events,
                 .events = events,
                 .metrics = metrics,
                 .clock = clock,
                 .addresses = addresses,
                 .network = network,
                 .config = config},
                options.instance),
        load_balancers({.desired = desired,
                        .containers = containers,
                        .engine = *engine,
                        .traffic = traffic,
                        .planes = *planes,
                        .jobs = jobs,
                        .status = events,
                        .events = events,
                        .clock = clock},
                       options.instance),
        prometheus(clock, metrics),
        scaler(registry),
        load_history(options.state_dir + "/load.db", clock),
        loads(
            {.clock = clock,
             .source = traffic,
             .desired = desired,
             .history = load_history,
             .enqueuer = manager,
             .metrics = metrics,
             .resources = [this](const api::ObjectKey& app) { return resources.Resources(app); }}),
        autoscalers({.desired = desired,
                     .load = loads,
                     .external = prometheus,
                     .history = load_history,
                     .scaler = scaler,
                     .status = events,
                     .events = events,
                     .metrics = metrics,
                     .clock = clock,
                     .zones = MachineZones()}),
        decisions(registry, load_history),
        load_reporter(loads, load_history, desired),
        reaper(registry),
        reporter({.clock = clock,
                  .table = table,
                  .events = log,
                  .containers = containers,
                  .manifests = manifests,
                  .desired = desired,
                  .metrics = metrics},
                 options, version),
        load_api(load_reporter, clock),
        hub(clock),
        tokens(*store, clock),
        audit(options.state_dir + "/audit.log", clock),
        management(
            {.tokens = tokens,
             .store = *store,
             .scratch_dir = options.state_dir,
             .endpoint = [this] { return door.Endpoint(); },
             .audit = [this](const apiserver::AuditRecord& record) { audit.Write(record); },
             .otherwise =
                 [router = apiserver::PrivateRouter(reporter)](
                     const apiserver::HttpRequest& request) { return router.Route(request); }}),
        logs(*engine, clock, options.instance),
        pod_metrics(registry, resources, clock),
        rest({.registry = registry,
              .hub = hub,
              .clock = clock,
              .version = version,
              .authenticate =
                  [this](const apiserver::HttpRequest& request) {
                    return door.Authenticate(request);
                  },
              .audit = [this](const apiserver::AuditRecord& record) { audit.Write(record); },
              .readers = {{"log",
                           [this](const apiserver::RequestInfo& info,
                                  const apiserver::HttpRequest& request,
                                  const apiserver::Respond& respond) {
                             logs.Handle(info, request, respond);
                           }},
                          {"decisions",
                           [this](const apiserver::RequestInfo& info,
                                  const apiserver::HttpRequest& request,
                                  const apiserver::Respond& respond) {
                             decisions.Handle(info, request, respond);
                           }}},
              .pod_metrics =
                  [this](const apiserver::RequestInfo& info, const apiserver::HttpRequest& request,
                         const apiserver::Respond& respond) {
                    pod_metrics.Handle(info, request, respond);
                  },
              .other =
                  [this](const apiserver::User& user, apiserver::HttpRequest request,
                         apiserver::Respond respond) {
                    auto load = load_api.Handle(request);
                    respond(load ? std::move(*load) : management.Handle(user, request));
                  }}),
        server(metrics),
        door(options, server, tokens, clock) {
    if (options.manifests.empty()) return;
    applier = std::make_unique<manifests::ManifestApplier>(sink, clock, events, metrics);
    manifests = std::make_unique<manifests::ManifestSource>(ManifestOptionsOf(options), clock,
                                                            *applier, sink, events, metrics);
    applier->Attach(*manifests);
  }

  runtime::SystemClock clock;
  metrics::PrometheusMetrics metrics;
  runtime::EventLog log;
  runtime::StatusTable table;
  std::unique_ptr<reconcilers::Store> store;
  store::MemoryStore transient;
  apiserver::Registry registry;
  apiserver::Publisher events;  // and statuses
  std::unique_ptr<reconcilers::Engine> engine;
  runtime::Manager manager;
  apiserver::StoredConfig config;
  StoreSink sink;
  // Null without --manifests.
  std::unique_ptr<manifests::ManifestApplier> applier;
  std::unique_ptr<manifests::ManifestSource> manifests;
  apiserver::ObjectCache objects;
  runtime::ContainerCache containers;
  runtime::ResourceMonitor resources;
  reconcilers::LabelledApps desired;
  runtime::JobPool jobs;
  probe::ProbeMonitor probes;
  store::AddressFile addresses_given_back;
  reconcilers::AddressPool addresses;
  reconcilers::ReplicaNetwork network;
  // What HAProxy says comes on a thread of the planes', which outlives the load monitor.
  std::mutex held_mutex;
  bool hears_held = false;  // guarded by held_mutex
  std::unique_ptr<reconcilers::DataPlaneFactory> planes;
  reconcilers::TrafficManager traffic;
  reconcilers::WebAppReconciler webapps;
  reconcilers::LoadBalancerReconciler load_balancers;
  external::PrometheusQueries prometheus;
  RegistryScaler scaler;
  store::LoadDb load_history;
  runtime::LoadMonitor loads;
  reconcilers::AutoscalerReconciler autoscalers;
  apiserver::Decisions decisions;
  LoadReporter load_reporter;
  apiserver::NamespaceReaper reaper;
  StatusReporter reporter;
  apiserver::LoadApi load_api;
  apiserver::WatchHub hub;
  apiserver::Tokens tokens;
  apiserver::AuditLog audit;
  apiserver::Management management;
  apiserver::PodLogs logs;
  apiserver::PodMetrics pod_metrics;
  apiserver::RestHandler rest;
  apiserver::HttpServer server;
  ApiDoor door;
  // Last to be made, first to go: what it runs uses the others.
  runtime::TaskThread tasks;
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
  if (auto loaded = Load(); !loaded) return std::unexpected(loaded.error());
  if (auto serving = Serve(); !serving) {
    Stop();
    return std::unexpected(serving.error());
  }
  Parts& p = *parts_;
  const auto answers = AwaitDocker(stop);
  if (answers && *answers) {
    if (auto started = p.manager.Start(); !started) {
      Stop();
      return std::unexpected(started.error());
    }
    while (Sleep(stop, std::chrono::hours(1))) continue;
    Log(LogLevel::kInfo, "Controller stops; replicas and load balancers go on");
    if (!p.manager.Stop()) p.busy = true;
  }
  Stop();
  if (!answers) return std::unexpected(answers.error());
  return p.busy ? Ending::kBusy : Ending::kClean;
}

Result<void> Controller::Prepare() {
  if (auto made = PrepareDirectory("--state-dir", options_.state_dir); !made) return made;
  if (auto made = PrepareDirectory("--run-dir", options_.run_dir); !made) return made;
  if (auto locked = lock_.Acquire(options_.state_dir + "/lock"); !locked) return locked;
  static const runtime::SystemClock kClock;
  auto store = store::SqliteStore::Open({.path = options_.state_dir + "/ballast.db"}, kClock);
  if (!store) {
    return Error(store.error().code,
                 store.error().message + "; web apps and load balancers go on as they are");
  }
  parts_ = std::make_unique<Parts>(options_, version_, std::move(*store));
  Parts& p = *parts_;
  p.containers.OnSynced([this] { EnqueueEverything(); });
  p.manager.Register("WebApp", p.webapps);
  p.manager.Register("LoadBalancer", p.load_balancers);
  p.manager.Register("Autoscaler", p.autoscalers);
  p.manager.Register("Namespace", p.reaper);
  // What refers to a Secret or ConfigMap is looked at when that changes: who does is soon found
  // out.
  for (const char* resource : {"secrets", "configmaps"}) {
    p.objects.OnChange(resource, [&p](const reconcilers::StoreChange& change) {
      for (const auto& app : p.objects.ListWebApps()) {
        if (app->meta.ns == change.key.ns) p.manager.Enqueue(app->Key());
      }
      if (change.key.resource != "secrets") return;
      for (const auto& balancer : p.objects.ListLoadBalancers()) p.manager.Enqueue(balancer->Key());
    });
  }
  p.objects.OnChange("namespaces", [&p](const reconcilers::StoreChange& change) {
    p.manager.Enqueue({"Namespace", "", change.key.name});
  });
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
  p.manager.AddPart("resources", nothing_wrong([&p] { p.resources.Start(); }), [&p] {
    if (!p.resources.Stop()) p.busy = true;
  });
  p.manager.AddPart("containers", nothing_wrong([&p] { p.containers.Start(); }),
                    [&p] { p.containers.Stop(); });
  p.manager.AddPart("prometheus", nothing_wrong([&p] { p.prometheus.Start(); }), [&p] {
    if (!p.prometheus.Stop()) p.busy = true;
  });
  const auto hear_held = [&p](bool hears) {
    const std::lock_guard lock(p.held_mutex);
    p.hears_held = hears;
  };
  p.manager.AddPart("loads", nothing_wrong([&p, hear_held] {
                      p.loads.Start();
                      hear_held(true);
                    }),
                    [&p, hear_held] {
                      hear_held(false);
                      p.loads.Stop();
                    });
  if (p.manifests != nullptr) {
    p.applier->OnAppliedOnce([this] { EnqueueEverything(); });
    for (const apiserver::Resource& resource : apiserver::AllResources()) {
      if (resource.writers != apiserver::Writers::kUsers) continue;
      p.objects.OnChange(resource.plural,
                         [&p, kind = resource.kind](const reconcilers::StoreChange& change) {
                           p.applier->ObjectChanged({kind, change.key.ns, change.key.name});
                         });
    }
    p.manager.AddPart("applier", nothing_wrong([&p] { p.applier->Start(); }),
                      [&p] { p.applier->Stop(); });
    p.manager.AddPart("manifests", nothing_wrong([&p] { p.manifests->Start(); }),
                      [&p] { p.manifests->Stop(); });
  }
  return {};
}

Result<void> Controller::Load() {
  Parts& p = *parts_;
  if (auto opened = p.audit.Open(); !opened) return opened;
  if (auto key = p.config.LoadKey(options_.state_dir + "/digest.key"); !key) return key;
  if (auto loaded = p.registry.Load(); !loaded) return loaded;
  if (auto loaded = p.objects.Load(); !loaded) return loaded;
  if (p.manifests != nullptr) {
    if (auto loaded = p.manifests->Load(); !loaded) return loaded;
  }
  p.hub.Start({p.store.get(), &p.transient});
  p.events.Start();
  p.objects.Start();
  return {};
}

// Nothing new comes in, then what is under way is written down.
void Controller::Stop() {
  Parts& p = *parts_;
  p.door.Close();
  p.server.Stop();
  p.objects.Stop();
  p.events.Stop();
  p.hub.Stop();
  p.store->Close();
  p.transient.Close();
  p.tasks.Stop();
}

Result<void> Controller::Serve() {
  Parts& p = *parts_;
  const auto api = [&p](apiserver::HttpRequest request, apiserver::Respond respond) {
    p.rest.Handle(std::move(request), std::move(respond));
  };
  if (auto listening = p.server.ListenUnix(options_.socket, kSocketMode, api, ApiListenerOptions());
      !listening) {
    return listening;
  }
  if (auto open = p.door.Open(api); !open) return open;
  if (!options_.metrics_host.empty()) {
    const auto listening = p.server.ListenTcp(
        options_.metrics_host, options_.metrics_port,
        apiserver::Synchronous(
            [router = apiserver::PublicRouter(p.reporter)](const apiserver::HttpRequest& request) {
              return router.Route(request);
            }));
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
  for (const auto& autoscaler : p.desired.ListAutoscalers()) p.manager.Enqueue(autoscaler->Key());
  for (const api::ObjectKey& key : p.objects.Deleting()) p.manager.Enqueue(key);
  // One that was being emptied when the last controller ended.
  const auto namespaces =
      p.store->List({.resource = "namespaces", .ns = "", .start_after = {}, .limit = 0});
  if (namespaces) {
    for (const auto& item : namespaces->items) {
      p.manager.Enqueue({"Namespace", "", item.key.name});
    }
  }
  p.manager.Enqueue({"LoadBalancer", "", "default"});
}

}  // namespace ballast::cmd
