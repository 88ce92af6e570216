// Port: where reconcilers tell what happened, for people. Implementations aggregate equal events,
// write one structured log line each, and keep the last ones. Callable from any thread.
#pragma once

#include <string>
#include <string_view>

#include "api/meta.h"

namespace ballast::reconcilers {

enum class EventType { kNormal, kWarning };

class EventRecorder {
 public:
  virtual ~EventRecorder() = default;
  // `reason` is one of api/reasons.h; `message` for a person, without secrets.
  virtual void Record(const api::ObjectKey& object, EventType type, std::string_view reason,
                      std::string_view message) = 0;
};

}  // namespace ballast::reconcilers
