// Which part of the history may go: what is older than keep_age, but the last keep_changes always
// stay. Ages come from marks, "from this revision on it was that late", a few a minute, so that
// neither each change carries a time nor a clock that was put back keeps everything for ever. One
// thread (a store's writer).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "api/meta.h"

namespace ballast::store {

struct HistoryLimits {
  std::chrono::milliseconds keep_age = std::chrono::minutes(10);
  std::uint64_t keep_changes = 10'000;  // at least 1
};

// What was written from `revision` on, up to the next mark, was written at `time` or a little
// later.
struct Mark {
  std::uint64_t revision = 0;
  api::Time time;
};

class Retention {
 public:
  explicit Retention(HistoryLimits limits);

  void Add(Mark mark) { marks_.push_back(mark); }
  // Whether what is written now, beginning with this revision, needs a mark; which one.
  [[nodiscard]] std::optional<Mark> WantsMark(std::uint64_t revision, api::Time now) const;
  // The newest revision that may be removed when `newest` is the newest of all; 0: none.
  [[nodiscard]] std::uint64_t Removable(std::uint64_t newest, api::Time now) const;
  // The revision of the first mark that still says something when those up to `removed` are gone.
  [[nodiscard]] std::uint64_t FirstUseful(std::uint64_t removed) const;
  // Marks before that go.
  void Forget(std::uint64_t removed);
  // When Removable may grow though nothing is written; nullopt: never.
  [[nodiscard]] std::optional<std::chrono::milliseconds> Due(std::uint64_t removed,
                                                             std::uint64_t newest,
                                                             api::Time now) const;

 private:
  // The newest revision that the i-th mark speaks of.
  [[nodiscard]] std::uint64_t LastOf(std::size_t i, std::uint64_t newest) const;

  const HistoryLimits limits_;
  const std::chrono::milliseconds between_;  // marks
  std::deque<Mark> marks_;                   // by revision
};

}  // namespace ballast::store
