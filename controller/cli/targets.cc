#include "controller/cli/targets.h"

#include <fmt/format.h>

#include <algorithm>

#include "controller/cli/table.h"

namespace ballast::cli {

Result<Targets> ParseTargets(const std::vector<std::string>& words, const ResourceTypes& types) {
  Targets targets;
  if (words.empty()) {
    return Error(Code::kInvalidArgument, "a type is missing: webapps, pods, all, webapp/NAME");
  }
  const auto has_slash = [](const std::string& word) { return word.find('/') != word.npos; };
  if (std::ranges::none_of(words, has_slash)) {
    const auto found = types.FindAll(words.front());
    if (!found) return std::unexpected(found.error());
    targets.by_name = words.size() > 1;
    for (const ResourceType* type : *found) {
      if (!targets.by_name) targets.all.push_back({type, ""});
      for (std::size_t i = 1; i < words.size(); ++i) targets.all.push_back({type, words[i]});
    }
    return targets;
  }
  targets.by_name = true;
  for (const std::string& word : words) {
    const std::size_t slash = word.find('/');
    if (slash == word.npos) {
      return Error(
          Code::kInvalidArgument,
          fmt::format("\"{}\" has no type: with TYPE/NAME every word is one", Sanitize(word)));
    }
    const std::string name = word.substr(slash + 1);
    if (slash == 0 || name.empty() || has_slash(name)) {
      return Error(Code::kInvalidArgument,
                   fmt::format("\"{}\" is not TYPE/NAME: one slash between both", Sanitize(word)));
    }
    const auto type = types.Find(word.substr(0, slash));
    if (!type) return std::unexpected(type.error());
    targets.all.push_back({*type, name});
  }
  return targets;
}

}  // namespace ballast::cli
