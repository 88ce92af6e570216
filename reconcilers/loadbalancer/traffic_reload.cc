// What only a reload can bring: when it is due, and how it is done; see load_balancer_traffic.h.
#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/haproxy/render.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::BackendModel;
using haproxy::LoadBalancerModel;
using std::chrono::milliseconds;

constexpr int kRounds = 3;

std::string Joined(const std::vector<std::string>& reasons) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> shown(
      reasons.begin(),
      reasons.begin() + static_cast<std::ptrdiff_t>(std::min(reasons.size(), kShown)));
  if (reasons.size() > kShown) shown.push_back(fmt::format("{} more", reasons.size() - kShown));
  return fmt::format("{}", fmt::join(shown, "; "));
}

bool IsRemoval(const std::string& reason) {
  return reason.starts_with("backend ") && reason.ends_with(": removed");
}

}  // namespace

Wishes LoadBalancerTraffic::CurrentWishes() const {
  return {.specs = &wishes_,
          .reported = &reported_,
          .claimed_by_other = [this](const api::Route& route, const std::string& holder) {
            return std::ranges::any_of(d_.desired.ListWebApps(), [&](const auto& app) {
              if (haproxy::BackendName(app->Key()) == holder) return false;
              return std::ranges::any_of(app->spec.routes, [&](const api::Route& other) {
                return other.load_balancer == name_ && SameRoute(other, route);
              });
            });
          }};
}

// Everything as it is wished; web apps that have not spoken keep what they have.
LoadBalancerModel LoadBalancerTraffic::FullTarget() {
  LoadBalancerModel model{.name = name_, .spec = spec_ ? *spec_ : applied_->spec};
  std::set<std::string> names;
  for (const BackendModel& backend : applied_->backends) {
    const api::ObjectKey app = AppOfBackend(backend.name);
    if (withdrawn_.contains(app)) continue;
    BackendModel target = ServersOf(backend, app);
    if (const auto wish = wishes_.find(app); wish != wishes_.end()) {
      target.traffic = wish->second.traffic;
      target.hold_seconds = wish->second.hold_seconds;
    }
    names.insert(target.name);
    model.backends.push_back(std::move(target));
  }
  for (const auto& [app, wish] : wishes_) {
    const std::string name = haproxy::BackendName(app);
    if (!names.insert(name).second) continue;
    model.backends.push_back(
        ServersOf({.name = name, .traffic = wish.traffic, .hold_seconds = wish.hold_seconds}, app));
  }
  for (BackendModel& backend : model.backends) {
    const bool asks = !backend.traffic.basic_auth_secret.empty();
    backend.users = asks ? secrets_.Users(UsersSecret(backend)) : "";
  }
  // Once there, it stays: it costs nothing, and taking it out would cost a reload.
  model.holds = applied_->holds || std::ranges::any_of(model.backends, [](const auto& backend) {
                  return backend.hold_seconds > 0;
                });
  model.certificates = secrets_.Certificates();
  if (model.spec.stats_auth) model.stats_users = secrets_.Users(*model.spec.stats_auth);
  std::ranges::sort(model.backends, {}, &BackendModel::name);
  conflicts_.clear();
  model.routes = TargetRoutes(applied_->routes, CurrentWishes(), names, &conflicts_);
  return model;
}

void LoadBalancerTraffic::UpdateDirty() {
  if (!attached_ || !applied_) return;
  UpdateSecrets();
  const LoadBalancerModel full = FullTarget();
  Dirty dirty{.reasons = haproxy::ReloadReasons(*applied_, full), .since = d_.clock.Now()};
  dirty.removal_only = !dirty.reasons.empty() && std::ranges::all_of(dirty.reasons, IsRemoval) &&
                       must_reload_.empty();
  if (!must_reload_.empty()) dirty.reasons.insert(dirty.reasons.begin(), must_reload_);
  if (!layout_.empty() && !SameLayout(layout_, LayoutOf(full))) {
    dirty.reasons.emplace_back("this version of Ballast configures HAProxy in another way");
    dirty.removal_only = false;
  }
  if (dirty.reasons.empty()) {
    dirty_.reset();
    put_off_since_.reset();
    refused_.clear();
    refused_model_.reset();
    applied_->spec = full.spec;
    // A backend that is wished again, or never was there.
    std::erase_if(withdrawn_, [&](const api::ObjectKey& app) {
      return AppliedBackend(haproxy::BackendName(app)) == nullptr;
    });
    return;
  }
  if (dirty_ && dirty_->removal_only == dirty.removal_only) dirty.since = dirty_->since;
  dirty_ = std::move(dirty);
}

bool LoadBalancerTraffic::AllReported() const {
  return std::ranges::all_of(d_.desired.ListWebApps(), [&](const auto& app) {
    return reported_.contains(app->Key()) ||
           std::ranges::none_of(app->spec.routes, [&](const api::Route& route) {
             return route.load_balancer == name_;
           });
  });
}

// How long until the reload that is needed may be done; nullopt: none is.
std::optional<api::Millis> LoadBalancerTraffic::ReloadIn() const {
  if (!dirty_ || !attached_ || !spec_) return std::nullopt;
  const auto now = d_.clock.Now();
  auto due = dirty_->since + (dirty_->removal_only ? kRemovalDelay : kBatch);
  if (last_reload_) {
    // A reload that did not help is not repeated at once.
    due = std::max(due, *last_reload_ + kReloadInterval * (1 << std::min(forced_reloads_, 7)));
  }
  if (now < started_ + kStartGrace && !AllReported()) due = std::max(due, started_ + kStartGrace);
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(due - now));
}

Result<void> LoadBalancerTraffic::Reload() {
  std::unique_lock lock(mutex_);
  for (int round = 0; round < kRounds; ++round) {
    if (!attached_) {
      if (Result<void> attached = Attach(); !attached) return attached;
    }
    UpdateDirty();
    if (!dirty_) return {};
    const Dirty why = *dirty_;
    LoadBalancerModel checked = FullTarget();
    Result<ConfigFiles> files = RenderWritable(checked);
    if (!files) return Refused(files.error(), checked);
    // Docker is asked without the lock: a replica that dies meanwhile is taken out at once.
    const std::shared_ptr<DataPlane> plane = plane_;
    lock.unlock();
    const Result<void> check = plane->Check(*files);
    lock.lock();
    if (!check && BlameCertificate(checked, check.error().message)) continue;
    if (!check) {
      return check.error().code == Code::kInvalidArgument ? Refused(check.error(), checked) : check;
    }
    if (plane != plane_ || !attached_) continue;
    LoadBalancerModel model = FullTarget();
    const bool same = haproxy::ReloadReasons(checked, model).empty();
    if (!same && round + 1 < kRounds) continue;  // HAProxy itself checks the last round's
    files = RenderWritable(model);
    if (!files) return Refused(files.error(), std::move(model));
    if (PutOff()) {
      Wake();
      return {};
    }
    // Until the reload has been done, the note tells what runs and not what is on the disk.
    (*files)[kNoteFile] =
        EncodeNote({.model = *applied_, .layout = layout_, .bootstrap = layout_.empty()});
    if (Result<void> written = plane_->Publish(*files); !written) {
      files_dirty_ = true;
      return Wrap("write the configuration", written.error());
    }
    const Result<void> reloaded = plane_->Reload();
    if (reloaded) return Reloaded(std::move(model), why);
    files_dirty_ = true;
    if (reloaded.error().code == Code::kInvalidArgument) {
      static_cast<void>(BlameCertificate(model, reloaded.error().message));
      Result<void> refused = Refused(reloaded.error(), std::move(model));
      static_cast<void>(Flush());  // a failure is found and told by Tick
      return refused;
    }
    must_reload_ = "the last reload was cut short";
    attached_ = false;
    Wake();
    return reloaded;
  }
  return Error(Code::kUnavailable, "HAProxy was restarted while it was to be reloaded");
}

Result<void> LoadBalancerTraffic::Reloaded(LoadBalancerModel model, const Dirty& why) {
  const auto now = d_.clock.Now();
  const bool forced = !must_reload_.empty() && !layout_.empty();  // not the first configuration
  forced_reloads_ = forced ? forced_reloads_ + 1 : 0;
  must_reload_.clear();
  layout_ = LayoutOf(model);
  applied_ = std::move(model);
  secrets_.Forget({&*applied_});
  dirty_.reset();
  put_off_since_.reset();
  refused_.clear();
  refused_model_.reset();
  std::erase_if(withdrawn_, [&](const api::ObjectKey& app) {
    return AppliedBackend(haproxy::BackendName(app)) == nullptr;
  });
  ++reloads_;
  last_reload_ = now;
  last_reload_reason_ = Joined(why.reasons);
  d_.metrics.Add("ballast_haproxy_reloads_total", 1,
                 {{"load_balancer", name_},
                  {"reason", why.removal_only      ? "removal"
                             : forced_reloads_ > 0 ? "repair"
                                                   : "structure"}});
  d_.events.Record(key_, EventType::kNormal, api::reason::kReloaded,
                   "reloaded without a gap: " + last_reload_reason_);
  attached_ = false;
  files_dirty_ = true;
  Result<void> done = Converge(nullptr);
  if (done) done = Flush();
  EnqueueApps();
  Wake();
  // The reload itself succeeded; what is left is for the next Tick.
  return {};
}

Result<void> LoadBalancerTraffic::Refused(const Status& why, LoadBalancerModel model) {
  // An unknown word is answered with a list of all, between where it is and what it was.
  constexpr std::size_t kHalf = 300;
  refused_ = haproxy::ExplainAlerts(why.message, name_);
  if (refused_.size() > 2 * kHalf) {
    refused_ = refused_.substr(0, kHalf) + " ... " + refused_.substr(refused_.size() - kHalf);
  }
  refused_model_ = std::move(model);
  d_.events.Record(key_, EventType::kWarning, api::reason::kReloadRefused,
                   "the configuration before stays in force: " + refused_);
  d_.metrics.Add("ballast_haproxy_reloads_refused_total", 1, {{"load_balancer", name_}});
  EnqueueApps();
  return Error(Code::kInvalidArgument, refused_);
}

void LoadBalancerTraffic::EnqueueApps() {
  for (const auto& [app, wish] : wishes_) d_.enqueuer.Enqueue(app);
}

}  // namespace ballast::reconcilers
