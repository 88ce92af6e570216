#include "controller/store/change_log.h"

#include <algorithm>
#include <utility>

namespace ballast::store {
namespace {

using reconcilers::ChangePage;
using reconcilers::StoreChange;

constexpr std::size_t kMaxPageBytes = std::size_t{1} << 20;

std::size_t SizeOf(const StoreChange& change) {
  constexpr std::size_t kOverhead = 256;
  std::size_t size = kOverhead + change.value->size();
  if (change.previous && change.previous != change.value) size += change.previous->size();
  return size;
}

}  // namespace

bool PageBuilder::full() const { return page_.items.size() >= limit_ || bytes_ >= kMaxPageBytes; }

void PageBuilder::Add(ChangePtr change) {
  bytes_ += SizeOf(*change);
  page_.through = change->revision;
  page_.items.push_back(std::move(change));
}

void ChangeLog::Append(std::span<const ChangePtr> changes) {
  const std::lock_guard lock(mutex_);
  for (const ChangePtr& change : changes) {
    newest_ = change->revision;
    bytes_ += SizeOf(*change);
    changes_.push_back(change);
  }
  while (bytes_ > max_bytes_) PopFront();
}

void ChangeLog::RemoveThrough(std::uint64_t revision) {
  const std::lock_guard lock(mutex_);
  while (!changes_.empty() && changes_.front()->revision <= revision) PopFront();
}

void ChangeLog::PopFront() {
  before_ = changes_.front()->revision;
  bytes_ -= SizeOf(*changes_.front());
  changes_.pop_front();
}

std::size_t ChangeLog::IndexAfter(std::uint64_t revision) const {
  return revision <= before_ ? 0 : std::min<std::size_t>(revision - before_, changes_.size());
}

std::optional<ChangePage> ChangeLog::Read(const std::string& resource, std::uint64_t after,
                                          std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  if (after < before_ || after > newest_) return std::nullopt;
  PageBuilder page(limit);
  page.Pass(after);
  for (std::size_t i = IndexAfter(after); i < changes_.size() && !page.full(); ++i) {
    if (changes_[i]->key.resource == resource) {
      page.Add(changes_[i]);
    } else {
      page.Pass(changes_[i]->revision);
    }
  }
  return page.Take();
}

std::uint64_t ChangeLog::before() const {
  const std::lock_guard lock(mutex_);
  return before_;
}

std::uint64_t ChangeLog::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

}  // namespace ballast::store
