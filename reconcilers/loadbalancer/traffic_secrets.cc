// Certificates and users of a load balancer: read, served, read back, told; see
// load_balancer_traffic.h. Everything here runs with the lock held. No value gets into a message:
// what is sent to HAProxy is put together in Text, and its errors name the command alone.
#include <fmt/format.h>

#include <algorithm>

#include "api/reasons.h"
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/load_balancer_traffic.h"

namespace ballast::reconcilers {
namespace {

using haproxy::BackendModel;
using haproxy::CertificateModel;
using haproxy::LoadBalancerModel;
using haproxy::RuntimeCommand;

constexpr char kExpiryMetric[] = "ballast_certificate_expiry_timestamp_seconds";

double Seconds(api::Time time) {
  return static_cast<double>(std::chrono::system_clock::to_time_t(time));
}

}  // namespace

api::NamespacedName LoadBalancerTraffic::UsersSecret(const BackendModel& backend) const {
  return {AppOfBackend(backend.name).ns, backend.traffic.basic_auth_secret};
}

void LoadBalancerTraffic::UpdateSecrets() {
  std::set<api::NamespacedName> certificates;
  std::set<api::NamespacedName> users;
  const api::LoadBalancerSpec& spec = spec_ ? *spec_ : applied_->spec;
  for (const api::Listener& listener : spec.listeners) {
    certificates.insert(listener.tls_secrets.begin(), listener.tls_secrets.end());
  }
  if (spec.stats_auth) users.insert(*spec.stats_auth);
  const auto add = [&](const std::string& ns, const std::string& secret) {
    if (!secret.empty()) users.insert({ns, secret});
  };
  for (const auto& [app, wish] : wishes_) add(app.ns, wish.traffic.basic_auth_secret);
  for (const BackendModel& backend : applied_->backends) {
    add(AppOfBackend(backend.name).ns, backend.traffic.basic_auth_secret);
  }
  secrets_.Update(certificates, users, d_.clock.WallNow());
  TellSecrets();
}

// HTTPS listeners without any certificate.
std::vector<std::string> LoadBalancerTraffic::ListenersLeftOut() const {
  LoadBalancerModel model;
  if (spec_) model.spec = *spec_;
  model.certificates = secrets_.Certificates();
  std::vector<std::string> left_out;
  for (const api::Listener& listener : model.spec.listeners) {
    if (haproxy::IsServed(model, listener)) continue;
    left_out.push_back(fmt::format(
        "listener {} is left out: none of its certificates can be served", listener.name));
  }
  return left_out;
}

// Each finding once, as an Event of whom it concerns.
void LoadBalancerTraffic::TellSecrets() {
  std::map<std::string, std::string> told;
  const auto tell = [&](const api::ObjectKey& whom, const char* reason, const std::string& about,
                        const std::string& text) {
    told[about] = text;
    const auto last = secrets_told_.find(about);
    if (last != secrets_told_.end() && last->second == text) return;
    d_.events.Record(whom, EventType::kWarning, reason, text);
    if (whom != key_) d_.enqueuer.Enqueue(whom);
  };
  for (const LoadBalancerSecrets::Finding& finding :
       secrets_.CertificateFindings(d_.clock.WallNow())) {
    tell(
        key_,
        finding.expires_soon ? api::reason::kCertificateExpiring : api::reason::kCertificateInvalid,
        finding.secret.ToString(), finding.message);
  }
  for (const std::string& text : ListenersLeftOut()) {
    tell(key_, api::reason::kCertificateInvalid, text, text);
  }
  for (const auto& [app, wish] : wishes_) {
    if (wish.traffic.basic_auth_secret.empty()) continue;
    const std::string problem = secrets_.UsersProblem({app.ns, wish.traffic.basic_auth_secret});
    if (problem.empty()) continue;
    tell(app, api::reason::kBasicAuthUnusable, app.ToString(),
         "basicAuthSecret: " + problem + "; every request is answered 503");
  }
  if (spec_ && spec_->stats_auth) {
    const std::string problem = secrets_.UsersProblem(*spec_->stats_auth);
    if (!problem.empty()) {
      tell(key_, api::reason::kBasicAuthUnusable, "stats.auth",
           "stats.auth: " + problem + "; the page answers 503");
    }
  }
  secrets_told_ = std::move(told);

  const std::map<api::NamespacedName, api::Time> expiries = secrets_.Expiries();
  for (const auto& [secret, time] : expiries) {
    const auto last = expiries_told_.find(secret);
    if (last != expiries_told_.end() && last->second == time) continue;
    d_.metrics.Set(kExpiryMetric, Seconds(time),
                   {{"load_balancer", name_}, {"secret", secret.ToString()}});
  }
  for (const auto& [secret, time] : expiries_told_) {
    if (expiries.contains(secret)) continue;
    d_.metrics.Remove(kExpiryMetric, {{"load_balancer", name_}, {"secret", secret.ToString()}});
  }
  expiries_told_ = expiries;
}

// What the files beside haproxy.cfg hold of what the note names. A certificate that is not there is
// not served from now on; users that are not there are nobody.
void LoadBalancerTraffic::RecallSecrets() {
  std::erase_if(applied_->certificates, [&](CertificateModel& model) {
    const Result<std::string> pem = plane_->ReadFile(haproxy::CertificateFile(model.secret));
    if (!pem) return true;
    Result<haproxy::Certificate> certificate = haproxy::ReadCertificateFile(*pem);
    // Between a command and the file that follows it, or a file of somebody else.
    if (!certificate || d_.config.Digest(certificate->pem) != model.digest) {
      if (!certificate) return true;
      model.digest = d_.config.Digest(certificate->pem);
    }
    model.fingerprint = certificate->fingerprint;
    model.bytes = certificate->pem.size();
    secrets_.RecallCertificate(model, *std::move(certificate));
    return false;
  });
  const auto recall = [&](const std::string& list, const api::NamespacedName& secret,
                          std::string& digest) {
    if (digest.empty()) return;
    const Result<std::string> text = plane_->ReadFile(haproxy::UsersFileName(list));
    auto users = text ? haproxy::ReadUsersFile(*text) : std::unexpected(text.error());
    if (users) {
      secrets_.RecallUsers(secret, digest, *std::move(users));
    } else {
      digest.clear();
    }
  };
  for (BackendModel& backend : applied_->backends) {
    if (backend.traffic.basic_auth_secret.empty()) continue;
    recall(backend.name, UsersSecret(backend), backend.users);
  }
  if (applied_->spec.stats_auth) {
    recall(haproxy::kStatsFrontend, *applied_->spec.stats_auth, applied_->stats_users);
  }
}

// What `show ssl cert` says of each certificate that is to run. Another one than that is set anew.
void LoadBalancerTraffic::ReadCertificates(const std::vector<std::string>& replies,
                                           std::size_t first) {
  for (std::size_t i = 0; i < applied_->certificates.size(); ++i) {
    CertificateModel& model = applied_->certificates[i];
    if (first + i >= replies.size()) return;
    const Result<std::string> runs = haproxy::ParseCertificate(replies[first + i]);
    if (!runs) {
      must_reload_ =
          fmt::format("certificate {}: {}", model.secret.ToString(), runs.error().message);
    } else if (*runs != model.fingerprint) {
      model.digest.clear();
      Wake();
    }
  }
}

// The command as it is sent: with its payload, which an empty line ends.
std::string LoadBalancerTraffic::Text(const RuntimeCommand& command) const {
  if (command.certificate.empty()) return command.text;
  const auto& certificates = secrets_.content().certificates;
  const auto pem = certificates.find(command.certificate);
  return command.text + " <<\n" + (pem == certificates.end() ? "" : pem->second);
}

// New connections get the new certificate; those that are there go on.
Result<void> LoadBalancerTraffic::ApplyCertificates() {
  if (layout_.empty()) return {};
  LoadBalancerModel target{.name = name_, .spec = applied_->spec};
  target.certificates = secrets_.Certificates();
  for (const CertificateModel& changed : haproxy::ChangedCertificates(*applied_, target)) {
    if (!secrets_.content().certificates.contains(changed.digest)) continue;
    const Result<void> done = SetCertificate(changed);
    if (!done && done.error().code != Code::kInvalidArgument) return done;
  }
  return {};
}

// InvalidArgument: HAProxy does not take it, and what it has goes on.
Result<void> LoadBalancerTraffic::SetCertificate(const CertificateModel& certificate) {
  const std::vector<RuntimeCommand> commands = haproxy::SetCertificateCommands(certificate);
  std::string refusal;
  for (const RuntimeCommand& command : commands) {
    const Result<std::vector<std::string>> replies = plane_->Commands({Text(command)});
    if (!replies) return std::unexpected(replies.error());
    d_.metrics.Add("ballast_haproxy_runtime_commands_total", 1, {{"load_balancer", name_}});
    const std::string reply = replies->empty() ? "no reply" : replies->front();
    if (haproxy::Succeeded(command, reply)) continue;
    refusal =
        fmt::format("'{}' to '{}'", haproxy::Printable(haproxy::HideSecrets(reply)), command.text);
    break;
  }
  if (!refusal.empty()) {
    d_.metrics.Add("ballast_haproxy_refused_commands_total", 1, {{"load_balancer", name_}});
    static_cast<void>(
        plane_->Commands({haproxy::AbortCertificateCommand(certificate.secret).text}));
    secrets_.Refuse(certificate.secret, certificate.digest, refusal);
    UpdateSecrets();
    Wake();
    return Error(Code::kInvalidArgument, refusal);
  }
  SetInOldWorkers(commands);
  for (CertificateModel& one : applied_->certificates) {
    if (one.secret == certificate.secret) one = certificate;
  }
  secrets_.Forget({&*applied_});
  files_dirty_ = true;
  d_.metrics.Add("ballast_haproxy_certificates_changed_total", 1, {{"load_balancer", name_}});
  d_.events.Record(
      key_, EventType::kNormal, api::reason::kCertificateChanged,
      fmt::format("the certificate of Secret {} is served from now on, without a reload",
                  certificate.secret.ToString()));
  return {};
}

// They end their connections, and a handshake may still begin on one of them. What they do not take
// ends with them.
void LoadBalancerTraffic::SetInOldWorkers(const std::vector<RuntimeCommand>& commands) {
  const auto set = [&](DataPlane& plane, bool all) {
    const Result<std::vector<WorkerProcess>> workers = plane.Processes();
    if (!workers) return;
    for (const WorkerProcess& worker : *workers) {
      if (!worker.old && !all) continue;
      for (const RuntimeCommand& command : commands) {
        const Result<std::string> reply = plane.OnWorker(worker.pid, Text(command));
        if (!reply || !haproxy::Succeeded(command, *reply)) break;
      }
    }
  };
  set(*plane_, false);
  for (const auto& [number, plane] : retiring_) set(*plane, true);
}

// Whether a certificate is why HAProxy refuses a configuration: the others need not wait for it.
bool LoadBalancerTraffic::BlameCertificate(const LoadBalancerModel& model,
                                           const std::string& alerts) {
  bool blamed = false;
  for (const CertificateModel& one : model.certificates) {
    if (!alerts.contains(haproxy::CertificatePath(one.secret))) continue;
    secrets_.Refuse(one.secret, one.digest, haproxy::Printable(alerts));
    blamed = true;
  }
  return blamed;
}

}  // namespace ballast::reconcilers
