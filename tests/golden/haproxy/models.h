// The models behind the golden files: one for each part of the configuration. Used by the unit
// tests (render, diff) and by the integration tests (real `haproxy -c`). Values only.
#pragma once

#include <map>
#include <string>

#include "reconcilers/haproxy/content.h"
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

// One that holds the requests of two web apps without replicas, and not those of a third one.
inline LoadBalancerModel HoldModel() {
  LoadBalancerModel model = EmptyModel();
  model.holds = true;
  BackendModel api = ShopBackend();
  api.name = "prod_api";
  api.traffic.max_body_bytes = 1'048'576;
  api.servers.clear();
  api.hold_seconds = 5;
  BackendModel shop = ShopBackend();
  shop.hold_seconds = 60;
  BackendModel blog = ShopBackend();
  blog.name = "default_blog";
  blog.traffic.sticky_session = api::StickySession{"BALLAST", 0};
  model.backends = {blog, shop, api};
  model.routes = {{{.host = "api.example.com"}, "prod_api"},
                  {{.host = "blog.example.com"}, "default_blog"},
                  {{.host = "shop.example.com"}, "default_shop"}};
  return model;
}

// For shop.example.com and blog.example.com: made for these tests, and known to everybody.
inline constexpr char kShopPem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBqjCCAVCgAwIBAgIURY2PptV5S84pKyIDKMWwLXo5sI4wCgYIKoZIzj0EAwIw\n"
    "GzEZMBcGA1UEAwwQc2hvcC5leGFtcGxlLmNvbTAgFw0yNjExMjExODI0MDBaGA8y\n"
    "MTI2MTAyODE4MjQwMFowGzEZMBcGA1UEAwwQc2hvcC5leGFtcGxlLmNvbTBZMBMG\n"
    "ByqGSM49AgEGCCqGSM49AwEHA0IABBD4T5FNZW4vH1faxIk+dO1mItOwmMTlGUDt\n"
    "KWt6oIg8zB3nqv5eUjsmCMTMLUNBWSET6g6FNuLLH3O2bczXN4KjcDBuMB0GA1Ud\n"
    "DgQWBBRzayaUwDhacIVxUF5osq1xAkEtxzAfBgNVHSMEGDAWgBRzayaUwDhacIVx\n"
    "UF5osq1xAkEtxzAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEHNob3AuZXhh\n"
    "bXBsZS5jb20wCgYIKoZIzj0EAwIDSAAwRQIgLWqr8utIGvtd8XFHqcOad4AQwsbm\n"
    "zX/7eaD+XFrW+XkCIQCaecUba7TnP+LhTsZBMsq8Xiz0IuetvVI8mKE83SQ86g==\n"
    "-----END CERTIFICATE-----\n"
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgUUAEiDfCAmNtP9CX\n"
    "BSJh2+HYRJb34Xa21ZfrX41q0NmhRANCAAQQ+E+RTWVuLx9X2sSJPnTtZiLTsJjE\n"
    "5RlA7SlreqCIPMwd56r+XlI7JgjEzC1DQVkhE+oOhTbiyx9ztm3M1zeC\n"
    "-----END PRIVATE KEY-----\n";

inline constexpr char kBlogPem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBqzCCAVCgAwIBAgIUF9Kv/qlMeah3KexMT1qZSEfrQD4wCgYIKoZIzj0EAwIw\n"
    "GzEZMBcGA1UEAwwQYmxvZy5leGFtcGxlLmNvbTAgFw0yNjExMjExODI0MDBaGA8y\n"
    "MTI2MTAyODE4MjQwMFowGzEZMBcGA1UEAwwQYmxvZy5leGFtcGxlLmNvbTBZMBMG\n"
    "ByqGSM49AgEGCCqGSM49AwEHA0IABElLnBvgkXqwi2uWOuIAfbYxzNqQ7UINNzpC\n"
    "ggj3FBNMsDfSjKtcsTbEHnHf3NYFuNQNxuTyYQinhpV6enjIucmjcDBuMB0GA1Ud\n"
    "DgQWBBSdq0MIkGIuHojXGNab75fEGMe3hTAfBgNVHSMEGDAWgBSdq0MIkGIuHojX\n"
    "GNab75fEGMe3hTAPBgNVHRMBAf8EBTADAQH/MBsGA1UdEQQUMBKCEGJsb2cuZXhh\n"
    "bXBsZS5jb20wCgYIKoZIzj0EAwIDSQAwRgIhAPYkD/JGRHyD++3NeajgWgl2B3/H\n"
    "mBLAtvX5H12Nho0hAiEAgtxJftNN4COwMIjoVGLRYPIoeU8zm113sQtv2TT2kf4=\n"
    "-----END CERTIFICATE-----\n"
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcYt5nh7+U6sajaJz\n"
    "qg75MUY8rPHwZ9CIU8Wu2y4ro+qhRANCAARJS5wb4JF6sItrljriAH22MczakO1C\n"
    "DTc6QoII9xQTTLA30oyrXLE2xB5x39zWBbjUDcbk8mEIp4aVenp4yLnJ\n"
    "-----END PRIVATE KEY-----\n";

// HTTPS with several certificates, one that is not there, redirects, users.
inline LoadBalancerModel TlsModel() {
  LoadBalancerModel model = ShopModel();
  const api::NamespacedName shop{"default", "shop-tls"};
  const api::NamespacedName blog{"blogs", "blog.example.com"};
  model.spec.listeners = {
      {.name = "http", .port = 80, .redirect_to_https = true},
      {.name = "behind",
       .port = 81,
       .redirect_to_https = true,
       .accept_proxy = true,
       .trusted_proxies = {"10.0.0.0/8"}},
      {.name = "https",
       .port = 443,
       .protocol = kHttps,
       .tls_secrets = {shop, {"default", "missing"}, blog}},
      {.name = "old", .port = 8443, .protocol = kHttps, .http2 = false, .tls_secrets = {blog}},
      {.name = "none", .port = 9443, .protocol = kHttps, .tls_secrets = {{"default", "missing"}}}};
  model.spec.stats_auth = api::NamespacedName{"default", "admins"};
  model.stats_users = "00000000000000a1";
  model.certificates = {{.secret = blog, .digest = "00000000000000c2", .bytes = 100},
                        {.secret = shop, .digest = "00000000000000c1", .bytes = 100}};
  model.backends[0].traffic.basic_auth_secret = "users";
  model.backends[0].users = "00000000000000a2";
  BackendModel closed = ShopBackend();
  closed.name = "default_wiki";
  closed.traffic.basic_auth_secret = "missing";
  model.backends.push_back(closed);
  return model;
}

// What TlsModel names. Certificates for tests, with their keys.
inline SecretContent TlsContent() {
  constexpr char kHash[] =
      "$6$rounds=1000$0123456789abcdef$5.9wh/BYjMYVDbpHNyTwk9dIyrwCXx4BXSI2JpVzdj8o5QnYVULSrqRIHPdW"
      "GAdQC8ulYfZGSFgZ0p6mZKvqT1";
  return {.certificates = {{"00000000000000c1", kShopPem}, {"00000000000000c2", kBlogPem}},
          .users = {{"00000000000000a1", {{"admin", kHash}}},
                    {"00000000000000a2", {{"Ali Ce", kHash}, {"bob", kHash}}}}};
}

inline std::map<std::string, LoadBalancerModel> GoldenModels() {
  return {{"empty", EmptyModel()},     {"shop", ShopModel()}, {"full", FullModel()},
          {"balance", BalanceModel()}, {"hold", HoldModel()}, {"tls", TlsModel()}};
}

}  // namespace ballast::reconcilers::haproxy
