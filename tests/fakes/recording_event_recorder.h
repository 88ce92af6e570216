// Remembers what was recorded, in order. Any thread.
#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "reconcilers/ports/event_recorder.h"

namespace ballast::fakes {

class RecordingEventRecorder final : public reconcilers::EventRecorder {
 public:
  struct Event {
    api::ObjectKey object;
    reconcilers::EventType type = reconcilers::EventType::kNormal;
    std::string reason;
    std::string message;
    bool operator==(const Event&) const = default;
  };

  void Record(const api::ObjectKey& object, reconcilers::EventType type, std::string_view reason,
              std::string_view message) override {
    const std::lock_guard lock(mutex_);
    events_.push_back({object, type, std::string(reason), std::string(message)});
  }

  [[nodiscard]] std::vector<Event> Events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  // "Created", "Started", ... in order.
  [[nodiscard]] std::vector<std::string> Reasons() const {
    std::vector<std::string> reasons;
    for (const Event& event : Events()) reasons.push_back(event.reason);
    return reasons;
  }
  [[nodiscard]] bool Has(std::string_view reason) const {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(events_,
                               [reason](const Event& event) { return event.reason == reason; });
  }
  void Clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Event> events_;
};

}  // namespace ballast::fakes
