// Kind LoadBalancer: one HAProxy data plane; cluster-scoped. Plain values built by the codec.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/meta.h"

namespace ballast::api {

struct Listener {
  std::string name;
  std::uint16_t port = 80;
  std::string protocol = "HTTP";             // or "HTTPS"
  bool redirect_to_https = false;            // only with HTTP, and when some listener has HTTPS
  bool http2 = true;                         // offered to clients; means something with HTTPS only
  std::vector<NamespacedName> tls_secrets;   // certificates; HTTPS: at least one, the first is the
                                             // one for names that none of them has
  bool accept_proxy = false;                 // PROXY protocol v1 and v2
  std::vector<std::string> trusted_proxies;  // CIDRs whose X-Forwarded-* are kept
  bool operator==(const Listener&) const = default;
};

struct LoadBalancerTimeouts {
  Millis client{60'000};
  Millis http_request{10'000};
  Millis keep_alive{60'000};
  bool operator==(const LoadBalancerTimeouts&) const = default;
};

struct Snippets {  // raw lines by administrators, checked by `haproxy -c` before use
  std::vector<std::string> global;
  std::vector<std::string> defaults;
  std::vector<std::string> frontend;
  bool operator==(const Snippets&) const = default;
};

struct LoadBalancerSpec {
  std::string image = "ballast/haproxy:latest";
  bool host_network = true;
  std::vector<Listener> listeners{{.name = "http", .port = 80}};
  std::uint16_t stats_port = 1936;           // on 127.0.0.1, with `stats_auth` on all addresses
  std::optional<NamespacedName> stats_auth;  // a Secret
  LoadBalancerTimeouts timeouts;
  Snippets snippets;
  std::string syslog;  // "host:514"; empty: standard output
  int threads = 0;     // 0: HAProxy decides
  bool operator==(const LoadBalancerSpec&) const = default;
};

struct LoadBalancer {
  ObjectMeta meta{.ns = ""};
  LoadBalancerSpec spec;
  bool implied = false;  // made because a route names it and no YAML does
  bool operator==(const LoadBalancer&) const = default;

  [[nodiscard]] ObjectKey Key() const { return {"LoadBalancer", "", meta.name}; }
};

struct LoadBalancerStatus {
  std::int64_t observed_generation = 0;
  std::string version;  // HAProxy's own
  int servers = 0;
  int reloads = 0;  // since the controller started
  std::string last_reload_reason;
  int drift_repaired = 0;
  std::vector<Condition> conditions;
  bool operator==(const LoadBalancerStatus&) const = default;
};

}  // namespace ballast::api
