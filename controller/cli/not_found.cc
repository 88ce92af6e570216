#include "controller/cli/not_found.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {

using nlohmann::json;

std::unexpected<Status> ExplainNotFound(Session& session, const ResourceType& type,
                                        const std::string& ns, const std::string& name,
                                        const Status& error) {
  // With metadata only: what the objects hold is not needed.
  const auto table = session.ListAll(type.Path(""), {}, kTableAccept);
  if (!table) return std::unexpected(error);
  std::vector<std::string> names;
  std::string elsewhere;
  for (const json& row : List(*table, "rows")) {
    const json& metadata = Field(Field(row, "object"), "metadata");
    const std::string other = Text(metadata, "namespace", "");
    const std::string found = Text(metadata, "name");
    if (other == ns || !type.namespaced) {
      names.push_back(found);
    } else if (found == name) {
      elsewhere = other;
    }
  }
  std::string hint;
  if (!elsewhere.empty()) {
    hint = fmt::format("; there is one in the namespace {}: -n {}", elsewhere, elsewhere);
  } else {
    hint = Suggest(name, names);
  }
  if (hint.empty()) {
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < names.size() && i < kShown; ++i) {
      hint += (i == 0 ? "; there are: " : ", ") + names[i];
    }
    if (names.size() > kShown) hint += fmt::format(" and {} more", names.size() - kShown);
    if (names.empty()) hint = fmt::format("; there are no {} yet", type.plural);
  }
  return Error(error.code, error.message + hint);
}

}  // namespace ballast::cli
