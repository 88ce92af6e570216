#include "api/yaml_json.h"

#include <nlohmann/json.hpp>

#include "api/errors.h"
#include "api/json.h"
#include "api/yaml.h"

namespace ballast::api {

std::expected<std::vector<nlohmann::json>, std::vector<FieldError>> ParseYamlAsJson(
    std::string_view text) {
  ErrorList errors("");
  const std::vector<Value> documents = ParseYaml(text, errors);
  if (auto found = std::move(errors).Take(); !found.empty())
    return std::unexpected(std::move(found));
  std::vector<nlohmann::json> out;
  out.reserve(documents.size());
  for (const Value& document : documents) out.push_back(ToJson(document));
  return out;
}

}  // namespace ballast::api
