// Port: changes how many replicas a web app is to have, the way a person would: through its scale
// subresource. Implemented by controller/cmd over the API's registry. Any thread; waits for the
// store.
#pragma once

#include "api/meta.h"
#include "api/status.h"

namespace ballast::reconcilers {

class Scaler {
 public:
  virtual ~Scaler() = default;
  // Conflict when it is not `from` any more: somebody else was faster, look again. NotFound when
  // the web app is gone.
  virtual Result<void> SetReplicas(const api::ObjectKey& webapp, int from, int to) = 0;
};

}  // namespace ballast::reconcilers
