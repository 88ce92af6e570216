#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/event_view.h"
#include "controller/cli/print_object.h"
#include "controller/cli/row_printer.h"
#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr char kPath[] = "/ballast/v1/tokens";

std::string Groups(const json& token) {
  std::string text;
  for (const json& group : List(token, "groups")) {
    if (!group.is_string()) continue;
    text += (text.empty() ? "" : ",") + Sanitize(group.get_ref<const std::string&>());
  }
  return text.empty() ? "-" : text;
}

int ListTokens(const Arguments& arguments, Session& session) {
  const std::string format = arguments.Get("--output");
  if (format != "table" && format != "json" && format != "yaml") {
    return session.Usage(
        fmt::format("--output is table, json or yaml, not \"{}\"", Sanitize(format)), "token");
  }
  const auto list = session.CallJson({.target = kPath});
  if (!list) return session.Fail(list.error());
  if (format != "table") {
    session.out << StructuredText(*list, format);
    return kExitOk;
  }
  std::vector<std::vector<Cell>> rows = {TitleRow({"ID", "USER", "GROUPS", "AGE", "EXPIRES"})};
  for (const json& token : List(*list, "items")) {
    rows.push_back({{Text(token, "id")},
                    {Text(token, "user")},
                    {Groups(token)},
                    {AgeOf(Text(token, "creationTimestamp", ""), session.environment.now())},
                    {Text(token, "expirationTimestamp", "never")}});
  }
  if (rows.size() == 1) {
    session.err << "there are no tokens; `ballast kubeconfig` makes one\n";
    return kExitOk;
  }
  session.out << RowPrinter(session.environment.color).Print(rows);
  return kExitOk;
}

int RevokeTokens(const std::vector<std::string>& ids, Session& session) {
  int code = kExitOk;
  for (const std::string& id : ids) {
    const auto gone = session.Call({.method = "DELETE", .target = kPath + ("/" + UrlEncode(id))},
                                   {.next_step = "`ballast token list` shows those there are"});
    if (!gone) {
      code = session.Fail(gone.error());
      if (gone.error().code != Code::kNotFound) return code;
      continue;
    }
    session.out << "token " << Sanitize(id) << " revoked\n";
  }
  return code;
}

}  // namespace

int RunToken(const Arguments& arguments, Session& session) {
  const auto& words = arguments.words();
  if (words.empty()) return session.Usage("list or revoke?", "token");
  if (words.front() == "list") {
    if (words.size() > 1) return session.Usage("list takes no words", "token");
    return ListTokens(arguments, session);
  }
  if (words.front() == "revoke") {
    if (words.size() == 1) {
      return session.Usage("revoke takes the ID of a token, as `ballast token list` shows it",
                           "token");
    }
    return RevokeTokens({words.begin() + 1, words.end()}, session);
  }
  return session.Usage(
      fmt::format("token list or token revoke ID, not \"{}\"{}", Sanitize(words.front()),
                  Suggest(words.front(), {"list", "revoke"})),
      "token");
}

}  // namespace ballast::cli
