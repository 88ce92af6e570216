#include "controller/manifests/renew.h"

#include <type_traits>
#include <utility>

namespace ballast::manifests {
namespace {

template <typename T>
std::pair<T, bool> WithGeneration(const T& before, T wanted) {
  wanted.meta.generation = before.meta.generation + (before.spec == wanted.spec ? 0 : 1);
  const bool equal = wanted == before;
  return {std::move(wanted), equal};
}

}  // namespace

std::shared_ptr<const api::Object> Renew(const api::Object* before, const api::Object& wanted) {
  if (before != nullptr && before->index() == wanted.index()) {
    return std::visit(
        [before](const auto& object) -> std::shared_ptr<const api::Object> {
          using T = std::decay_t<decltype(object)>;
          auto [next, equal] = WithGeneration(std::get<T>(*before), object);
          if (equal) return nullptr;
          return std::make_shared<const api::Object>(std::move(next));
        },
        wanted);
  }
  return std::make_shared<const api::Object>(std::visit(
      [](auto object) -> api::Object { return (object.meta.generation = 1, object); }, wanted));
}

std::int64_t GenerationOf(const api::Object& object) {
  return std::visit([](const auto& value) { return value.meta.generation; }, object);
}

}  // namespace ballast::manifests
