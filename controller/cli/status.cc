#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "api/codec.h"
#include "controller/cli/commands.h"
#include "controller/cli/render.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

constexpr std::size_t kMaxStatusBytes = std::size_t{256} << 20;
constexpr int kMaxStatusDepth = 32;
constexpr int kHttpOk = 200;

}  // namespace

int RunStatus(const Arguments& arguments, Session& session) {
  const std::string output = arguments.Get("--output");
  if (output != "table" && output != "json") {
    return session.Usage(fmt::format("--output is table or json, not \"{}\"", Sanitize(output)),
                         "status");
  }
  if (arguments.words().size() > 1)
    return session.Usage("more than one web app is named", "status");
  const std::string name = arguments.words().empty() ? "" : arguments.words().front();
  const auto reply = session.connection.Send({.target = "/status"});
  if (!reply) return session.Fail(reply.error());
  const auto broken = [&](const std::string& what) {
    return session.Fail(fmt::format("the controller on {} answered something else: {}",
                                    arguments.Get("--socket"), Sanitize(what)));
  };
  if (reply->status != kHttpOk) {
    return broken(fmt::format("HTTP {}: {}", reply->status, reply->body));
  }
  const auto status = api::ParseJsonStrict(reply->body, kMaxStatusBytes, kMaxStatusDepth);
  if (!status) return broken(status.error().message);
  const auto selected = SelectStatus(*status, name);
  if (!selected) return session.Fail(selected.error());
  if (output == "json") {
    session.out << selected->dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    session.out << RenderStatus(
        *selected, !name.empty(),
        {.width = session.environment.width, .color = session.environment.color});
  }
  return kExitOk;
}

}  // namespace ballast::cli
