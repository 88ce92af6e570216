// One pass: observe -> traffic upkeep -> plan the containers -> jobs -> status. The jobs are in
// reconciler_actions.cc.
#include "reconcilers/loadbalancer/reconciler.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/loadbalancer/pass.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kImplied[] = "default";
// A network that no server needs is left only after a while: the next replica may be on it.
constexpr seconds kLeaveAfter{10};

}  // namespace

Presence LoadBalancerReconciler::Find(const std::string& name,
                                      std::shared_ptr<const api::LoadBalancer>& object) const {
  const Presence presence = d_.desired.GetLoadBalancer(name, object);
  if (presence == Presence::kPresent || name != kImplied) return presence;
  // A manifest that cannot be read may hold it; until then the others are served, as if it did not.
  if (presence == Presence::kUnknown && !d_.desired.LookedOnce()) return presence;
  const bool routed = std::ranges::any_of(d_.desired.ListWebApps(), [](const auto& app) {
    return std::ranges::any_of(
        app->spec.routes, [](const api::Route& route) { return route.load_balancer == kImplied; });
  });
  if (!routed && d_.traffic.Of(name).Unused()) return presence;
  auto implied = std::make_shared<api::LoadBalancer>();
  implied->meta.name = name;
  implied->implied = true;
  implied->meta.generation = 0;  // of no object: a deleted one that is still needed gives way to it
  object = std::move(implied);
  return Presence::kPresent;
}

// Two load balancers on the host's network would share a port without a word (SO_REUSEPORT, same
// user): the first by name has it.
std::string LoadBalancerReconciler::PortConflict(const api::LoadBalancer& load_balancer) const {
  std::set<std::uint16_t> ports{load_balancer.spec.stats_port};
  for (const api::Listener& listener : load_balancer.spec.listeners) ports.insert(listener.port);
  ports.erase(0);
  const auto check = [&](const std::string& name,
                         const api::LoadBalancerSpec& spec) -> std::string {
    if (name >= load_balancer.meta.name) return "";
    std::set<std::uint16_t> others{spec.stats_port};
    for (const api::Listener& listener : spec.listeners) others.insert(listener.port);
    for (const std::uint16_t port : ports) {
      if (!others.contains(port)) continue;
      return fmt::format(
          "port {} is LoadBalancer/{}'s already: choose another one in {} of LoadBalancer/{}", port,
          name, port == load_balancer.spec.stats_port ? "spec.stats.port" : "spec.listeners",
          load_balancer.meta.name);
    }
    return "";
  };
  bool implied_default = true;
  for (const auto& other : d_.desired.ListLoadBalancers()) {
    if (other->meta.name == kImplied) implied_default = false;
    if (std::string conflict = check(other->meta.name, other->spec); !conflict.empty()) {
      return conflict;
    }
  }
  std::shared_ptr<const api::LoadBalancer> implied;
  if (implied_default && load_balancer.meta.name != kImplied &&
      Find(kImplied, implied) == Presence::kPresent) {
    return check(kImplied, implied->spec);
  }
  return "";
}

Result<Outcome> LoadBalancerReconciler::Reconcile(const api::ObjectKey& key) {
  if (!d_.containers.Synced()) return Outcome{milliseconds(100)};
  std::shared_ptr<Memory> memory;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = memory_[key.name];
    if (!slot) slot = std::make_shared<Memory>();
    memory = slot;
  }
  LoadBalancerTraffic& traffic = d_.traffic.Of(key.name);
  Pass pass{.key = key, .traffic = traffic, .memory = *memory};
  pass.input = {.load_balancer = key.name, .owner = owner_};
  pass.input.containers = d_.containers.ForLoadBalancer(key.name);
  // What HAProxy still serves decides whether an implied load balancer is needed.
  if (!traffic.Report().answers && !pass.input.containers.empty()) traffic.Tick();
  const Presence presence = Find(key.name, pass.object);
  if (presence == Presence::kUnknown) {
    // Its containers are left alone; its traffic is kept right.
    pass.tick = traffic.Tick();
    return Outcome{pass.tick.again};
  }
  const auto known = d_.planes.Numbers(key.name);
  if (known) {
    pass.input.known = *known;
  } else {
    pass.Problem(known.error().message);
  }
  if (presence == Presence::kAbsent) {
    const InstancePlan plan = PlanInstances(pass.input);
    for (const InstanceAction& action : plan.actions) Execute(pass, action);
    if (plan.actions.empty()) {
      d_.status.Remove(key);
      d_.jobs.Forget("lb/" + key.name + "/");
      const std::lock_guard lock(mutex_);
      memory_.erase(key.name);
    }
    return Outcome{pass.again};
  }

  traffic.SetSpec(pass.object->spec);
  pass.input.spec = &pass.object->spec;
  pass.tick = traffic.Tick();
  if (pass.tick.again) pass.Again(*pass.tick.again);
  const std::string conflict = PortConflict(*pass.object);
  if (!conflict.empty()) pass.Problem(conflict);
  ResolveImage(pass);
  if (!pass.object->spec.host_network) {
    const bool complete = traffic.NeededNetworks(pass.input.networks);
    const auto now = d_.clock.Now();
    if (!complete) {
      memory->may_leave_since.reset();
    } else if (!memory->may_leave_since) {
      memory->may_leave_since = now;
    }
    pass.input.may_leave = memory->may_leave_since && now - *memory->may_leave_since >= kLeaveAfter;
  }
  for (int round = 0; round < 2; ++round) {
    pass.input.serving = traffic.Report().serving;
    pass.took_over = false;
    const InstancePlan plan = PlanInstances(pass.input);
    if (!plan.outage.empty() && memory->told_outage != plan.outage) {
      d_.events.Record(key, EventType::kWarning, api::reason::kLoadBalancerFailed,
                       "its containers are made anew, and connections are cut: " + plan.outage);
    }
    memory->told_outage = plan.outage;
    traffic.SetNetworks(plan.joined);
    for (const InstanceAction& action : plan.actions) {
      const bool creates = action.kind == InstanceAction::Kind::kCreate ||
                           action.kind == InstanceAction::Kind::kCreatePause;
      if (creates && !conflict.empty()) continue;
      Execute(pass, action);
    }
    if (!pass.took_over) break;
  }
  Diagnose(pass);
  if (conflict.empty()) ReloadIfDue(pass, pass.tick);
  Report(pass);
  pass.Again(duration_cast<milliseconds>(kImageCheck));
  return Outcome{pass.again};
}

void LoadBalancerReconciler::ReloadIfDue(Pass& pass, const TrafficTick& tick) {
  const std::string job = "lb/" + pass.key.name + "/reload";
  if (!tick.reload_due) return;
  // Another configuration than the refused one is tried at once.
  if (tick.reload_new && !d_.jobs.Running(job)) d_.jobs.Forget(job);
  StartJob(pass, job, [&traffic = pass.traffic] { return traffic.Reload(); });
}

void LoadBalancerReconciler::Report(Pass& pass) {
  const TrafficReport report = pass.traffic.Report();
  api::LoadBalancerStatus status;
  status.observed_generation = pass.object->meta.generation;
  status.version = report.version;
  status.servers = report.servers;
  status.reloads = report.reloads;
  status.last_reload_reason = report.last_reload_reason;
  status.drift_repaired = report.drift_repaired;
  const auto condition = [&](const char* type, bool value, const char* reason,
                             const std::string& message) {
    api::Condition now{.type = type,
                       .status = value ? api::ConditionStatus::kTrue : api::ConditionStatus::kFalse,
                       .reason = reason,
                       .message = message,
                       .last_transition = d_.clock.WallNow()};
    api::Condition& last = pass.memory.conditions[type];
    if (last.type == now.type && last.status == now.status) {
      now.last_transition = last.last_transition;
    }
    last = now;
    status.conditions.push_back(std::move(now));
  };
  std::string silence;
  if (!report.answers) {
    silence = !pass.problem.empty() ? pass.problem : pass.tick.away;
  }
  condition("Available", report.answers,
            report.answers ? api::reason::kAsExpected : api::reason::kLoadBalancerFailed, silence);
  condition("Progressing", !report.waiting.empty(),
            report.waiting.empty() ? api::reason::kAsExpected : api::reason::kReloadPending,
            report.waiting);
  std::string problem = pass.problem;
  const char* reason = api::reason::kLoadBalancerFailed;
  if (!report.refused.empty()) {
    problem = report.refused;
    reason = api::reason::kReloadRefused;
  } else if (problem.empty() && !report.secret_problems.empty()) {
    problem = report.secret_problems.front();
    reason = api::reason::kCertificateInvalid;
  } else if (problem.empty() && !report.conflicts.empty()) {
    problem = report.conflicts.front();
  }
  condition("Degraded", !problem.empty(), problem.empty() ? api::reason::kAsExpected : reason,
            problem);
  if (report.uses_certificates || !report.secret_problems.empty()) {
    const bool good = report.secret_problems.empty();
    std::vector<std::string> said = report.secret_problems;
    said.insert(said.end(), report.expiring.begin(), report.expiring.end());
    condition("CertificatesReady", good,
              !good                     ? api::reason::kCertificateInvalid
              : report.expiring.empty() ? api::reason::kAsExpected
                                        : api::reason::kCertificateExpiring,
              fmt::format("{}", fmt::join(said, "; ")));
  }
  if (!pass.problem.empty() && pass.memory.told_problem != pass.problem) {
    d_.events.Record(pass.key, EventType::kWarning, api::reason::kLoadBalancerFailed, pass.problem);
  }
  pass.memory.told_problem = pass.problem;
  d_.status.SetLoadBalancer(pass.key, std::move(status));
}

}  // namespace ballast::reconcilers
