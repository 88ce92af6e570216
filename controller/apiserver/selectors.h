// Label and field selectors as kubectl writes them. Values; matching is pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "controller/apiserver/api_error.h"

namespace ballast::apiserver {

// "app=web,tier!=db,env in (a,b),!legacy,owner". All of it must hold.
class LabelSelector {
 public:
  [[nodiscard]] static ApiResult<LabelSelector> Parse(std::string_view text);
  [[nodiscard]] bool empty() const { return requirements_.empty(); }
  // `object`: with metadata.labels.
  [[nodiscard]] bool Matches(const nlohmann::json& object) const;

 private:
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;
  };
  class Parser;
  std::vector<Requirement> requirements_;
};

// "metadata.name=shop,status.phase!=Running": paths of fields with text values.
class FieldSelector {
 public:
  [[nodiscard]] static ApiResult<FieldSelector> Parse(std::string_view text);
  [[nodiscard]] bool empty() const { return requirements_.empty(); }
  [[nodiscard]] bool Matches(const nlohmann::json& object) const;
  // The value that metadata.name must have; empty: any.
  [[nodiscard]] std::string Name() const;
  // Without looking further than at names: no more than metadata.name and metadata.namespace asked.
  [[nodiscard]] bool OnlyNames() const;
  // As far as names and namespaces decide.
  [[nodiscard]] bool MatchesNames(std::string_view ns, std::string_view name) const;

 private:
  struct Requirement {
    std::string path;
    std::string value;
    bool equal = true;
  };
  std::vector<Requirement> requirements_;
};

}  // namespace ballast::apiserver
