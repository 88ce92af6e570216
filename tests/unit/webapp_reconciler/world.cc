#include "tests/unit/webapp_reconciler/world.h"

#include <algorithm>
#include <utility>

#include "api/codec.h"
#include "reconcilers/webapp/container_spec.h"
#include "reconcilers/webapp/rollout.h"

namespace ballast::reconcilers {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLongestStep{1'000};

}  // namespace

WebAppWorld::WebAppWorld() {
  engine.AddImage("shop:1");
  engine.Subscribe([this](const EngineEvent& event) {
    if (event.type != "container") return;
    static_cast<void>(lister.Refresh(event.id));  // fails while the engine is down: seen later
    const auto info = engine.Find(event.attributes.at("name"));
    const bool lives = info && info->state == ContainerState::kRunning;
    if (event.action == "kill" && lives) lister.SetStopping(event.id, true);
  });
  shop.meta.name = "shop";
  shop.spec.replicas = 2;
  shop.spec.routes = {{.host = "shop.test"}};
  shop.spec.pod_template.emplace();
  shop.spec.pod_template->containers.resize(1);
  shop.spec.pod_template->containers[0].name = "web";
  shop.spec.pod_template->containers[0].image = "shop:1";
  shop.spec.pod_template->containers[0].ports = {{.container_port = 8080}};
  Restart();
  health.SetDefault({.started = true, .ready = true, .alive = true, .decided = true});
}

void WebAppWorld::Restart() {
  traffic.ForgetContainers();
  reconciler.reset();
  health = {};
  jobs = std::make_unique<fakes::FakeJobs>(clock);
  addresses = std::make_unique<AddressPool>(clock, journal);
  network = std::make_unique<ReplicaNetwork>(engine, *addresses, NetworkOptions{});
  reconciler = std::make_unique<WebAppReconciler>(WebAppDependencies{.desired = labelled,
                                                                     .containers = lister,
                                                                     .engine = engine,
                                                                     .health = health,
                                                                     .traffic = traffic,
                                                                     .jobs = *jobs,
                                                                     .status = status,
                                                                     .events = events,
                                                                     .metrics = metrics,
                                                                     .clock = clock,
                                                                     .addresses = *addresses,
                                                                     .network = *network,
                                                                     .config = config},
                                                  "ballast");
}

void WebAppWorld::Apply() {
  ++shop.meta.generation;
  desired.Put(shop);
}

void WebAppWorld::Scale(int replicas) {
  shop.spec.replicas = replicas;
  Apply();
}

void WebAppWorld::StartShop(int replicas) {
  Scale(replicas);
  Settle();
  ASSERT_EQ(ShopStatus().in_service_replicas, replicas);
  engine.ClearCalls();
  events.Clear();
  traffic.TakeChanges();
}

WebAppWorld::Wait WebAppWorld::Pass() { return PassOf(shop.Key()); }

WebAppWorld::Wait WebAppWorld::PassOf(const api::ObjectKey& key) {
  const Result<Outcome> outcome = reconciler->Reconcile(key);
  if (outcome) return outcome->requeue_after;
  ADD_FAILURE() << outcome.error().message;
  return std::nullopt;
}

WebAppWorld::Wait WebAppWorld::Step() {
  const Wait wait = Pass();
  jobs->RunAll();
  return wait;
}

void WebAppWorld::StepFor(milliseconds duration, milliseconds every) {
  for (const auto end = clock.Now() + duration; clock.Now() < end; clock.Advance(every)) Step();
}

void WebAppWorld::SettleAll(const api::ObjectKey& key) {
  for (int i = 0; i < 300; ++i) {
    const Wait wait = PassOf(key);
    if (jobs->RunAll() > 0) continue;
    if (!wait) return;
    clock.Advance(std::min(*wait, kLongestStep));
  }
  ADD_FAILURE() << "does not settle";
}

std::string WebAppWorld::Replica(int slot) const {
  return ReplicaName("shop", api::RevisionOf(*shop.spec.pod_template), slot);
}

std::string WebAppWorld::Container(int slot, int attempt) const {
  return ContainerName("ballast", "default", Replica(slot), attempt);
}

std::string WebAppWorld::Id(int slot, int attempt) const {
  const auto info = engine.Find(Container(slot, attempt));
  return info ? info->id : "none";
}

bool WebAppWorld::Runs(int slot, int attempt) const {
  const auto info = engine.Find(Container(slot, attempt));
  return info && info->state == ContainerState::kRunning;
}

std::vector<std::string> WebAppWorld::Running() const {
  std::vector<std::string> names;
  for (const ContainerInfo& info : engine.Containers()) {
    if (info.state == ContainerState::kRunning) names.push_back(info.name);
  }
  return names;
}

void WebAppWorld::NothingIsReady() {
  health.SetDefault({.started = true, .decided = true, .message = "connect: refused"});
}

void WebAppWorld::SetReady(int slot) { health.SetReady(Id(slot), clock.Now()); }

api::WebAppStatus WebAppWorld::ShopStatus() const {
  const auto it = status.webapps.find(shop.Key());
  return it == status.webapps.end() ? api::WebAppStatus{} : it->second.status;
}

api::Condition WebAppWorld::FindCondition(const std::string& type) const {
  for (const api::Condition& condition : ShopStatus().conditions) {
    if (condition.type == type) return condition;
  }
  return {};
}

std::string WebAppWorld::Condition(const std::string& type) const {
  static constexpr const char* kWords[] = {"True ", "False ", "Unknown "};
  const api::Condition condition = FindCondition(type);
  return kWords[static_cast<int>(condition.status)] + condition.reason;
}

std::vector<std::string> WebAppWorld::Rows() const {
  std::vector<std::string> rows;
  const auto it = status.webapps.find(shop.Key());
  if (it == status.webapps.end()) return rows;
  for (const api::ReplicaStatus& row : it->second.replicas) {
    const std::string slot = row.name.substr(row.name.rfind('-') + 1);
    rows.push_back(slot + " " + row.phase + " " + row.server_state);
  }
  return rows;
}

int WebAppWorld::Count(const std::string& call) const {
  const std::vector<std::string> calls = engine.Calls();
  return static_cast<int>(std::ranges::count(calls, call));
}

}  // namespace ballast::reconcilers
