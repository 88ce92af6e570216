// The contract between a reconciler and the runtime that calls it: a key in, an outcome out. A key
// says which object to look at, never what happened. One key is never reconciled twice at once.
#pragma once

#include <chrono>
#include <optional>

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers {

struct Outcome {
  std::optional<std::chrono::milliseconds> requeue_after;  // waiting; an error is back-off instead
};

class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual Result<Outcome> Reconcile(const api::ObjectKey& key) = 0;
};

// Asks for a key to be reconciled. Any thread; never blocks.
class Enqueuer {
 public:
  virtual ~Enqueuer() = default;
  virtual void Enqueue(const api::ObjectKey& key) = 0;
};

}  // namespace ballast::reconcilers
