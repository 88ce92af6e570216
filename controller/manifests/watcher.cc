#include "controller/manifests/watcher.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>

namespace ballast::manifests {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t kInside = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                  IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kParent = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;

}  // namespace

Watcher::Watcher(const std::string& dir)
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
  if (inotify_ < 0) {
    problem_ = fmt::format("inotify: {}", std::strerror(errno));  // NOLINT(concurrency-mt-unsafe)
  }
  std::error_code ignored;
  std::filesystem::path path = std::filesystem::absolute(dir, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "/manifests/"
  parent_ = path.parent_path().string();
  name_ = path.filename().string();
}

Watcher::~Watcher() {
  if (inotify_ >= 0) close(inotify_);
  if (stop_ >= 0) close(stop_);
}

int Watcher::Add(const std::string& path, std::uint32_t mask) {
  if (inotify_ < 0) return -1;
  const int watch = inotify_add_watch(inotify_, path.c_str(), mask | IN_ONLYDIR);
  if (watch < 0 && (errno == ENOSPC || errno == ENOMEM)) {
    problem_ =
        fmt::format("inotify has no watch left for {} (sysctl fs.inotify.max_user_watches)", path);
  }
  return watch;
}

void Watcher::BeginPass() {
  used_.clear();
  if (inotify_ >= 0) problem_.clear();
  // Added anew each time: the parent may have been replaced too.
  const int watch = parent_.empty() || name_.empty() ? -1 : Add(parent_, kParent);
  if (parent_watch_ >= 0 && watch != parent_watch_) inotify_rm_watch(inotify_, parent_watch_);
  parent_watch_ = watch;
}

void Watcher::WatchDirectory(const std::string& path) {
  const int watch = Add(path, kInside);
  if (watch >= 0) used_.insert(watch);
  if (watch >= 0 && watch == parent_watch_) parent_watch_ = -1;  // a link back up: all counts
}

void Watcher::EndPass() {
  for (const int watch : watches_) {
    if (!used_.contains(watch)) inotify_rm_watch(inotify_, watch);
  }
  watches_.swap(used_);
}

Watcher::Woken Watcher::Wait(milliseconds timeout, milliseconds quiet) {
  const auto deadline = steady_clock::now() + timeout;
  bool stopped = false;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return Woken::kTimeout;
    const bool changed = Poll(left, &stopped);
    if (stopped) return Woken::kStopped;
    if (changed) break;
  }
  const auto latest = steady_clock::now() + 10 * quiet;
  for (auto until = steady_clock::now() + quiet; steady_clock::now() < std::min(until, latest);) {
    const auto left =
        std::chrono::ceil<milliseconds>(std::min(until, latest) - steady_clock::now());
    if (Poll(left, &stopped)) until = steady_clock::now() + quiet;
    if (stopped) return Woken::kStopped;
  }
  return Woken::kChanged;
}

bool Watcher::Poll(milliseconds timeout, bool* stopped) {
  pollfd fds[2] = {{stop_, POLLIN, 0}, {inotify_, POLLIN, 0}};
  const int ready = poll(fds, 2, static_cast<int>(std::max<std::int64_t>(timeout.count(), 0)));
  if (ready <= 0) return false;
  if (fds[0].revents != 0) *stopped = true;
  return fds[1].revents != 0 && ReadEvents();
}

bool Watcher::ReadEvents() {
  bool matters = false;
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const ssize_t got = read(inotify_, buffer, sizeof buffer);
    if (got <= 0) return matters;
    for (const char* at = buffer; at < buffer + got;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      at += sizeof(inotify_event) + event->len;
      if ((event->mask & IN_IGNORED) != 0) {
        watches_.erase(event->wd);
        if (event->wd == parent_watch_) parent_watch_ = -1;
      } else if (event->wd == parent_watch_) {
        matters = matters || (event->len > 0 && name_ == event->name);
      } else {
        matters = true;
      }
    }
  }
}

void Watcher::Stop() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(stop_, &one, sizeof one));
}

}  // namespace ballast::manifests
