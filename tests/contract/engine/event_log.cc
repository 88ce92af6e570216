#include "tests/contract/engine/event_log.h"

#include <algorithm>
#include <chrono>

namespace ballast::contract {

constexpr std::chrono::seconds kPatience{30};

EventLog::EventLog(reconcilers::Engine& engine)
    : thread_([this, &engine](const std::stop_token& stop) {
        const Status end = engine.StreamEvents(
            stop,
            [this] {
              const std::lock_guard lock(mutex_);
              open_ = true;
              changed_.notify_all();
            },
            [this](const reconcilers::EngineEvent& event) {
              const std::lock_guard lock(mutex_);
              events_.push_back(event);
              changed_.notify_all();
            });
        const std::lock_guard lock(mutex_);
        end_ = end;
        changed_.notify_all();
      }) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return open_ || end_; });
}

std::optional<reconcilers::EngineEvent> EventLog::Await(const std::string& id,
                                                        const std::string& action) {
  return AwaitMatch([&](const reconcilers::EngineEvent& event) {
    return event.type == "container" && event.id == id && event.action == action;
  });
}

std::optional<reconcilers::EngineEvent> EventLog::AwaitMatch(const Match& match) {
  std::unique_lock lock(mutex_);
  const auto find = [&] { return std::find_if(events_.begin(), events_.end(), match); };
  changed_.wait_for(lock, kPatience, [&] { return find() != events_.end() || end_; });
  const auto found = find();
  return found == events_.end() ? std::nullopt : std::optional(*found);
}

Status EventLog::Stop() {
  thread_.request_stop();
  return AwaitEnd();
}

Status EventLog::AwaitEnd() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kPatience, [this] { return end_.has_value(); });
  return end_.value_or(Status{Code::kTimeout, "the stream did not end"});
}

std::vector<std::string> EventLog::ActionsOf(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& event : events_) {
    if (event.type == "container" && event.id == id) out.push_back(event.action);
  }
  return out;
}

}  // namespace ballast::contract
