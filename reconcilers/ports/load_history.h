// Port: what was measured and decided, kept across restarts: seconds for 15 minutes, minutes for 7
// days, and each autoscaler's memory and decisions. Implemented by controller/store in a file of
// its own (synchronous=NORMAL: a power loss may take the last seconds). Losing all of it costs
// history, nothing else. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/meta.h"
#include "api/status.h"
#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

// Equal decisions in a row are one row with a count.
struct DecisionRow {
  std::int64_t id = 0;  // 0: new
  api::Time first{};
  api::Time last{};
  std::int64_t count = 1;
  std::string json;  // the decision with its inputs (decision_json.h)
};

class LoadHistory {
 public:
  virtual ~LoadHistory() = default;

  // Seconds, or means of whole minutes (their last second), ascending, newer than `after`.
  virtual Result<std::vector<LoadSample>> Seconds(const api::ObjectKey& app,
                                                  std::int64_t after) const = 0;
  virtual Result<std::vector<LoadSample>> Minutes(const api::ObjectKey& app,
                                                  std::int64_t after) const = 0;
  // One transaction. Drops what is older than is kept.
  virtual Result<void> Append(
      const std::vector<std::pair<api::ObjectKey, LoadSample>>& seconds,
      const std::vector<std::pair<api::ObjectKey, LoadSample>>& minutes) = 0;

  // An autoscaler's ScalingHistory as JSON; "" when none is kept.
  virtual Result<std::string> LoadState(const api::ObjectKey& autoscaler) const = 0;
  virtual Result<void> SaveState(const api::ObjectKey& autoscaler, const std::string& json) = 0;
  // Newest first, at most `limit`.
  virtual Result<std::vector<DecisionRow>> Decisions(const api::ObjectKey& autoscaler,
                                                     std::size_t limit) const = 0;
  // Inserts (and sets `row.id`) or replaces. Keeps the newest 1 000 of each autoscaler.
  virtual Result<void> SaveDecision(const api::ObjectKey& autoscaler, DecisionRow& row) = 0;
  // Everything of an autoscaler, or of a web app, that is gone.
  virtual Result<void> Forget(const api::ObjectKey& key) = 0;
};

}  // namespace ballast::reconcilers
