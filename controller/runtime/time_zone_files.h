// The port TimeZones over the machine's tz database (/usr/share/zoneinfo, Debian's tzdata). Each
// zone is read once. Owned by controller/cmd; any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "reconcilers/ports/time_zones.h"

namespace ballast::runtime {

class TimeZoneFiles final : public reconcilers::TimeZones {
 public:
  explicit TimeZoneFiles(std::string directory = "/usr/share/zoneinfo")
      : directory_(std::move(directory)) {}

  [[nodiscard]] const api::TimeZone* Find(std::string_view name) const override;

 private:
  const std::string directory_;
  mutable std::mutex mutex_;
  // What was found. What was not is looked for again: tzdata may be installed meanwhile.
  mutable std::map<std::string, std::unique_ptr<const api::TimeZone>, std::less<>>
      zones_;  // guarded by mutex_
};

}  // namespace ballast::runtime
