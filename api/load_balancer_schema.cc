#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "api/schemas.h"

namespace ballast::api {
namespace {

constexpr char kHttpsLater[] = "HTTPS listeners are not built yet: use protocol HTTP";

Type<std::string> Protocol() {
  const std::string tls = "must be HTTP or HTTPS: HAProxy passes on HTTP only";
  Type<std::string> type =
      Choice<std::string>({{"HTTP", "HTTP"}, {"HTTPS", "HTTPS"}}, {{"TLS", tls}, {"TCP", tls}});
  type.read =
      [on = type.read,
       off = Choice<std::string>({{"HTTP", "HTTP"}}, {{"HTTPS", kHttpsLater}, {"TLS", kHttpsLater}})
                 .read](const Cursor& at, std::string& out) {
        (at.context().options.features.https ? on : off)(at, out);
      };
  return type;
}

void CheckListener(const Cursor& at, Listener& listener) {
  if (!at.context().options.features.https) return;
  const bool https = listener.protocol == "HTTPS";
  if (https && at.node().Find("port") == nullptr) {
    at.DerivedError("port", "is required with protocol: HTTPS, such as 443");
  }
  if (https && at.node().Find("tls") == nullptr) {
    at.DerivedError("tls", "is required with protocol: HTTPS: {secretNames: [namespace/name]}");
  } else if (https && listener.tls_secrets.empty()) {
    at.DerivedError("tls", "needs at least one of secretNames");
  }
  if (https && listener.redirect_to_https) {
    at.DerivedError("redirectToHttps", "is only allowed with protocol: HTTP");
  }
  for (const char* field : {"tls", "http2"}) {
    if (!https && at.node().Find(field) != nullptr) {
      at.DerivedError(field, "is only allowed with protocol: HTTPS");
    }
  }
}

Schema<Listener> ListenerSchema() {
  Schema<Listener> tls;
  tls.Add("secretNames", &Listener::tls_secrets,
          List(NamespacedReference(), 1, 100, Repeats::kRefused),
          "Secrets of type kubernetes.io/tls; the name that the client asks for (SNI) chooses, and "
          "the first one is for all others",
          "[default/shop-tls]");
  Schema<Listener> schema;
  schema
      .Required("name", &Listener::name, Text("a DNS label, at most 40", RuleObjectName),
                "The listener's name, unique in the load balancer", "http")
      .Add("port", &Listener::port, Integer<std::uint16_t>(1, 65535),
           "The port that HAProxy listens on", "8080")
      .Add("protocol", &Listener::protocol, Protocol(),
           "What clients speak; HTTPS is not built yet", "HTTP")
      .Add("redirectToHttps", &Listener::redirect_to_https, Boolean(),
           "Answers every request with a redirection to the listener that has protocol HTTPS; only "
           "with protocol HTTP",
           "true")
      .Switch(&Features::https, kHttpsLater, "false")
      .Presence([](const Listener& listener) { return listener.redirect_to_https; })
      .Add("http2", &Listener::http2, Boolean(),
           "Offers HTTP/2 to clients; only with protocol HTTPS", "false")
      .Switch(&Features::https, kHttpsLater)
      .Presence([](const Listener& listener) {
        return listener.protocol == "HTTPS" ? std::optional<bool>() : false;
      })
      .Group("tls", std::move(tls), "Certificates; only with protocol HTTPS, which needs them")
      .Switch(&Features::https, kHttpsLater)
      .Add("acceptProxy", &Listener::accept_proxy, Boolean(),
           "Clients begin with the PROXY protocol, version 1 or 2", "true")
      .Add("trustedProxies", &Listener::trusted_proxies,
           List(Text("an IPv4 or IPv6 address or network", RuleCidr), 0, 60, Repeats::kRefused),
           "Clients whose X-Forwarded-* headers are kept; everybody else's are dropped",
           "[10.0.0.0/8]")
      .Refuse("hostname", "is not built yet: hosts are matched by the routes of web apps")
      .Check(CheckListener);
  return schema;
}

// There must be something to redirect to.
void CheckRedirects(const Cursor& at, const LoadBalancerSpec& spec) {
  const Member* listeners = at.node().Find("listeners");
  if (listeners == nullptr ||
      std::any_of(spec.listeners.begin(), spec.listeners.end(),
                  [](const Listener& listener) { return listener.protocol == "HTTPS"; })) {
    return;
  }
  const Cursor list_at = at.At(*listeners);
  const std::size_t size = std::min(spec.listeners.size(), listeners->value.items.size());
  for (std::size_t i = 0; i < size; ++i) {
    if (spec.listeners[i].redirect_to_https) {
      list_at.At(i).DerivedError("redirectToHttps", "needs a listener with protocol: HTTPS");
    }
  }
}

Schema<LoadBalancerSpec> SpecSchema() {
  const auto duration = Duration(Millis{10}, Millis{std::int64_t{7} * 24 * 3'600'000});
  const auto lines = [] {
    return List(Text("one line of ASCII, at most 1000; some first words are refused", RuleSnippet),
                0, 100);
  };
  Schema<LoadBalancerTimeouts> timeouts;
  timeouts
      .Add("client", &LoadBalancerTimeouts::client, duration, "A client that sends nothing", "60s")
      .Add("httpRequest", &LoadBalancerTimeouts::http_request, duration,
           "For a request's headers to arrive", "10s")
      .Add("keepAlive", &LoadBalancerTimeouts::keep_alive, duration,
           "Between two requests of one connection", "60s");
  Schema<Snippets> snippets;
  snippets.Add("global", &Snippets::global, lines(), "Lines for `global`", "[tune.bufsize 32768]")
      .Add("defaults", &Snippets::defaults, lines(), "Lines for `defaults`", "[option dontlognull]")
      .Add("frontend", &Snippets::frontend, lines(), "Lines for every listener",
           "[http-response set-header X-Served-By ballast]");
  Schema<LoadBalancerSpec> stats;
  stats
      .Add("port", &LoadBalancerSpec::stats_port, Integer<std::uint16_t>(1, 65535),
           "HAProxy's statistics page, on 127.0.0.1 only unless there is `auth`", "1936")
      .Optional("auth", &LoadBalancerSpec::stats_auth, NamespacedReference(),
                "A Secret of type kubernetes.io/basic-auth that the page asks for; it listens on "
                "all addresses then",
                "default/stats")
      .Switch(&Features::stats_auth, "is not built yet: the page listens on 127.0.0.1 only");
  Schema<LoadBalancerSpec> logging;
  logging.Add("syslog", &LoadBalancerSpec::syslog, Text("host:port", RuleHostPort),
              "Where HAProxy sends its log; left out: standard output", "logs.example.com:514");
  Schema<LoadBalancerSpec> schema;
  schema
      .Add("image", &LoadBalancerSpec::image, Text("a reference as Docker knows it", RuleImage),
           "HAProxy's image", "ballast/haproxy:1.0")
      .Add("hostNetwork", &LoadBalancerSpec::host_network, Boolean(),
           "true: on the host's network. false: published ports on a network of its own", "false")
      .Add("listeners", &LoadBalancerSpec::listeners,
           List(MapOf("listener", ListenerSchema()), 1, 50), "Where clients connect",
           "[{name: http, port: 8080}]")
      .Group("stats", std::move(stats), "HAProxy's statistics page")
      .Add("timeouts", &LoadBalancerSpec::timeouts, MapOf("map", std::move(timeouts)),
           "Time limits towards clients", "{client: 60s}")
      .Add("snippets", &LoadBalancerSpec::snippets, MapOf("map", std::move(snippets)),
           "Lines of haproxy.cfg, for administrators; checked by `haproxy -c` before use",
           "{global: [tune.bufsize 32768]}")
      .Group("logging", std::move(logging), "HAProxy's log")
      .Add("threads", &LoadBalancerSpec::threads, Integer<int>(0, 256),
           "HAProxy's threads; 0: as many as there are CPUs", "2")
      .Refuse("replicas", "is not built yet: there is one HAProxy for each LoadBalancer")
      .Check([](const Cursor& at, LoadBalancerSpec& spec) {
        std::map<int, std::string> ports;
        std::set<std::string> names;
        if (const Member* listeners = at.node().Find("listeners")) {
          const Cursor list_at = at.At(*listeners);
          const std::size_t size = std::min(spec.listeners.size(), listeners->value.items.size());
          for (std::size_t i = 0; i < size; ++i) {
            const Listener& listener = spec.listeners[i];
            const Cursor item = list_at.At(i);
            if (!listener.name.empty() && !names.insert(listener.name).second) {
              item.DerivedError("name", fmt::format("{} is the name of another listener already",
                                                    Quote(listener.name)));
            }
            const auto [found, is_new] = ports.emplace(listener.port, listener.name);
            if (!is_new) {
              item.DerivedError("port", fmt::format("{} is the port of listener {} already",
                                                    listener.port, Quote(found->second)));
            }
          }
        } else {
          for (const Listener& listener : spec.listeners) {
            ports.emplace(listener.port, listener.name);
          }
        }
        CheckRedirects(at, spec);
        const auto found = ports.find(spec.stats_port);
        if (found == ports.end()) return;
        const std::string message = fmt::format("{} is the port of listener {} already",
                                                spec.stats_port, Quote(found->second));
        const Member* stats_member = at.node().Find("stats");
        if (stats_member != nullptr) {
          at.At(*stats_member).DerivedError("port", message);
        } else {
          at.DerivedError("listeners", fmt::format("{} is the port of the statistics page already: "
                                                   "set stats.port or use another",
                                                   spec.stats_port));
        }
      });
  return schema;
}

}  // namespace

const Schema<LoadBalancer>& LoadBalancerSchema() {
  static const Schema<LoadBalancer> schema = [] {
    Schema<LoadBalancer> load_balancer;
    load_balancer.Constant("apiVersion", kApiVersion, "The version of this schema")
        .Constant("kind", "LoadBalancer", "One HAProxy; belongs to no namespace")
        .Required("metadata", &LoadBalancer::meta, MapOf("map", MetaSchema(false)),
                  "Name and labels", "{name: default}")
        .Add("spec", &LoadBalancer::spec, MapOf("map", SpecSchema()), "What is wanted", "{}")
        .Refuse("status", "is written by Ballast: leave it out");
    return load_balancer;
  }();
  return schema;
}

}  // namespace ballast::api
