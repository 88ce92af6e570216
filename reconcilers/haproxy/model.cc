// Implements model.h.
#include "reconcilers/haproxy/model.h"

#include <algorithm>

namespace ballast::reconcilers::haproxy {

std::vector<const CertificateModel*> CertificatesOf(const LoadBalancerModel& model,
                                                    const api::Listener& listener) {
  std::vector<const CertificateModel*> found;
  for (const api::NamespacedName& secret : listener.tls_secrets) {
    const auto it =
        std::ranges::lower_bound(model.certificates, secret, {}, &CertificateModel::secret);
    if (it != model.certificates.end() && it->secret == secret) found.push_back(&*it);
  }
  return found;
}

bool IsServed(const LoadBalancerModel& model, const api::Listener& listener) {
  return listener.protocol != kHttps || !CertificatesOf(model, listener).empty();
}

bool ServesHttps(const LoadBalancerModel& model) {
  return std::ranges::any_of(model.spec.listeners, [&](const api::Listener& listener) {
    return listener.protocol == kHttps && IsServed(model, listener);
  });
}

std::uint16_t HttpsPort(const api::LoadBalancerSpec& spec) {
  const auto it = std::ranges::find(spec.listeners, kHttps, &api::Listener::protocol);
  return it == spec.listeners.end() ? std::uint16_t{0} : it->port;
}

}  // namespace ballast::reconcilers::haproxy
