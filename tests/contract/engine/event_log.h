// Runs StreamEvents on a thread of its own and waits for what a test expects. One owner; the
// waiting methods are for the test's thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "reconcilers/ports/engine.h"

namespace ballast::contract {

class EventLog {
 public:
  using Match = std::function<bool(const reconcilers::EngineEvent&)>;

  // Returns once the engine has accepted the subscription (or refused it).
  explicit EventLog(reconcilers::Engine& engine);

  // Waits for an event of this container, at most half a minute; nullopt: it did not come.
  std::optional<reconcilers::EngineEvent> Await(const std::string& id, const std::string& action);
  std::optional<reconcilers::EngineEvent> AwaitMatch(const Match& match);
  // Ends the stream, if it did not end by itself, and says how it ended.
  Status Stop();
  Status AwaitEnd();  // of itself
  // The container's actions so far, in order.
  [[nodiscard]] std::vector<std::string> ActionsOf(const std::string& id) const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  std::optional<Status> end_;
  std::vector<reconcilers::EngineEvent> events_;
  std::jthread thread_;
};

}  // namespace ballast::contract
