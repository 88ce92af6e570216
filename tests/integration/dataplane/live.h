// A controller's load balancer side over the real Docker Engine and the real HAProxy, driven by the
// test itself: one thread, no waiting but polling with a deadline. Everything it makes carries an
// owner of its own and is removed at the end.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/runtime/system_clock.h"
#include "reconcilers/loadbalancer/reconciler.h"
#include "reconcilers/loadbalancer/traffic_manager.h"
#include "reconcilers/ports/data_plane_factory.h"
#include "reconcilers/ports/engine.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_desired.h"
#include "tests/fakes/fake_jobs.h"
#include "tests/fakes/fake_secrets.h"
#include "tests/fakes/recording_enqueuer.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/recording_status.h"
#include "tests/unit/loadbalancer/world.h"

namespace ballast::live {

inline constexpr char kImage[] = "ballast/haproxy:latest";

// Runs a shell command; its output without the last newline.
std::string Shell(const std::string& command);
std::uint16_t FreePort();
// Of a GET; 0: no answer.
int StatusOf(std::uint16_t port, const std::string& host,
             std::chrono::milliseconds patience = std::chrono::seconds(2));

// The sample web app as a process of this host.
class App {
 public:
  explicit App(const std::string& name);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;
  [[nodiscard]] reconcilers::Endpoint endpoint() const;
  void Kill();

 private:
  std::string name_;
  std::uint16_t port_;
  pid_t pid_ = -1;
};

class Live : public testing::Test {
 public:
  void SetUp() override;
  void TearDown() override;

  // Another controller over what runs.
  void Restart();
  // One turn of everything: list, reconcile, jobs.
  void Step();
  void RunJobs();
  // Steps until it holds; false after 30 s.
  bool Until(const std::function<bool()>& holds);
  // Steps until there is nothing to do for a while.
  void Settle();
  bool Serves(const std::string& host, int wanted = 200);
  // Publishes one app of these servers, with `hold_seconds`.
  Result<void> Publish(const std::string& app, std::vector<reconcilers::Endpoint> endpoints,
                       std::vector<std::string> dead = {}, api::Traffic traffic = {});
  reconcilers::LoadBalancerTraffic& Lb() { return manager->Of("lb"); }
  api::LoadBalancerStatus Status() { return status.load_balancers["lb"]; }
  std::string Condition(const std::string& type);  // its message
  double Commands() {
    return metrics.Get("ballast_haproxy_runtime_commands_total{load_balancer=lb}");
  }
  std::vector<std::string> Containers();  // names of this test's running HAProxies

  std::string owner;
  std::string root;
  runtime::SystemClock clock;
  std::unique_ptr<reconcilers::Engine> engine;
  std::unique_ptr<reconcilers::DataPlaneFactory> planes;
  fakes::FakeDesired desired;
  std::unique_ptr<fakes::FakeContainerLister> lister;
  std::unique_ptr<fakes::FakeJobs> jobs;
  fakes::RecordingEnqueuer enqueuer;
  fakes::RecordingEventRecorder events;
  fakes::RecordingMetrics metrics;
  fakes::RecordingStatus status;
  fakes::FakeSecrets secrets;
  api::LoadBalancerSpec spec;
  int hold_seconds = 0;
  std::function<void(const api::ObjectKey&)> held;  // before SetUp
  std::unique_ptr<reconcilers::TrafficManager> manager;
  std::unique_ptr<reconcilers::LoadBalancerReconciler> reconciler;
  std::chrono::milliseconds drive_again{0};
};

}  // namespace ballast::live
