// One controller's WebApp side over an engine, load balancers, probes and jobs in memory, driven
// pass by pass. Events of the engine are seen at once, jobs run when the test says so.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reconcilers/webapp/reconciler.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_config.h"
#include "tests/fakes/fake_container_lister.h"
#include "tests/fakes/fake_desired.h"
#include "tests/fakes/fake_engine.h"
#include "tests/fakes/fake_health.h"
#include "tests/fakes/fake_jobs.h"
#include "tests/fakes/fake_traffic.h"
#include "tests/fakes/memory_journal.h"
#include "tests/fakes/recording_event_recorder.h"
#include "tests/fakes/recording_metrics.h"
#include "tests/fakes/recording_status.h"

namespace ballast::reconcilers {

class WebAppWorld : public testing::Test {
 public:
  using Wait = std::optional<std::chrono::milliseconds>;

  // `shop`: two replicas of image shop:1 with a route, not applied yet. Replicas become ready by
  // themselves.
  WebAppWorld();

  // Another controller over the same Docker and HAProxy; no probe has come to a verdict yet.
  void Restart();
  void Apply();  // `shop` as it is now becomes what users want
  void Scale(int replicas);
  // Applies `shop` and settles it; everything counts from here.
  void StartShop(int replicas);

  // One pass; how long until the next one when nothing happens.
  Wait Pass();
  Wait PassOf(const api::ObjectKey& key);
  // One pass and the jobs that it started.
  Wait Step();
  // Steps, `every` so often, for so long.
  void StepFor(std::chrono::milliseconds duration, std::chrono::milliseconds every);
  // Steps until there is nothing to do and nothing to wait for.
  void Settle() { SettleAll(shop.Key()); }
  void SettleAll(const api::ObjectKey& key);

  // "shop-7f3a-0", and its container's name. Of the template that `shop` has now.
  [[nodiscard]] std::string Replica(int slot) const;
  [[nodiscard]] std::string Container(int slot, int attempt = 0) const;
  [[nodiscard]] std::string Id(int slot, int attempt = 0) const;
  [[nodiscard]] bool Runs(int slot, int attempt = 0) const;
  [[nodiscard]] std::vector<std::string> Running() const;  // names of containers

  // Probes: nothing is ready unless told so.
  void NothingIsReady();
  void SetReady(int slot);

  [[nodiscard]] bool HasStatus() const { return status.webapps.contains(shop.Key()); }
  [[nodiscard]] api::WebAppStatus ShopStatus() const;
  [[nodiscard]] std::string Condition(const std::string& type) const;  // "True Reason"
  [[nodiscard]] api::Condition FindCondition(const std::string& type) const;
  [[nodiscard]] std::vector<std::string> Rows() const;  // slot, phase, server: "0 Running UP"
  // How often a call of the engine was made: "PullImage shop:2".
  [[nodiscard]] int Count(const std::string& call) const;

  fakes::FakeClock clock;
  fakes::FakeEngine engine{&clock};
  fakes::FakeContainerLister lister{&engine};
  fakes::FakeDesired desired;
  fakes::FakeConfig config;
  fakes::FakeTraffic traffic;
  fakes::MemoryJournal journal;
  fakes::RecordingStatus status;
  fakes::RecordingEventRecorder events;
  fakes::RecordingMetrics metrics;
  LabelledApps labelled{desired, lister};
  api::WebApp shop;

  // The controller.
  fakes::FakeHealth health;
  std::unique_ptr<fakes::FakeJobs> jobs;
  std::unique_ptr<AddressPool> addresses;
  std::unique_ptr<ReplicaNetwork> network;
  std::unique_ptr<WebAppReconciler> reconciler;
};

}  // namespace ballast::reconcilers
