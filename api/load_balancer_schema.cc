#include <fmt/format.h>

#include <map>
#include <set>

#include "api/schemas.h"

namespace ballast::api {
namespace {

Schema<Listener> ListenerSchema() {
  const std::string later = "HTTPS listeners are not built yet: use protocol HTTP";
  Schema<Listener> schema;
  schema
      .Required("name", &Listener::name, Text("a DNS label, at most 40", RuleObjectName),
                "The listener's name, unique in the load balancer", "http")
      .Add("port", &Listener::port, Integer<std::uint16_t>(1, 65535),
           "The port that HAProxy listens on", "8080")
      .Add("protocol", &Listener::protocol,
           Choice<std::string>({{"HTTP", "HTTP"}}, {{"HTTPS", later}, {"TLS", later}}),
           "What clients speak", "HTTP")
      .Add("acceptProxy", &Listener::accept_proxy, Boolean(),
           "Clients begin with the PROXY protocol, version 1 or 2", "true")
      .Add("trustedProxies", &Listener::trusted_proxies,
           List(Text("an IPv4 or IPv6 address or network", RuleCidr), 0, 60, Repeats::kRefused),
           "Clients whose X-Forwarded-* headers are kept; everybody else's are dropped",
           "[10.0.0.0/8]")
      .Refuse("redirectToHttps", later, "false")
      .Refuse("http2", later)
      .Refuse("tls", later)
      .Refuse("hostname", "is not built yet: hosts are matched by the routes of web apps");
  return schema;
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
           "HAProxy's statistics page, on 127.0.0.1 only", "1936")
      .Refuse("auth", "is not built yet: the page listens on 127.0.0.1 only");
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
