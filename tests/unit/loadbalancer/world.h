// A controller with one load balancer and a HAProxy in memory, for the tests of TrafficManager.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/labels.h"
#include "reconcilers/loadbalancer/traffic_manager.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_data_plane.h"
#include "tests/fakes/fake_desired.h"
#include "tests/fakes/fake_secrets.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"

namespace ballast::reconcilers {

inline api::ObjectKey App(const std::string& name) { return {"WebApp", "default", name}; }

inline Endpoint Ep(const std::string& server, int last, ServerAdmin admin = ServerAdmin::kReady) {
  return {.server = server,
          .container_id = "id-" + server + "-" + std::to_string(last),
          .address = "10.0.0." + std::to_string(last),
          .port = 8080,
          .admin = admin,
          .network = "ballast"};
}

inline BackendSpec Spec(const std::string& name, std::vector<Endpoint> endpoints) {
  return {.app = App(name),
          .routes = {{.host = name + ".test"}},
          .traffic = {},
          .endpoints = std::move(endpoints)};
}

inline ContainerInfo HaproxyContainer(int number, const std::string& id) {
  ContainerInfo info;
  info.id = id;
  info.name = "ballast-lb-default-" + std::to_string(number);
  info.state = ContainerState::kRunning;
  info.network_mode = "host";
  info.labels = {{api::kLabelOwner, "ballast"},
                 {api::kLabelLoadBalancerName, "default"},
                 {api::kLabelLoadBalancerRole, "haproxy"},
                 {api::kLabelAttempt, std::to_string(number)}};
  return info;
}

class World : public testing::Test {
 public:
  World() { Restart(); }

  // Another controller over the same HAProxy.
  void Restart() {
    manager = std::make_unique<TrafficManager>(
        TrafficDependencies{clock, desired, lister, host, enqueuer, events, metrics, secrets},
        "ballast");
  }
  // The container of HAProxy, started on bootstrap files.
  void StartHaproxy() {
    ASSERT_TRUE(host.Prepare("default", 1, Lb().StartFiles(0)));
    ASSERT_TRUE(host.Of(1).Start());
    lister.Put(HaproxyContainer(1, "c1"));
  }
  LoadBalancerTraffic& Lb() { return manager->Of("default"); }
  fakes::FakeHaproxy& Haproxy() { return host.Of(1); }

  // What the reconciler does until nothing is left to do now; reloads included.
  TrafficTick Settle() {
    Lb().SetSpec(spec);
    TrafficTick tick;
    for (int i = 0; i < 40; ++i) {
      tick = Lb().Tick();
      if (tick.reload_due) {
        static_cast<void>(Lb().Reload());
        continue;
      }
      if (!tick.again || *tick.again > std::chrono::milliseconds(600)) return tick;
      clock.Advance(*tick.again);
    }
    return tick;
  }
  // A HAProxy that runs `shop` with servers a and b, everything settled and counted from here.
  void StartShop() {
    desired.Add("shop", {{.host = "shop.test"}});
    StartHaproxy();
    static_cast<void>(manager->Publish(Spec("shop", {Ep("a", 1), Ep("b", 2)})));
    Settle();
    ASSERT_EQ(Haproxy().Admin("default_shop", "a"), "ready");
    ASSERT_EQ(Haproxy().Admin("default_shop", "b"), "ready");
    Forget();
  }
  void Forget() {
    Haproxy().writes.clear();
    Haproxy().reloads = 0;
    Haproxy().published = 0;
    events.Clear();
  }
  std::string Server(const std::string& name) { return Haproxy().Admin("default_shop", name); }

  fakes::FakeClock clock;
  fakes::FakeDesired desired;
  fakes::FakeContainerLister lister;
  fakes::FakeHaproxyHost host;
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingEventRecorder events;
  fakes::RecordingMetrics metrics;
  fakes::FakeSecrets secrets;
  api::LoadBalancerSpec spec;
  std::unique_ptr<TrafficManager> manager;
};

}  // namespace ballast::reconcilers
