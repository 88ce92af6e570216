#include "reconcilers/ports/store.h"

#include <future>
#include <utility>

namespace ballast::reconcilers {

std::string StoreKey::ToString() const {
  return resource + " " + (ns.empty() ? name : ns + "/" + name);
}

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    Reset();
    cancel_ = std::exchange(other.cancel_, nullptr);
  }
  return *this;
}

void Subscription::Reset() {
  if (const auto cancel = std::exchange(cancel_, nullptr)) cancel();
}

Result<std::uint64_t> Store::Commit(StoreWrite write) {
  // Shared, because the store's thread may still be inside set_value when the waiter goes on.
  const auto promise = std::make_shared<std::promise<Result<std::uint64_t>>>();
  auto answer = promise->get_future();
  Submit(std::move(write),
         [promise](Result<std::uint64_t> result) { promise->set_value(std::move(result)); });
  return answer.get();
}

}  // namespace ballast::reconcilers
