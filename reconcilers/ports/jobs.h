// Port: slow work (creating containers, pulling images) beside the reconcile loop, so that a
// reconcile never waits for Docker. When a job ends, the web app's key is enqueued. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "api/meta.h"
#include "api/status.h"
#include "reconcilers/ports/clock.h"

namespace ballast::reconcilers {

// How the last run of a job ended, kept until it succeeds or is forgotten.
struct JobFailure {
  Status status;
  int failures = 0;          // in a row
  Clock::Steady retry_at{};  // back-off: 1, 2, 4 ... 60 s after the last end
};

class Jobs {
 public:
  virtual ~Jobs() = default;
  // Runs `work` soon on a worker thread, unless a job of that id is under way (false), or its
  // back-off has not passed (false). `id` is unique over everything:
  // "create/default.shop-7f3a-2.0".
  virtual bool Start(const api::ObjectKey& key, const std::string& id,
                     std::function<Result<void>()> work) = 0;
  [[nodiscard]] virtual bool Running(const std::string& id) const = 0;
  [[nodiscard]] virtual std::optional<JobFailure> LastFailure(const std::string& id) const = 0;
  // Forgets failures whose id starts with `prefix` (their object is gone or changed).
  virtual void Forget(const std::string& prefix) = 0;
};

}  // namespace ballast::reconcilers
