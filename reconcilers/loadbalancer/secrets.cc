// Implements secrets.h.
#include "reconcilers/loadbalancer/secrets.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ballast::reconcilers {
namespace {

using haproxy::Certificate;
using haproxy::CertificateModel;

std::string Date(api::Time time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:%Y-%m-%d %H:%M} UTC", parts);
}

bool Same(const std::shared_ptr<const api::Secret>& a,
          const std::shared_ptr<const api::Secret>& b) {
  return a == b || (a != nullptr && b != nullptr && a->type == b->type && a->data == b->data);
}

std::string Missing(const api::NamespacedName& name, const std::string& how) {
  return fmt::format("Secret {} is not there: `kubectl create secret {} -n {}`", name.ToString(),
                     how, name.ns);
}

Result<Certificate> CertificateOf(const api::Secret& secret) {
  if (secret.type != api::kSecretTls) {
    return Error(Code::kInvalidArgument,
                 fmt::format("is of type {}: {} is needed (`kubectl create secret tls`)",
                             secret.type, api::kSecretTls));
  }
  const auto chain = secret.data.find(api::kTlsCertKey);
  const auto key = secret.data.find(api::kTlsPrivateKeyKey);
  if (chain == secret.data.end() || key == secret.data.end()) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("lacks the key {}",
                    chain == secret.data.end() ? api::kTlsCertKey : api::kTlsPrivateKeyKey));
  }
  return haproxy::ReadCertificate(chain->second, key->second);
}

}  // namespace

void LoadBalancerSecrets::Update(const std::set<api::NamespacedName>& certificates,
                                 const std::set<api::NamespacedName>& users, api::Time now) {
  std::erase_if(certificates_, [&](const auto& one) { return !certificates.contains(one.first); });
  std::erase_if(users_, [&](const auto& one) { return !users.contains(one.first); });
  for (const api::NamespacedName& name : certificates) {
    UpdateCertificate(name, certificates_[name], now);
  }
  for (const api::NamespacedName& name : users) UpdateUsers(name, users_[name]);
}

void LoadBalancerSecrets::UpdateCertificate(const api::NamespacedName& name,
                                            CertificateState& state, api::Time now) {
  const Result<std::shared_ptr<const api::Secret>> secret = config_.GetSecret(name.ns, name.name);
  if (!secret) {
    if (secret.error().code == Code::kNotFound) {
      state.seen.reset();
      state.candidate.reset();
      state.problem = Missing(name, fmt::format("tls {} --cert=FILE --key=FILE", name.name));
    } else if (!state.good) {
      state.problem = fmt::format("Secret {} cannot be read now", name.ToString());
    }
    return;
  }
  if (state.seen == nullptr || !Same(state.seen, *secret)) {
    state.candidate.reset();
    state.problem.clear();
    Result<Certificate> read = CertificateOf(**secret);
    if (!read) {
      state.problem = fmt::format("Secret {}: {}", name.ToString(), read.error().message);
    } else {
      const std::string digest = config_.Digest(read->pem);
      state.candidate = Held{.model = {.secret = name,
                                       .digest = digest,
                                       .fingerprint = std::move(read->fingerprint),
                                       .bytes = read->pem.size()},
                             .not_before = read->not_before,
                             .not_after = read->not_after};
      content_.certificates[digest] = std::move(read->pem);
    }
  }
  state.seen = *secret;
  Judge(state, now);
}

// What is served already goes on, whatever the time is; something new must be good now.
void LoadBalancerSecrets::Judge(CertificateState& state, api::Time now) {
  if (!state.candidate) return;
  const Held& candidate = *state.candidate;
  const std::string name = candidate.model.secret.ToString();
  state.problem.clear();
  if (candidate.model.digest == state.refused) {
    state.problem = fmt::format("Secret {}: HAProxy refuses it: {}", name, state.refused_why);
    return;
  }
  const bool expired = candidate.not_after <= now;
  if (expired) {
    state.problem = fmt::format("Secret {}: the certificate expired on {}: put a new one into it",
                                name, Date(candidate.not_after));
  } else if (candidate.not_before > now) {
    state.problem = fmt::format("Secret {}: the certificate is valid from {} on, and no sooner",
                                name, Date(candidate.not_before));
  }
  if (state.good && state.good->model.digest == candidate.model.digest) return;
  if (!state.problem.empty()) return;
  state.before = std::exchange(state.good, candidate);
}

void LoadBalancerSecrets::UpdateUsers(const api::NamespacedName& name, UsersState& state) {
  const Result<std::shared_ptr<const api::Secret>> secret = config_.GetSecret(name.ns, name.name);
  if (!secret) {
    if (secret.error().code == Code::kNotFound) {
      state = {.problem = Missing(name, fmt::format("generic {} --type=kubernetes.io/basic-auth "
                                                    "--from-literal=username=NAME "
                                                    "--from-literal=password=PASSWORD",
                                                    name.name))};
    } else if (state.digest.empty() && state.problem.empty()) {
      state.problem = fmt::format("Secret {} cannot be read now", name.ToString());
    }
    return;
  }
  if (state.seen != nullptr && Same(state.seen, *secret)) return;
  state = {.seen = *secret};
  Result<std::vector<haproxy::User>> users = haproxy::ReadUsers(
      **secret, [this](std::string_view bytes) { return config_.Digest(bytes); });
  if (!users) {
    state.problem = fmt::format("Secret {}: {}", name.ToString(), users.error().message);
    return;
  }
  state.digest = config_.Digest(haproxy::UsersFile(*users));
  content_.users[state.digest] = *std::move(users);
}

void LoadBalancerSecrets::RecallCertificate(const CertificateModel& model,
                                            Certificate certificate) {
  CertificateState& state = certificates_[model.secret];
  content_.certificates[model.digest] = std::move(certificate.pem);
  if (state.good) return;
  state.good = Held{
      .model = model, .not_before = certificate.not_before, .not_after = certificate.not_after};
}

void LoadBalancerSecrets::RecallUsers(const api::NamespacedName& secret, const std::string& digest,
                                      std::vector<haproxy::User> users) {
  content_.users[digest] = std::move(users);
  UsersState& state = users_[secret];
  if (state.seen == nullptr && state.problem.empty()) state.digest = digest;
}

void LoadBalancerSecrets::Refuse(const api::NamespacedName& secret, const std::string& digest,
                                 const std::string& why) {
  const auto it = certificates_.find(secret);
  if (it == certificates_.end()) return;
  CertificateState& state = it->second;
  state.refused = digest;
  state.refused_why = why;
  if (state.good && state.good->model.digest == digest)
    state.good = std::exchange(state.before, {});
  if (state.good && state.good->model.digest == digest) state.good.reset();
}

std::vector<CertificateModel> LoadBalancerSecrets::Certificates() const {
  std::vector<CertificateModel> result;
  for (const auto& [name, state] : certificates_) {
    if (state.good) result.push_back(state.good->model);
  }
  return result;
}

std::string LoadBalancerSecrets::Users(const api::NamespacedName& secret) const {
  const auto it = users_.find(secret);
  return it == users_.end() ? "" : it->second.digest;
}

void LoadBalancerSecrets::Forget(const std::vector<const haproxy::LoadBalancerModel*>& models) {
  std::set<std::string> used;
  for (const haproxy::LoadBalancerModel* const model : models) {
    for (const CertificateModel& one : model->certificates) used.insert(one.digest);
    for (const haproxy::BackendModel& backend : model->backends) used.insert(backend.users);
    used.insert(model->stats_users);
  }
  for (const auto& [name, state] : certificates_) {
    for (const std::optional<Held>* const held : {&state.candidate, &state.good, &state.before}) {
      if (*held) used.insert((*held)->model.digest);
    }
  }
  for (const auto& [name, state] : users_) used.insert(state.digest);
  const auto unused = [&](const auto& entry) { return !used.contains(entry.first); };
  std::erase_if(content_.certificates, unused);
  std::erase_if(content_.users, unused);
}

std::vector<LoadBalancerSecrets::Finding> LoadBalancerSecrets::CertificateFindings(
    api::Time now) const {
  std::vector<Finding> findings;
  for (const auto& [name, state] : certificates_) {
    if (!state.problem.empty()) {
      const bool same = state.good && state.candidate &&
                        state.good->model.digest == state.candidate->model.digest;
      findings.push_back({name, false,
                          state.problem + (!state.good ? "; it is not served"
                                           : same      ? "; it is served all the same"
                                                       : "; the last good one is served")});
    } else if (state.good && state.good->not_after - now <= kExpiresSoon) {
      findings.push_back({name, true,
                          fmt::format("Secret {}: the certificate expires on {}: renew it",
                                      name.ToString(), Date(state.good->not_after))});
    }
  }
  return findings;
}

std::string LoadBalancerSecrets::UsersProblem(const api::NamespacedName& secret) const {
  const auto it = users_.find(secret);
  return it == users_.end() ? "" : it->second.problem;
}

std::map<api::NamespacedName, api::Time> LoadBalancerSecrets::Expiries() const {
  std::map<api::NamespacedName, api::Time> result;
  for (const auto& [name, state] : certificates_) {
    if (state.good) result[name] = state.good->not_after;
  }
  return result;
}

}  // namespace ballast::reconcilers
