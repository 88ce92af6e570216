#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/not_found.h"
#include "controller/cli/table.h"
#include "controller/cli/targets.h"
#include "controller/cli/waiter.h"

namespace ballast::cli {
using nlohmann::json;

int RunScale(const Arguments& arguments, Session& session) {
  const auto usage = [&](std::string_view wrong) { return session.Usage(wrong, "scale"); };
  if (!arguments.Given("--replicas"))
    return usage("--replicas N is missing: how many there shall be");
  const auto replicas = ParseCount(arguments.Get("--replicas"));
  if (!replicas) {
    return usage(fmt::format("--replicas is a whole number from 0 on, not \"{}\"",
                             Sanitize(arguments.Get("--replicas"))));
  }
  const auto timeout = ParseDuration(arguments.Get("--timeout"));
  if (!timeout) return usage("--timeout is a time like 90s, 5m or 1h");
  if (arguments.words().empty()) return usage("a web app is missing: webapp/NAME");
  const auto types = session.Types();
  if (!types) return session.Fail(types.error());
  std::vector<std::string> words = arguments.words();
  // `ballast scale shop` can only mean a web app.
  if (words.size() == 1 && words.front().find('/') == std::string::npos) {
    words.front() = "webapp/" + words.front();
  }
  const auto targets = ParseTargets(words, **types);
  if (!targets) {
    return targets.error().code == Code::kInvalidArgument ? usage(targets.error().message)
                                                          : session.Fail(targets.error());
  }
  const std::string ns = arguments.Get("--namespace");
  Waiter waiter(session);
  for (const auto& [type, name] : targets->all) {
    if (type->kind != "WebApp" || name.empty()) {
      return usage(fmt::format("only web apps can be scaled: webapp/NAME, not {}",
                               name.empty() ? type->plural : type->Ref(Sanitize(name))));
    }
    const auto scaled = session.CallJson(
        {.method = "PATCH",
         .target = type->Path(ns, name) + "/scale" + Query({{"fieldManager", "ballast"}}),
         .body = json({{"spec", {{"replicas", *replicas}}}}).dump(),
         .content_type = "application/merge-patch+json"});
    if (!scaled) {
      if (scaled.error().code != Code::kNotFound) return session.Fail(scaled.error());
      return session.Fail(ExplainNotFound(session, *type, ns, name, scaled.error()).error());
    }
    session.out << type->Ref(name) << " scaled to " << *replicas << "\n";
    session.out.flush();
    waiter.Add(
        *type, ns, name,
        [count = *replicas](const json* object) {
          if (object != nullptr) return ScaledTo(*object, count);
          return Readiness{.failed = true, .text = "somebody deleted it"};
        },
        "is scaled");
  }
  return arguments.On("--wait") ? waiter.Wait(*timeout) : kExitOk;
}

}  // namespace ballast::cli
