#include "controller/apiserver/selectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace ballast::apiserver {
namespace {

using nlohmann::json;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '/';
}

const json& LabelsOf(const json& object) {
  static const json none = json::object();
  const auto metadata = object.find("metadata");
  if (metadata == object.end()) return none;
  const auto labels = metadata->find("labels");
  return labels == metadata->end() || !labels->is_object() ? none : *labels;
}

// The text of a field: strings as they are, numbers and booleans as written, absent ones empty.
std::string FieldText(const json& object, std::string_view path) {
  const json* at = &object;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const auto found = at->is_object() ? at->find(std::string(path.substr(0, dot))) : at->end();
    if (!at->is_object() || found == at->end()) return "";
    at = &*found;
    path.remove_prefix(std::min(path.size(), dot + 1));
  }
  if (at->is_string()) return at->get<std::string>();
  return at->is_primitive() && !at->is_null() ? at->dump() : "";
}

}  // namespace

class LabelSelector::Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  ApiResult<LabelSelector> Run() {
    LabelSelector selector;
    Skip();
    while (!rest_.empty()) {
      Requirement requirement;
      if (!ParseRequirement(requirement)) {
        return Refuse(BadRequest(
            fmt::format("labelSelector: cannot be read from here on: {}", rest_.substr(0, 40))));
      }
      selector.requirements_.push_back(std::move(requirement));
      Skip();
      if (rest_.empty()) break;
      if (!Take(',')) {
        return Refuse(BadRequest(
            fmt::format("labelSelector: a comma is missing before: {}", rest_.substr(0, 40))));
      }
      Skip();
    }
    return selector;
  }

 private:
  bool ParseRequirement(Requirement& out) {
    const bool absent = Take('!');
    out.key = Word();
    if (out.key.empty()) return false;
    if (absent) {
      out.op = Operator::kDoesNotExist;
      return true;
    }
    Skip();
    if (rest_.empty() || rest_.front() == ',') {
      out.op = Operator::kExists;
      return true;
    }
    if (Take('!')) {
      out.op = Operator::kNotIn;
      return Take('=') && One(out);
    }
    if (Take('=')) {
      Take('=');
      return One(out);
    }
    const std::string word = Word();
    if (word != "in" && word != "notin") return false;
    out.op = word == "in" ? Operator::kIn : Operator::kNotIn;
    Skip();
    if (!Take('(')) return false;
    do {
      Skip();
      out.values.push_back(Word());
      Skip();
    } while (Take(','));
    return Take(')');
  }

  bool One(Requirement& out) {
    Skip();
    out.values.push_back(Word());
    return true;
  }

  std::string Word() {
    std::size_t end = 0;
    while (end < rest_.size() && IsWordCharacter(rest_[end])) ++end;
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return word;
  }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void Skip() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }

  std::string_view rest_;
};

ApiResult<LabelSelector> LabelSelector::Parse(std::string_view text) { return Parser(text).Run(); }

bool LabelSelector::Matches(const json& object) const {
  const json& map = LabelsOf(object);
  return std::ranges::all_of(requirements_, [&map](const Requirement& requirement) {
    const auto label = map.find(requirement.key);
    const bool there = label != map.end() && label->is_string();
    const bool listed =
        there && std::ranges::find(requirement.values, label->get_ref<const std::string&>()) !=
                     requirement.values.end();
    switch (requirement.op) {
      case Operator::kIn:
        return listed;
      case Operator::kNotIn:  // as in Kubernetes, also without the label
        return !listed;
      case Operator::kExists:
        return there;
      case Operator::kDoesNotExist:
        return !there;
    }
    return false;
  });
}

ApiResult<FieldSelector> FieldSelector::Parse(std::string_view text) {
  FieldSelector selector;
  while (!Trim(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view term = Trim(text.substr(0, comma));
    text.remove_prefix(std::min(text.size(), comma + 1));
    if (term.empty()) continue;
    const std::size_t equals = term.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Refuse(BadRequest(
          fmt::format("fieldSelector: must be field=value or field!=value, got {}", term)));
    }
    Requirement requirement;
    requirement.equal = term[equals - 1] != '!';
    requirement.path = Trim(term.substr(0, equals - (requirement.equal ? 0 : 1)));
    std::string_view value = term.substr(equals + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    requirement.value = Trim(value);
    selector.requirements_.push_back(std::move(requirement));
  }
  return selector;
}

bool FieldSelector::Matches(const json& object) const {
  return std::ranges::all_of(requirements_, [&object](const Requirement& requirement) {
    return (FieldText(object, requirement.path) == requirement.value) == requirement.equal;
  });
}

std::string FieldSelector::Name() const {
  for (const Requirement& requirement : requirements_) {
    if (requirement.equal && requirement.path == "metadata.name") return requirement.value;
  }
  return "";
}

bool FieldSelector::OnlyNames() const {
  return std::ranges::all_of(requirements_, [](const Requirement& requirement) {
    return requirement.path == "metadata.name" || requirement.path == "metadata.namespace";
  });
}

bool FieldSelector::MatchesNames(std::string_view ns, std::string_view name) const {
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    const bool is_name = requirement.path == "metadata.name";
    if (!is_name && requirement.path != "metadata.namespace") return true;  // Matches looks at it
    return ((is_name ? name : ns) == requirement.value) == requirement.equal;
  });
}

}  // namespace ballast::apiserver
