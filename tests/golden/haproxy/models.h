// The models behind the golden files: one for each part of the configuration. Used by the unit
// tests (render, diff) and by the integration tests (real `haproxy -c`). Values only.
#pragma once

#include <map>
#include <string>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

inline LoadBalancerModel EmptyModel() { return {.name = "default"}; }

inline BackendModel ShopBackend() {
  return {.name = "default_shop",
          .traffic = {},
          .servers = {{"shop-7f3a-1", "172.30.0.5", 3000}, {"shop-7f3a-2", "172.30.0.6", 3000}}};
}

inline LoadBalancerModel ShopModel() {
  LoadBalancerModel model = EmptyModel();
  model.backends = {ShopBackend()};
  model.routes = {{{.host = "shop.example.com"}, "default_shop"}};
  return model;
}

// Every traffic option away from its default.
inline LoadBalancerModel FullModel() {
  LoadBalancerModel model = ShopModel();
  model.name = "edge";
  model.spec.listeners = {
      {.name = "http", .port = 8080, .trusted_proxies = {"10.0.0.0/8", "192.0.2.1", "fd00::/8"}},
      {.name = "behind-proxy", .port = 8081, .accept_proxy = true}};
  model.spec.stats_port = 1937;
  model.spec.host_network = false;
  model.spec.timeouts = {api::Millis(30'000), api::Millis(5'500), api::Millis(10'000)};
  model.spec.snippets = {.global = {"tune.bufsize 32768"},
                         .defaults = {"no option dontlog-normal"},
                         .frontend = {"http-response set-header X-Frame-Options DENY"}};
  model.spec.syslog = "127.0.0.1:514";
  model.spec.threads = 2;

  BackendModel api = ShopBackend();
  api.name = "prod_api";
  api.traffic = {.protocol = api::AppProtocol::kH2c,
                 .balance = api::Balance::kUri,
                 .sticky_session = api::StickySession{"API_SESSION", 3600},
                 .drain_seconds = 5,
                 .retries = 5,
                 .retry_on = {500, 503},
                 .max_connections_per_replica = 50,
                 .max_body_bytes = 1'048'576,
                 .compression = true,
                 .slow_start_seconds = 10,
                 .timeouts = {api::Millis(1'000), api::Millis(90'000), api::Millis(2'500),
                              api::Millis(7'200'000)}};
  api.servers = {{"api-1", "172.30.0.7", 8080},
                 {"api-2", "172.30.0.8", 8080, ServerAdmin::kDrain},
                 {"api-3", "172.30.0.9", 8080, ServerAdmin::kMaint}};
  BackendModel pool;  // no server, a session cookie
  pool.name = "prod_pool";
  pool.traffic.sticky_session = api::StickySession{"BALLAST", 0};
  pool.traffic.balance = api::Balance::kSource;
  model.backends.push_back(api);
  model.backends.push_back(pool);
  model.routes = {
      {{.host = "", .path = "/status", .path_type = api::PathType::kExact}, "prod_pool"},
      {{.host = "*.example.com"}, "prod_pool"},
      {{.host = "api.example.com", .path = "/v1/"}, "prod_api"},
      {{.host = "api.example.com", .path = "/v1"}, "prod_pool"},
      {{.host = "shop.example.com"}, "default_shop"}};
  return model;
}

// One backend for each algorithm.
inline LoadBalancerModel BalanceModel() {
  LoadBalancerModel model = EmptyModel();
  model.spec.stats_port = 0;
  const std::pair<const char*, api::Balance> algorithms[] = {
      {"first", api::Balance::kFirst},   {"leastconn", api::Balance::kLeastconn},
      {"random", api::Balance::kRandom}, {"roundrobin", api::Balance::kRoundrobin},
      {"source", api::Balance::kSource}, {"uri", api::Balance::kUri}};
  for (const auto& [name, balance] : algorithms) {
    BackendModel backend;
    backend.name = std::string("default_") + name;
    backend.traffic.balance = balance;
    backend.servers = {{"one", "172.30.0.5", 80}};
    model.backends.push_back(backend);
  }
  return model;
}

inline std::map<std::string, LoadBalancerModel> GoldenModels() {
  return {{"empty", EmptyModel()},
          {"shop", ShopModel()},
          {"full", FullModel()},
          {"balance", BalanceModel()}};
}

}  // namespace ballast::reconcilers::haproxy
