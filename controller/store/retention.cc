#include "controller/store/retention.h"

#include <algorithm>

namespace ballast::store {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kBetweenMarks = std::chrono::seconds(5);
constexpr int kMarksPerAge = 100;

}  // namespace

Retention::Retention(HistoryLimits limits)
    : limits_(limits), between_(std::min(kBetweenMarks, limits.keep_age / kMarksPerAge)) {}

std::optional<Mark> Retention::WantsMark(std::uint64_t revision, api::Time now) const {
  if (!marks_.empty()) {
    const api::Time last = marks_.back().time;
    // Also when the clock was put back: later marks have to tell the new time.
    if (now >= last && now < last + between_) return std::nullopt;
  }
  return Mark{revision, now};
}

std::uint64_t Retention::LastOf(std::size_t i, std::uint64_t newest) const {
  return i + 1 < marks_.size() ? marks_[i + 1].revision - 1 : newest;
}

std::uint64_t Retention::Removable(std::uint64_t newest, api::Time now) const {
  if (newest <= limits_.keep_changes) return 0;
  // The newest mark that is old enough: what came before it is older, whatever its own mark says.
  for (std::size_t i = marks_.size(); i-- > 0;) {
    if (marks_[i].time + between_ + limits_.keep_age <= now) {
      return std::min(LastOf(i, newest), newest - limits_.keep_changes);
    }
  }
  return 0;
}

std::uint64_t Retention::FirstUseful(std::uint64_t removed) const {
  std::uint64_t first = 0;
  for (const Mark& mark : marks_) {
    if (first == 0 || mark.revision <= removed + 1) first = mark.revision;
  }
  return first;
}

void Retention::Forget(std::uint64_t removed) {
  const std::uint64_t first = FirstUseful(removed);
  while (!marks_.empty() && marks_.front().revision < first) marks_.pop_front();
}

std::optional<milliseconds> Retention::Due(std::uint64_t removed, std::uint64_t newest,
                                           api::Time now) const {
  if (newest <= removed + limits_.keep_changes) return std::nullopt;
  std::optional<milliseconds> due;
  for (std::size_t i = 0; i < marks_.size(); ++i) {
    const auto wait =
        std::chrono::ceil<milliseconds>(marks_[i].time + between_ + limits_.keep_age - now);
    if (LastOf(i, newest) <= removed || wait <= milliseconds(0)) continue;
    if (!due || wait < *due) due = wait;
  }
  return due;
}

}  // namespace ballast::store
