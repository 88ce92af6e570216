// The Secrets that one load balancer serves with: certificates of its HTTPS listeners, users of web
// apps and of the stats page. Judges them, keeps the last good certificate, and says what is wrong
// in words that never hold a value. Owner: LoadBalancerTraffic, under its lock.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/haproxy/certificate.h"
#include "reconcilers/haproxy/content.h"
#include "reconcilers/haproxy/model.h"
#include "reconcilers/ports/config_reader.h"

namespace ballast::reconcilers {

class LoadBalancerSecrets {
 public:
  // From when on a certificate is said to expire.
  static constexpr std::chrono::hours kExpiresSoon{14 * 24};

  explicit LoadBalancerSecrets(const ConfigReader& config) : config_(config) {}

  // Reads what is named, and judges it. Nothing that is equal to the last time is read again.
  void Update(const std::set<api::NamespacedName>& certificates,
              const std::set<api::NamespacedName>& users, api::Time now);

  // What a HAProxy runs with, from its files, after a restart of the controller.
  void RecallCertificate(const haproxy::CertificateModel& model, haproxy::Certificate certificate);
  void RecallUsers(const api::NamespacedName& secret, const std::string& digest,
                   std::vector<haproxy::User> users);

  // HAProxy itself does not take it: what was good before is, until the Secret changes.
  void Refuse(const api::NamespacedName& secret, const std::string& digest, const std::string& why);

  // Those that can be served, sorted.
  [[nodiscard]] std::vector<haproxy::CertificateModel> Certificates() const;
  // The digest; "" while nobody may be let in.
  [[nodiscard]] std::string Users(const api::NamespacedName& secret) const;
  // Of all that was good, until Forget.
  [[nodiscard]] const haproxy::SecretContent& content() const { return content_; }
  // Of what is neither used now nor by these models.
  void Forget(const std::vector<const haproxy::LoadBalancerModel*>& models);

  struct Finding {
    api::NamespacedName secret;
    bool expires_soon = false;  // and nothing else is wrong
    std::string message;
  };
  // Sorted by secret.
  [[nodiscard]] std::vector<Finding> CertificateFindings(api::Time now) const;
  [[nodiscard]] std::string UsersProblem(const api::NamespacedName& secret) const;
  // When each certificate that is served ends.
  [[nodiscard]] std::map<api::NamespacedName, api::Time> Expiries() const;

 private:
  struct Held {
    haproxy::CertificateModel model;
    api::Time not_before{};
    api::Time not_after{};
  };
  struct CertificateState {
    std::shared_ptr<const api::Secret> seen;  // what was judged last
    std::optional<Held> candidate;            // of `seen`
    std::optional<Held> good;
    std::optional<Held> before;  // was good before `good`
    std::string refused;         // digest
    std::string refused_why;
    std::string problem;
  };
  struct UsersState {
    std::shared_ptr<const api::Secret> seen;
    std::string digest;
    std::string problem;
  };

  void UpdateCertificate(const api::NamespacedName& name, CertificateState& state, api::Time now);
  void Judge(CertificateState& state, api::Time now);
  void UpdateUsers(const api::NamespacedName& name, UsersState& state);

  const ConfigReader& config_;
  std::map<api::NamespacedName, CertificateState> certificates_;
  std::map<api::NamespacedName, UsersState> users_;
  haproxy::SecretContent content_;
};

}  // namespace ballast::reconcilers
