#include "reconcilers/simulation/replicas_model.h"

#include <algorithm>

namespace ballast::reconcilers {

void ReplicasModel::Begin(std::int64_t second) {
  while (!starting_.empty() && starting_.front().second <= second) {
    ready_ += starting_.front().replicas;
    starting_.pop_front();
  }
  while (!leaving_.empty() && leaving_.front().second <= second) {
    draining_ -= leaving_.front().replicas;
    leaving_.pop_front();
  }
}

void ReplicasModel::Scale(std::int64_t second, int replicas) {
  if (replicas > asked_) {
    starting_.push_back({second + startup_seconds_ + 1, replicas - asked_});
  }
  int fewer = std::max(0, asked_ - replicas);
  asked_ = replicas;
  while (fewer > 0 && !starting_.empty()) {
    const int gone = std::min(fewer, starting_.back().replicas);
    starting_.back().replicas -= gone;
    fewer -= gone;
    if (starting_.back().replicas == 0) starting_.pop_back();
  }
  if (fewer == 0) return;
  ready_ -= fewer;
  if (drain_seconds_ == 0) return;
  draining_ += fewer;
  leaving_.push_back({second + drain_seconds_ + 1, fewer});
}

}  // namespace ballast::reconcilers
