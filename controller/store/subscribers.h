// Those who want to know that something was committed. Owner: a store's CommitQueue, whose thread
// alone calls Notify; Add and the end of a subscription on any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "reconcilers/ports/store.h"

namespace ballast::store {

class Subscribers {
 public:
  using Callback = std::function<void(std::uint64_t revision)>;

  Subscribers();

  [[nodiscard]] reconcilers::Subscription Add(Callback callback);
  void Notify(std::uint64_t revision);

 private:
  struct State;
  std::shared_ptr<State> state_;  // a subscription may outlive the store
};

}  // namespace ballast::store
