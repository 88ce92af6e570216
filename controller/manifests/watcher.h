// Wakes up when something changes below a directory (inotify). It only says "look again"; what
// changed is found by scanning. Files beyond links and mounts are not noticed: the caller rescans
// now and then. One thread waits; Stop from any thread.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

#include "api/status.h"

namespace ballast::manifests {

class Watcher {
 public:
  explicit Watcher(const std::string& dir);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Around each pass: directories named in between are watched, others no longer. The parent of the
  // directory itself is always watched, since it may be replaced.
  void BeginPass();
  void WatchDirectory(const std::string& path);  // before listing it
  void EndPass();

  enum class Woken { kChanged, kTimeout, kStopped };
  // Changed: also waits until nothing more happened for `quiet`, at most ten times that.
  [[nodiscard]] Woken Wait(std::chrono::milliseconds timeout, std::chrono::milliseconds quiet);
  void Stop();

  // Why changes are only seen by rescans; empty: they are seen at once.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  // Polls; true when something that matters happened.
  bool Poll(std::chrono::milliseconds timeout, bool* stopped);
  bool ReadEvents();
  int Add(const std::string& path, std::uint32_t mask);

  int inotify_ = -1;
  int stop_ = -1;  // eventfd
  std::string parent_;
  std::string name_;  // of the directory in its parent
  int parent_watch_ = -1;
  std::set<int> watches_;
  std::set<int> used_;  // by the pass under way
  std::string problem_;
};

}  // namespace ballast::manifests
