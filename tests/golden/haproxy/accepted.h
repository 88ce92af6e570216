// Objects with every value that api/ lets through: each byte in each field that reaches HAProxy's
// configuration, the longest values, the largest numbers, and random ones. Used by the unit test
// (all of it renders) and by the integration test (`haproxy -c` takes it). One thread.
#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "api/codec.h"
#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

class Accepted {
 public:
  explicit Accepted(unsigned seed) : random_(seed) {
    WebApps();
    LoadBalancers();
  }

  LoadBalancerModel model;  // all the web apps, each a backend with a server
  std::vector<api::LoadBalancerSpec> specs;
  int refused = 0;

 private:
  using Json = nlohmann::json;
  using Pointer = Json::json_pointer;

  void WebApps() {
    const std::vector<std::pair<const char*, std::string>> texts{
        {"/metadata/name", ""},
        {"/metadata/namespace", ""},
        {"/spec/routes/0/host", ".test"},
        {"/spec/routes/0/path", ""},
        {"/spec/traffic/stickySession/cookieName", ""}};
    for (const auto& [field, suffix] : texts) {
      for (const std::string& value : Texts()) WebApp(field, value + suffix);
      for (const char* start : {"/", "*.", "*.a", "/%", "/a/"}) {
        for (const std::string& value : Texts()) WebApp(field, start + value + suffix);
      }
    }
    for (const char* field : {"retries", "maxConnectionsPerReplica", "maxBodyBytes", "drainSeconds",
                              "slowStartSeconds", "stickySession/ttlSeconds"}) {
      for (const std::int64_t value : Numbers()) {
        WebApp(std::string("/spec/traffic/") + field, value);
      }
    }
    for (const char* field : {"connect", "server", "queue", "tunnel"}) {
      for (const char* value : kDurations) {
        WebApp(std::string("/spec/traffic/timeouts/") + field, value);
      }
    }
    for (int code = 100; code < 600; ++code) {
      WebApp("/spec/traffic/retryOn", Json::array({code}));
    }
    for (const char* value : {"leastconn", "roundrobin", "random", "first", "source", "uri"}) {
      WebApp("/spec/traffic/balance", value);
    }
    for (const char* value : {"http1", "h2c"}) WebApp("/spec/traffic/protocol", value);
    for (const char* value : {"Prefix", "Exact"}) WebApp("/spec/routes/0/pathType", value);
    WebApp("/spec/traffic/compression", true);
  }

  void LoadBalancers() {
    for (const std::string& value : Texts()) {
      LoadBalancer("/metadata/name", value);
      LoadBalancer("/spec/listeners/0/name", value);
      LoadBalancer("/spec/listeners/0/trustedProxies", Json::array({value}));
      LoadBalancer("/spec/logging/syslog", value + ":514");
      for (const char* section : {"global", "defaults", "frontend"}) {
        for (const char* start : {"", "no ", "default ", "http-request ", "# "}) {
          LoadBalancer(std::string("/spec/snippets/") + section, Json::array({start + value}));
        }
      }
    }
    for (const char* value : {"0.0.0.0/0", "255.255.255.255", "1.2.3.4/32", "::/0", "::", "::1",
                              "fd00::/8", "1:2:3:4:5:6:7:8", "ABCD:ef01::/128"}) {
      LoadBalancer("/spec/listeners/0/trustedProxies", Json::array({value}));
    }
    for (const std::int64_t value : Numbers()) {
      LoadBalancer("/spec/listeners/0/port", value);
      LoadBalancer("/spec/stats/port", value);
      LoadBalancer("/spec/threads", value);
    }
    for (const char* field : {"client", "httpRequest", "keepAlive"}) {
      for (const char* value : kDurations) {
        LoadBalancer(std::string("/spec/timeouts/") + field, value);
      }
    }
  }

  // Each byte at the start, in the middle, at the end; long ones; random ones.
  std::vector<std::string> Texts() {
    std::vector<std::string> texts{"", std::string(15, 'a'), std::string(39, 'a')};
    for (const std::size_t size : {40, 41, 63, 64, 65, 253, 254, 511, 512, 513, 1000, 1024}) {
      texts.emplace_back(size, 'a');
    }
    texts.push_back(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') +
                    "." + std::string(56, 'd'));
    for (int c = 1; c < 128; ++c) {
      const std::string one(1, static_cast<char>(c));
      for (const std::string& text :
           {one, "a" + one, one + "b", "a" + one + "b", "A" + one + "Z"}) {
        texts.push_back(text);
      }
    }
    texts.emplace_back("\xC3\xA4");
    static const std::string kLikely = "aZ09/-._~!&()*+,=:@%#$'\";[]{}<>|`^\\? \t\n";
    std::uniform_int_distribution<std::size_t> letter(0, kLikely.size() - 1);
    std::uniform_int_distribution<int> length(1, 8);
    for (int i = 0; i < 300; ++i) {
      std::string text;
      for (int n = length(random_); n > 0; --n) text += kLikely[letter(random_)];
      texts.push_back(text);
    }
    return texts;
  }
  static std::vector<std::int64_t> Numbers() {
    std::vector<std::int64_t> numbers;
    for (const std::int64_t base :
         {std::int64_t{0}, std::int64_t{10}, std::int64_t{64}, std::int64_t{256},
          std::int64_t{1000}, std::int64_t{3600}, std::int64_t{65535}, std::int64_t{86400},
          std::int64_t{1} << 20, std::int64_t{1} << 31, std::int64_t{1} << 40}) {
      for (const int near : {-1, 0, 1}) numbers.push_back(base + near);
    }
    return numbers;
  }
  static constexpr const char* kDurations[] = {"0s",   "1ms",  "40ms", "1500ms", "1s",    "24h",
                                               "168h", "596h", "600h", "1000h",  "8760h", "99999h"};

  void WebApp(const std::string& field, const Json& value) {
    Json object = {{"apiVersion", "ballast.dev/v1alpha1"},
                   {"kind", "WebApp"},
                   {"metadata", {{"name", "app" + std::to_string(++count_)}}},
                   {"spec",
                    {{"routes", {{{"host", "h" + std::to_string(count_) + ".test"}}}},
                     {"traffic", {{"stickySession", {{"cookieName", "C"}}}}}}}};
    object[Pointer(field)] = value;
    const Result<api::Object> decoded = api::DecodeObject(object, {});
    if (!decoded) {
      ++refused;
      return;
    }
    const auto& app = std::get<api::WebApp>(*decoded);
    const std::string name = BackendName(app.Key());
    for (const BackendModel& other : model.backends) {
      if (other.name == name) return;
    }
    model.backends.push_back(
        {name, app.spec.traffic, {{app.meta.name + "-7f3a1b2c-0", "127.0.0.1", 8080}}});
    for (const api::Route& route : app.spec.routes) model.routes.push_back({route, name});
  }

  void LoadBalancer(const std::string& field, const Json& value) {
    Json object = {{"apiVersion", "ballast.dev/v1alpha1"},
                   {"kind", "LoadBalancer"},
                   {"metadata", {{"name", "lb"}}},
                   {"spec", {{"listeners", {{{"name", "http"}, {"port", 8080}}}}}}};
    object[Pointer(field)] = value;
    const Result<api::Object> decoded = api::DecodeObject(object, {});
    if (!decoded) {
      ++refused;
      return;
    }
    specs.push_back(std::get<api::LoadBalancer>(*decoded).spec);
  }

  std::mt19937 random_;
  int count_ = 0;
};

}  // namespace ballast::reconcilers::haproxy
