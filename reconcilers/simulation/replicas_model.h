// The replicas of a simulated web app: asked for, on their way, in service, draining. Seconds count
// from 0. One thread.
#pragma once

#include <cstdint>
#include <deque>

namespace ballast::reconcilers {

class ReplicasModel {
 public:
  // The first ones are in service at once.
  ReplicasModel(int first, int startup_seconds, int drain_seconds)
      : startup_seconds_(startup_seconds),
        drain_seconds_(drain_seconds),
        asked_(first),
        ready_(first) {}

  // The second begins: who has started is in service, who has drained is gone.
  void Begin(std::int64_t second);
  // After that second. New ones are in service after startup_seconds whole seconds. Of those too
  // many the newest that are not ready go first, at once.
  void Scale(std::int64_t second, int replicas);

  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] int ready() const { return ready_; }
  [[nodiscard]] int running() const { return asked_ + draining_; }  // what is paid for

 private:
  struct Group {
    std::int64_t second;  // in service, or gone, from then on
    int replicas;
  };
  const int startup_seconds_;
  const int drain_seconds_;
  int asked_;
  int ready_;
  int draining_ = 0;
  std::deque<Group> starting_;
  std::deque<Group> leaving_;
};

}  // namespace ballast::reconcilers
