// The EventRecorder port: keeps the last events for people, counting equal ones of ten minutes as
// one, and writes a log line for each (repeats: for the 2nd, 4th, 8th ...). Owned by
// controller/cmd. Any thread.
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/event_recorder.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::runtime {

struct LoggedEvent {
  api::ObjectKey object;
  reconcilers::EventType type = reconcilers::EventType::kNormal;
  std::string reason;
  std::string message;
  int count = 1;
  api::Time first{};
  api::Time last{};
};

class EventLog final : public reconcilers::EventRecorder {
 public:
  static constexpr std::size_t kCapacity = 1000;
  static constexpr std::chrono::minutes kWindow{10};
  static constexpr std::size_t kMaxMessageBytes = 1024;

  EventLog(const reconcilers::Clock& clock, reconcilers::Metrics& metrics)
      : clock_(clock), metrics_(metrics) {}

  void Record(const api::ObjectKey& object, reconcilers::EventType type, std::string_view reason,
              std::string_view message) override;

  // By time of the last occurrence, newest last.
  [[nodiscard]] std::vector<LoggedEvent> Snapshot() const;
  [[nodiscard]] std::vector<LoggedEvent> Snapshot(const api::ObjectKey& object) const;

 private:
  struct Entry {
    LoggedEvent event;
    reconcilers::Clock::Steady first_steady{};
  };
  using Identity = std::tuple<api::ObjectKey, std::string, std::string>;

  const reconcilers::Clock& clock_;
  reconcilers::Metrics& metrics_;
  mutable std::mutex mutex_;
  std::list<Entry> events_;  // oldest first
  std::map<Identity, std::list<Entry>::iterator> by_identity_;
};

}  // namespace ballast::runtime
