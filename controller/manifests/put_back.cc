#include "controller/manifests/put_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

namespace ballast::manifests {
namespace {

constexpr std::size_t kMaxFields = 5;

// The value at "spec.routes[0].path"; null: not found, which includes names that have a dot.
const nlohmann::json* ValueAt(const nlohmann::json& document, std::string_view path) {
  const nlohmann::json* at = &document;
  if (path.starts_with('.')) path.remove_prefix(1);
  while (!path.empty()) {
    if (path.front() == '[') {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(path.data() + 1, path.data() + path.size(), index);
      if (error != std::errc() || end == path.data() + path.size() || *end != ']' ||
          !at->is_array() || index >= at->size()) {
        return nullptr;
      }
      at = &(*at)[index];
      path.remove_prefix(static_cast<std::size_t>(end - path.data()) + 1);
    } else {
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      if (!at->is_object()) return nullptr;
      const auto found = at->find(path.substr(0, end));
      if (found == at->end()) return nullptr;
      at = &*found;
      path.remove_prefix(end);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return at;
}

}  // namespace

std::string PutBackText(const std::vector<std::string>& put_back, const nlohmann::json& written,
                        const std::string& file) {
  std::string text;
  for (std::size_t i = 0; i < std::min(kMaxFields, put_back.size()); ++i) {
    const std::string_view field = put_back[i];
    const nlohmann::json* const value = ValueAt(written, field.substr(0, field.find(' ')));
    const bool shown = value != nullptr && (value->is_number() || value->is_boolean());
    text += fmt::format("{}{} put back: {} says {}", i == 0 ? "" : "; ", field, file,
                        shown ? value->dump() : "otherwise");
  }
  if (put_back.size() > kMaxFields) {
    text += fmt::format("; and {} more", put_back.size() - kMaxFields);
  }
  return text;
}

}  // namespace ballast::manifests
