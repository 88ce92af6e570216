#include <fmt/format.h>

#include <map>
#include <tuple>

#include "api/codec.h"
#include "api/schemas.h"

namespace ballast::api {
namespace {

// HAProxy's own limit is 24 days.
constexpr Millis kShortest{10};
constexpr Millis kLongest{std::int64_t{7} * 24 * 3'600'000};

Schema<Strategy> StrategySchema() {
  Schema<Strategy> rolling;
  rolling
      .Add("maxSurge", &Strategy::max_surge, NumberOrPercent(),
           "Replicas beyond `replicas` during a rollout; percentages are rounded up", "1")
      .Add("maxUnavailable", &Strategy::max_unavailable, NumberOrPercent(),
           "Replicas fewer than `replicas` in service during a rollout; rounded down", "10%")
      .Check([](const Cursor& at, Strategy& strategy) {
        if (strategy.max_surge.value == 0 && strategy.max_unavailable.value == 0) {
          at.DerivedError(at.node().Find("maxSurge") != nullptr ? "maxSurge" : "maxUnavailable",
                          "maxSurge and maxUnavailable must not both be 0: no replica could ever "
                          "be replaced");
        }
      });
  const std::string later = "is not built yet: use RollingUpdate or Recreate";
  Schema<Strategy> schema;
  schema
      .Add("type", &Strategy::type,
           Choice<StrategyType>({{"RollingUpdate", StrategyType::kRollingUpdate},
                                 {"Recreate", StrategyType::kRecreate}},
                                {{"Canary", later}, {"BlueGreen", later}}),
           "RollingUpdate: new replicas take over one by one. Recreate: all old ones go first",
           "Recreate")
      .Group("rollingUpdate", std::move(rolling), "Only with type RollingUpdate")
      .Presence([](const Strategy& strategy) {
        return strategy.type == StrategyType::kRecreate ? std::optional<bool>(false) : std::nullopt;
      })
      .Refuse("canary", later)
      .Check([](const Cursor& at, Strategy& strategy) {
        if (strategy.type == StrategyType::kRecreate &&
            at.node().Find("rollingUpdate") != nullptr) {
          at.DerivedError("rollingUpdate", "must be left out with type: Recreate");
        }
      });
  return schema;
}

Schema<Route> RouteSchema() {
  Type<std::string> host =
      Text("a DNS name in lower case; *.example.com matches one label", RuleRouteHost);
  host.read = [read = host.read](const Cursor& at, std::string& out) {
    std::string text;
    read(at, text);
    if (const auto lower = NormalizeHost(text)) out = *lower;
  };
  Schema<Route> schema;
  schema
      .Add("host", &Route::host, host, "Requests for this host; left out: any host",
           "shop.example.com")
      .Add("path", &Route::path,
           Text("starts with /; letters, digits and /-._~!&()*+,=:@; at most 512", RuleRoutePath),
           "Requests for this path", "/shop")
      .Add("pathType", &Route::path_type,
           Choice<PathType>({{"Prefix", PathType::kPrefix}, {"Exact", PathType::kExact}}),
           "Prefix matches whole elements: /foo takes /foo and /foo/x but not /foobar", "Exact")
      .Add("loadBalancer", &Route::load_balancer, Text("a DNS label, at most 40", RuleObjectName),
           "The LoadBalancer that takes them; `default` is made when no document defines it",
           "internal")
      .Refuse("weight", "is not built yet")
      .Refuse("tls", "is not built yet")
      .Check([](const Cursor&, Route& route) {  // /foo/ and /foo are the same prefix
        if (route.path_type == PathType::kPrefix && route.path.size() > 1 &&
            route.path.ends_with('/')) {
          route.path.pop_back();
        }
      });
  return schema;
}

Schema<StickySession> StickySchema() {
  Schema<StickySession> schema;
  schema
      .Required("cookieName", &StickySession::cookie_name,
                Text("a token of RFC 6265 without quote, at most 64", RuleCookieName),
                "The cookie's name", "BALLAST")
      .Add("ttlSeconds", &StickySession::ttl_seconds, Integer<int>(0, 31'536'000),
           "How long a browser comes back to its replica; 0: until it is closed", "3600");
  return schema;
}

Type<int> RetryStatus() {
  Type<int> type = Integer<int>(401, 504);
  type.allowed = "401, 403, 404, 408, 425, 429, 500, 501, 502, 503 or 504";
  type.read = [allowed = type.allowed](const Cursor& at, int& out) {
    std::int64_t value = 0;
    if (!ReadInteger(at, 401, 504, value)) return;
    switch (value) {
      case 401:
      case 403:
      case 404:
      case 408:
      case 425:
      case 429:
      case 500:
      case 501:
      case 502:
      case 503:
      case 504:
        out = static_cast<int>(value);
        return;
      default:
        at.ErrorWanted("one of " + allowed);
    }
  };
  return type;
}

}  // namespace

Schema<Traffic> TrafficSchema() {
  const auto duration = Duration(kShortest, kLongest);
  Schema<TrafficTimeouts> timeouts;
  timeouts
      .Add(
          "connect", &TrafficTimeouts::connect, duration,
          "To connect to a replica before another one is tried; after a refused connection HAProxy "
          "waits as long",
          "250ms")
      .Add("server", &TrafficTimeouts::server, duration, "For the app to answer", "60s")
      .Add("queue", &TrafficTimeouts::queue, duration,
           "In the queue, when every replica is at maxConnectionsPerReplica", "30s")
      .Add("tunnel", &TrafficTimeouts::tunnel, duration,
           "For WebSockets and the like without any traffic", "1h");
  Schema<Traffic> schema;
  schema
      .Add("protocol", &Traffic::protocol,
           Choice<AppProtocol>({{"http1", AppProtocol::kHttp1}, {"h2c", AppProtocol::kH2c}}),
           "How HAProxy speaks to the app; h2c for gRPC", "h2c")
      .Add("balance", &Traffic::balance,
           Choice<Balance>({{"leastconn", Balance::kLeastconn},
                            {"roundrobin", Balance::kRoundrobin},
                            {"random", Balance::kRandom},
                            {"first", Balance::kFirst},
                            {"source", Balance::kSource},
                            {"uri", Balance::kUri}}),
           "How a replica is chosen; source and uri hash consistently", "roundrobin")
      .Optional("stickySession", &Traffic::sticky_session, MapOf("map", StickySchema()),
                "A cookie keeps a browser on its replica; left out: none",
                "{cookieName: BALLAST, ttlSeconds: 3600}")
      .Add("drainSeconds", &Traffic::drain_seconds, Integer<int>(0, 3600),
           "How long a leaving replica may finish its requests", "60")
      .Add("retries", &Traffic::retries, Integer<int>(0, 10),
           "Further attempts after a failed connection or an empty answer. Only GET, HEAD and the "
           "like once the request was sent",
           "3")
      .Add("retryOn", &Traffic::retry_on, List(RetryStatus(), 0, 11, Repeats::kRefused),
           "Answers of the app to try again as well", "[502, 503]")
      .Add("maxConnectionsPerReplica", &Traffic::max_connections_per_replica,
           Integer<int>(0, 1'000'000), "Above it requests queue; 0: no limit", "100")
      .Add("maxBodyBytes", &Traffic::max_body_bytes,
           Integer<std::int64_t>(0, std::int64_t{1} << 40),
           "Larger requests are answered 413; 0: no limit", "10485760")
      .Add("compression", &Traffic::compression, Boolean(), "Compresses what clients accept",
           "true")
      .Add("slowStartSeconds", &Traffic::slow_start_seconds, Integer<int>(0, 3600),
           "A new replica's share grows over this time", "30")
      .Add("timeouts", &Traffic::timeouts, MapOf("map", std::move(timeouts)), "Time limits",
           "{connect: 250ms, server: 60s}")
      .Add("basicAuthSecret", &Traffic::basic_auth_secret,
           Text("a DNS subdomain, at most 253; empty: none",
                [](std::string_view text) { return text.empty() ? "" : RuleLongName(text); }),
           "A Secret of type kubernetes.io/basic-auth in the app's namespace: HAProxy asks for its "
           "user and password",
           "shop-users")
      .Switch(&Features::basic_auth, "is not built yet", "\"\"");
  return schema;
}

namespace {

Schema<WebAppSpec> SpecSchema() {
  Type<PodTemplate> pod_template{
      .name = "map",
      .allowed = "",
      .read = [](const Cursor& at, PodTemplate& out) { PodTemplateSchema().Read(at, out); },
      .write = [](const PodTemplate& value,
                  Style style) { return PodTemplateSchema().Write(value, style); },
      .is_empty = [](const PodTemplate&) { return false; },
      .describe = [](const std::string& path,
                     KindDoc& out) { PodTemplateSchema().DescribeFields(path, out); },
      .is_map = true};
  Schema<WebAppSpec> schema;
  schema
      .Add("replicas", &WebAppSpec::replicas, Integer<int>(0, 1000),
           "How many to keep running; must be left out without a template", "3")
      .Presence(
          [](const WebAppSpec& spec) { return spec.pod_template ? std::optional<bool>() : false; })
      .Add("paused", &WebAppSpec::paused, Boolean(), "Rollouts wait", "true")
      .Add("minReadySeconds", &WebAppSpec::min_ready_seconds, Integer<int>(0, 3600),
           "A new replica counts as available once it was ready that long", "5")
      .Add("progressDeadlineSeconds", &WebAppSpec::progress_deadline_seconds,
           Integer<int>(1, 86'400), "A rollout without progress for that long stops and says so",
           "120")
      .Add("revisionHistoryLimit", &WebAppSpec::revision_history_limit, Integer<int>(0, 100),
           "Old revisions kept to go back to", "3")
      .Add("strategy", &WebAppSpec::strategy, MapOf("map", StrategySchema()),
           "How a change of the template reaches the replicas", "{type: Recreate}")
      .Optional("template", &WebAppSpec::pod_template, pod_template,
                "What a replica is. Left out: the app is a pool of labelled containers only", "")
      .Add("routes", &WebAppSpec::routes, List(MapOf("route", RouteSchema()), 0, 100),
           "Which requests it gets", "[{host: shop.example.com}]")
      .Add("traffic", &WebAppSpec::traffic, MapOf("map", TrafficSchema()),
           "How HAProxy treats its requests", "{balance: roundrobin}")
      .Refuse("selector", "is not allowed: Ballast finds its containers by labels of its own")
      .Refuse("serviceName", "is not allowed: a WebApp is its own Service")
      .Refuse("weight", "is not built yet")
      .Check([](const Cursor& at, WebAppSpec& spec) {
        if (spec.progress_deadline_seconds <= spec.min_ready_seconds) {
          at.DerivedError("progressDeadlineSeconds", "must be greater than minReadySeconds");
        }
        if (at.node().Find("template") == nullptr) {
          if (at.node().Find("replicas") != nullptr) {
            at.DerivedError("replicas",
                            "must be left out without a template: Ballast starts no containers");
          }
          spec.replicas = 0;
        }
        const Member* routes = at.node().Find("routes");
        if (routes == nullptr) return;
        const Cursor routes_at = at.At(*routes);
        std::map<std::tuple<std::string, std::string, std::string, PathType>, std::size_t> seen;
        for (std::size_t i = 0; i < spec.routes.size(); ++i) {
          const Route& route = spec.routes[i];
          const auto [found, is_new] = seen.emplace(
              std::tuple(route.load_balancer, route.host, route.path, route.path_type), i);
          if (!is_new) {
            routes_at.At(i).DerivedError("",
                                         fmt::format("is the same as routes[{}]", found->second));
          }
        }
      });
  return schema;
}

}  // namespace

const Schema<WebApp>& WebAppSchema() {
  static const Schema<WebApp> schema = [] {
    Schema<WebApp> webapp;
    webapp.Constant("apiVersion", kApiVersion, "The version of this schema")
        .Constant("kind", "WebApp", "A Deployment, its Service and its Ingress in one")
        .Required("metadata", &WebApp::meta, MapOf("map", MetaSchema(true)), "Name and labels",
                  "{name: shop}")
        .Required("spec", &WebApp::spec, MapOf("map", SpecSchema()), "What is wanted", "{}")
        .Refuse("status", "is written by Ballast: leave it out");
    return webapp;
  }();
  return schema;
}

}  // namespace ballast::api
