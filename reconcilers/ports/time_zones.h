// Port: the time zones that the machine knows. Implemented by controller/runtime over the tz
// database. Any thread.
#pragma once

#include <string_view>

#include "api/time_zone.h"

namespace ballast::reconcilers {

class TimeZones {
 public:
  virtual ~TimeZones() = default;
  // Null: there is none of that name. What is returned lives as long as this object.
  [[nodiscard]] virtual const api::TimeZone* Find(std::string_view name) const = 0;
};

}  // namespace ballast::reconcilers
