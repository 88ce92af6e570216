#include "controller/runtime/event_log.h"

#include <bit>

#include "controller/runtime/log.h"

namespace ballast::runtime {
namespace {

void LogEvent(const LoggedEvent& event) {
  const bool warning = event.type == reconcilers::EventType::kWarning;
  Log(warning ? LogLevel::kWarning : LogLevel::kInfo, "Event",
      {{"object", event.object},
       {"reason", event.reason},
       {"message", event.message},
       {"count", event.count}});
}

}  // namespace

void EventLog::Record(const api::ObjectKey& object, reconcilers::EventType type,
                      std::string_view reason, std::string_view message) {
  metrics_.Add("ballast_events_total", 1,
               {{"reason", reason},
                {"type", type == reconcilers::EventType::kWarning ? "Warning" : "Normal"}});
  message = message.substr(0, kMaxMessageBytes);
  const api::Time wall = clock_.WallNow();
  const reconcilers::Clock::Steady now = clock_.Now();
  const Identity identity{object, std::string(reason), std::string(message)};
  LoggedEvent to_log;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_identity_.find(identity);
    if (found != by_identity_.end() && now - found->second->first_steady < kWindow) {
      Entry& entry = *found->second;
      ++entry.event.count;
      entry.event.last = wall;
      events_.splice(events_.end(), events_, found->second);
    } else {
      events_.push_back(
          {{object, type, std::string(reason), std::string(message), 1, wall, wall}, now});
      by_identity_[identity] = std::prev(events_.end());
      if (events_.size() > kCapacity) {
        const auto oldest = events_.begin();
        const auto named =
            by_identity_.find({oldest->event.object, oldest->event.reason, oldest->event.message});
        if (named != by_identity_.end() && named->second == oldest) by_identity_.erase(named);
        events_.erase(oldest);
      }
    }
    to_log = events_.back().event;
  }
  if (std::has_single_bit(static_cast<unsigned>(to_log.count))) LogEvent(to_log);
}

std::vector<LoggedEvent> EventLog::Snapshot() const {
  const std::lock_guard lock(mutex_);
  std::vector<LoggedEvent> result;
  result.reserve(events_.size());
  for (const Entry& entry : events_) result.push_back(entry.event);
  return result;
}

std::vector<LoggedEvent> EventLog::Snapshot(const api::ObjectKey& object) const {
  const std::lock_guard lock(mutex_);
  std::vector<LoggedEvent> result;
  for (const Entry& entry : events_) {
    if (entry.event.object == object) result.push_back(entry.event);
  }
  return result;
}

}  // namespace ballast::runtime
