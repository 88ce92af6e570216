// Calls of the registry that answer later, for those who can wait. Internal to controller/cmd.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "controller/apiserver/registry.h"

namespace ballast::cmd {

// Nothing: there is no such kind.
[[nodiscard]] std::optional<apiserver::ObjectRef> RefOf(const api::ObjectKey& key);

// `call` gets a Registry::Done.
template <typename Call>
apiserver::ApiResult<apiserver::WriteResult> Wait(Call call) {
  using Answer = apiserver::ApiResult<apiserver::WriteResult>;
  auto promise = std::make_shared<std::promise<Answer>>();
  auto future = promise->get_future();
  call([promise](Answer result) { promise->set_value(std::move(result)); });
  return future.get();
}

[[nodiscard]] std::unexpected<Status> ToStatus(const apiserver::ApiError& error);

}  // namespace ballast::cmd
