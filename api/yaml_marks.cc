#include "api/yaml_marks.h"

#include <algorithm>
#include <utility>

#include "api/errors.h"
#include "api/yaml.h"

namespace ballast::api {
namespace {

using Entries = std::vector<std::pair<std::string, Position>>;

// As api/cursor.cc names fields.
std::string Step(const std::string& path, const std::string& key) {
  const bool plain = !key.empty() && key.size() <= 60 && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  if (!plain) return path + "[" + Quote(key) + "]";
  return path.empty() ? key : path + "." + key;
}

void Collect(const Value& value, const std::string& path, Entries& out) {
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const std::string inner = path + "[" + std::to_string(i) + "]";
    out.emplace_back(inner, value.items[i].at);
    Collect(value.items[i], inner, out);
  }
  for (const Member& member : value.members) {
    const std::string inner = Step(path, member.key);
    const bool nested = !member.value.items.empty() || !member.value.members.empty();
    out.emplace_back(inner, nested || member.value.at.line == 0 ? member.at : member.value.at);
    Collect(member.value, inner, out);
  }
}

// The field around this one; empty: the document.
std::string_view Parent(std::string_view field) {
  if (field.ends_with("\"]")) {
    const std::size_t quote = field.rfind("[\"");
    return quote == field.npos ? std::string_view() : field.substr(0, quote);
  }
  const std::size_t cut = field.find_last_of(".[");
  return cut == field.npos ? std::string_view() : field.substr(0, cut);
}

}  // namespace

DocumentMarks::Mark DocumentMarks::Find(std::string_view field) const {
  while (field.starts_with('.')) field.remove_prefix(1);
  for (; !field.empty(); field = Parent(field)) {
    const auto found = std::ranges::lower_bound(
        entries_, field, {}, [](const Entry& e) -> std::string_view { return e.field; });
    if (found != entries_.end() && found->field == field) return found->mark;
  }
  return start_;
}

std::vector<DocumentMarks> MarkYaml(std::string_view text) {
  ErrorList errors("");
  const std::vector<Value> documents = ParseYaml(text, errors);
  if (!errors.empty()) return {};
  std::vector<DocumentMarks> all;
  all.reserve(documents.size());
  for (const Value& document : documents) {
    Entries entries;
    Collect(document, "", entries);
    DocumentMarks marks;
    marks.start_ = {document.at.line, document.at.column};
    for (auto& [field, at] : entries) {
      marks.entries_.push_back({std::move(field), {at.line, at.column}});
    }
    std::ranges::sort(marks.entries_, {}, &DocumentMarks::Entry::field);
    all.push_back(std::move(marks));
  }
  return all;
}

}  // namespace ballast::api
