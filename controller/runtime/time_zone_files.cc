#include "controller/runtime/time_zone_files.h"

#include <fstream>
#include <utility>

#include "api/cron.h"

namespace ballast::runtime {
namespace {

// The largest there is has some 4 KiB.
constexpr std::size_t kMostBytes = 1024 * 1024;

}  // namespace

const api::TimeZone* TimeZoneFiles::Find(std::string_view name) const {
  // Also keeps it within the directory: a name has no "..".
  if (!api::RuleTimeZone(name).empty()) return nullptr;
  const std::lock_guard lock(mutex_);
  if (const auto found = zones_.find(name); found != zones_.end()) return found->second.get();
  std::ifstream file(directory_ + "/" + std::string(name), std::ios::binary);
  std::string bytes;
  // A directory (Europe) opens, but cannot be read.
  for (char c = 0; bytes.size() < kMostBytes && file.get(c);) bytes += c;
  if (bytes.empty()) {
    if (name != "UTC") return nullptr;
    // That one needs no file.
    return zones_.emplace(name, std::make_unique<const api::TimeZone>()).first->second.get();
  }
  auto zone = api::TimeZone::Parse(bytes);
  if (!zone) return nullptr;
  return zones_.emplace(name, std::make_unique<const api::TimeZone>(std::move(*zone)))
      .first->second.get();
}

}  // namespace ballast::runtime
