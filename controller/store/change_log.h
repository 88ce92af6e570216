// The newest changes, in memory and without gaps, bounded by bytes: what live watches read. Owner:
// a store; its writer appends, any thread reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "reconcilers/ports/store.h"

namespace ballast::store {

using ChangePtr = std::shared_ptr<const reconcilers::StoreChange>;

// Fills a page up to `limit` changes or about a megabyte. Pure.
class PageBuilder {
 public:
  explicit PageBuilder(std::size_t limit) : limit_(limit > 0 ? limit : 1) {}

  [[nodiscard]] bool full() const;
  void Add(ChangePtr change);
  void Pass(std::uint64_t revision) { page_.through = revision; }  // looked at up to here
  [[nodiscard]] reconcilers::ChangePage Take() { return std::move(page_); }

 private:
  const std::size_t limit_;
  std::size_t bytes_ = 0;
  reconcilers::ChangePage page_;
};

class ChangeLog {
 public:
  static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

  // Empty, at this revision.
  explicit ChangeLog(std::uint64_t revision, std::size_t max_bytes = kUnbounded)
      : max_bytes_(max_bytes), before_(revision), newest_(revision) {}

  // The revisions follow the newest one without a gap.
  void Append(std::span<const ChangePtr> changes);
  void RemoveThrough(std::uint64_t revision);

  // Nullopt: not within what is here (older, or newer than the newest).
  [[nodiscard]] std::optional<reconcilers::ChangePage> Read(const std::string& resource,
                                                            std::uint64_t after,
                                                            std::size_t limit) const;
  // Calls for each change after the revision, oldest first.
  template <typename F>
  void ForEachAfter(std::uint64_t revision, F&& call) const {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = IndexAfter(revision); i < changes_.size(); ++i) call(*changes_[i]);
  }

  // The newest revision that is gone.
  [[nodiscard]] std::uint64_t before() const;
  [[nodiscard]] std::uint64_t newest() const;

 private:
  [[nodiscard]] std::size_t IndexAfter(std::uint64_t revision) const;
  void PopFront();

  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::deque<ChangePtr> changes_;
  std::size_t bytes_ = 0;
  std::uint64_t before_;
  std::uint64_t newest_;
};

}  // namespace ballast::store
