// What cannot be changed in a running HAProxy, in words for a log line and an Event. Fields that
// are not in the configuration file (image, drainSeconds) are no reason.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/writer.h"

namespace ballast::reconcilers::haproxy {
namespace {

using Reasons = std::vector<std::string>;

std::string Show(const std::string& value) { return value.empty() ? "none" : value; }
std::string Show(bool value) { return value ? "true" : "false"; }
std::string Show(int value) { return std::to_string(value); }
std::string Show(std::uint16_t value) { return std::to_string(value); }
std::string Show(std::int64_t value) { return std::to_string(value); }
std::string Show(api::Millis value) { return FormatTime(value); }
std::string Show(api::AppProtocol value) {
  return value == api::AppProtocol::kH2c ? "h2c" : "http1";
}
std::string Show(api::Balance value) {
  constexpr const char* kNames[] = {"leastconn", "roundrobin", "random", "first", "source", "uri"};
  return kNames[static_cast<std::size_t>(value)];
}
std::string Show(const std::vector<int>& values) {
  return values.empty() ? "none" : fmt::format("{}", fmt::join(values, " "));
}
std::string Show(const std::optional<api::StickySession>& value) {
  if (!value) return "none";
  return value->ttl_seconds == 0 ? value->cookie_name
                                 : fmt::format("{} {}s", value->cookie_name, value->ttl_seconds);
}

// Collects "<subject>: <field> <old> -> <new>".
class Comparison {
 public:
  Comparison(std::string subject, Reasons& reasons)
      : subject_(std::move(subject)), reasons_(reasons) {}

  template <typename T>
  void Field(std::string_view field, const T& from, const T& to) {
    if (from == to) return;
    reasons_.push_back(fmt::format("{}: {} {} -> {}", subject_, field, Show(from), Show(to)));
  }
  // Where the values are too long to be shown.
  template <typename T>
  void Changed(std::string_view field, const T& from, const T& to) {
    if (from != to) reasons_.push_back(fmt::format("{}: {} changed", subject_, field));
  }

 private:
  std::string subject_;
  Reasons& reasons_;
};

template <typename T>
std::map<std::string, const T*> ByName(const std::vector<T>& items) {
  std::map<std::string, const T*> named;
  for (const T& item : items) named.emplace(item.name, &item);
  return named;
}

// Calls `compare` for what both have; "<kind> <name>: new" and ": removed" for the rest.
template <typename T, typename Compare>
void Match(std::string_view kind, const std::vector<T>& from, const std::vector<T>& to,
           Reasons& reasons, Compare&& compare) {
  auto old_items = ByName(from);
  for (const auto& [name, item] : ByName(to)) {
    const auto old = old_items.extract(name);
    if (old.empty()) {
      reasons.push_back(fmt::format("{} {}: new", kind, name));
    } else {
      compare(Comparison(fmt::format("{} {}", kind, name), reasons), *old.mapped(), *item);
    }
  }
  for (const auto& [name, item] : old_items) {
    reasons.push_back(fmt::format("{} {}: removed", kind, name));
  }
}

void CompareListener(Comparison diff, const api::Listener& from, const api::Listener& to) {
  diff.Field("port", from.port, to.port);
  diff.Field("protocol", from.protocol, to.protocol);
  diff.Field("redirectToHttps", from.redirect_to_https, to.redirect_to_https);
  diff.Field("http2", from.http2, to.http2);
  diff.Field("acceptProxy", from.accept_proxy, to.accept_proxy);
  diff.Changed("trustedProxies", from.trusted_proxies, to.trusted_proxies);
}

void CompareBackend(Comparison diff, const BackendModel& from, const BackendModel& to) {
  const api::Traffic& was = from.traffic;
  const api::Traffic& is = to.traffic;
  diff.Field("protocol", was.protocol, is.protocol);
  diff.Field("balance", was.balance, is.balance);
  diff.Field("stickySession", was.sticky_session, is.sticky_session);
  diff.Field("retries", was.retries, is.retries);
  diff.Field("retryOn", was.retry_on, is.retry_on);
  diff.Field("maxConnectionsPerReplica", was.max_connections_per_replica,
             is.max_connections_per_replica);
  diff.Field("maxBodyBytes", was.max_body_bytes, is.max_body_bytes);
  diff.Field("basicAuthSecret", was.basic_auth_secret, is.basic_auth_secret);
  if (!is.basic_auth_secret.empty()) diff.Changed("users", from.users, to.users);
  diff.Field("compression", was.compression, is.compression);
  diff.Field("slowStartSeconds", was.slow_start_seconds, is.slow_start_seconds);
  diff.Field("timeouts.connect", was.timeouts.connect, is.timeouts.connect);
  diff.Field("timeouts.server", was.timeouts.server, is.timeouts.server);
  diff.Field("timeouts.queue", was.timeouts.queue, is.timeouts.queue);
  diff.Field("timeouts.tunnel", was.timeouts.tunnel, is.timeouts.tunnel);
}

std::vector<api::Listener> Served(const LoadBalancerModel& model) {
  std::vector<api::Listener> served;
  for (const api::Listener& listener : model.spec.listeners) {
    if (IsServed(model, listener)) served.push_back(listener);
  }
  return served;
}

std::string CertificateNames(const LoadBalancerModel& model, const api::Listener& listener) {
  std::string names;
  for (const CertificateModel* const one : CertificatesOf(model, listener)) {
    names += (names.empty() ? "" : " ") + one->secret.ToString();
  }
  return names;
}

void CompareCertificates(const LoadBalancerModel& from, const LoadBalancerModel& to,
                         Reasons& reasons) {
  for (const api::Listener& listener : to.spec.listeners) {
    const auto old = std::ranges::find(from.spec.listeners, listener.name, &api::Listener::name);
    if (old == from.spec.listeners.end() || !IsServed(from, *old) || !IsServed(to, listener) ||
        old->protocol != listener.protocol || listener.protocol != kHttps) {
      continue;
    }
    Comparison(fmt::format("listener {}", listener.name), reasons)
        .Field("certificates", CertificateNames(from, *old), CertificateNames(to, listener));
  }
  for (const CertificateModel& one : to.certificates) {
    const auto old = std::ranges::find(from.certificates, one.secret, &CertificateModel::secret);
    if (old == from.certificates.end() || old->digest == one.digest ||
        one.bytes <= kMaxRuntimeCertificate) {
      continue;
    }
    reasons.push_back(
        fmt::format("certificate {}: changed, and {} bytes are too many for a command",
                    one.secret.ToString(), one.bytes));
  }
}

void CompareSpec(const api::LoadBalancerSpec& from, const api::LoadBalancerSpec& to,
                 Reasons& reasons) {
  Comparison diff("load balancer", reasons);
  diff.Field("hostNetwork", from.host_network, to.host_network);
  diff.Field("stats.port", from.stats_port, to.stats_port);
  diff.Field("stats.auth", from.stats_auth ? from.stats_auth->ToString() : "",
             to.stats_auth ? to.stats_auth->ToString() : "");
  if (std::ranges::any_of(to.listeners, &api::Listener::redirect_to_https)) {
    diff.Field("redirectToHttps to port", HttpsPort(from), HttpsPort(to));
  }
  diff.Field("timeouts.client", from.timeouts.client, to.timeouts.client);
  diff.Field("timeouts.httpRequest", from.timeouts.http_request, to.timeouts.http_request);
  diff.Field("timeouts.keepAlive", from.timeouts.keep_alive, to.timeouts.keep_alive);
  diff.Changed("snippets.global", from.snippets.global, to.snippets.global);
  diff.Changed("snippets.defaults", from.snippets.defaults, to.snippets.defaults);
  diff.Changed("snippets.frontend", from.snippets.frontend, to.snippets.frontend);
  diff.Field("logging.syslog", from.syslog, to.syslog);
  diff.Field("threads", from.threads, to.threads);
}

}  // namespace

std::vector<std::string> ReloadReasons(const LoadBalancerModel& from, const LoadBalancerModel& to) {
  Reasons reasons;
  CompareSpec(from.spec, to.spec, reasons);
  Comparison("load balancer", reasons).Field("requests wait for a server", from.holds, to.holds);
  if (to.spec.stats_auth) {
    Comparison("load balancer", reasons)
        .Changed("users of stats.auth", from.stats_users, to.stats_users);
  }
  Match("listener", Served(from), Served(to), reasons, &CompareListener);
  CompareCertificates(from, to, reasons);
  Match("backend", from.backends, to.backends, reasons, &CompareBackend);
  std::ranges::sort(reasons);
  return reasons;
}

}  // namespace ballast::reconcilers::haproxy
