#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/event_view.h"
#include "controller/cli/print_object.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"
#include "controller/cli/watch.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// For the query; `scoped`: the object that is asked for belongs to a namespace.
Result<std::string> Selector(const Arguments& arguments, const ResourceTypes& types, bool* scoped) {
  std::string selector;
  *scoped = true;
  if (arguments.Given("--for")) {
    const auto targets = ParseTargets({arguments.Get("--for")}, types);
    if (!targets) return std::unexpected(targets.error());
    if (!targets->by_name) {
      return Error(Code::kInvalidArgument, fmt::format("--for takes TYPE/NAME, not \"{}\"",
                                                       Sanitize(arguments.Get("--for"))));
    }
    const auto& target = targets->all.front();
    selector = fmt::format("involvedObject.kind={},involvedObject.name={}", target.type->kind,
                           target.name);
    *scoped = target.type->namespaced;
  }
  if (arguments.Given("--types")) {
    const std::string type = arguments.Get("--types");
    if (type != "Warning" && type != "Normal") {
      return Error(Code::kInvalidArgument,
                   fmt::format("--types is Warning or Normal, not \"{}\"", Sanitize(type)));
    }
    selector += (selector.empty() ? "type=" : ",type=") + type;
  }
  return selector;
}

}  // namespace

int RunEvents(const Arguments& arguments, Session& session) {
  const std::string format = arguments.Get("--output");
  if (format != "table" && format != "json" && format != "yaml") {
    return session.Usage(
        fmt::format("--output is table, json or yaml, not \"{}\"", Sanitize(format)), "events");
  }
  if (!arguments.words().empty()) {
    return session.Usage("events of one object: --for TYPE/NAME", "events");
  }
  const auto types = session.Types();
  if (!types) return session.Fail(types.error());
  bool scoped = true;
  const auto selector = Selector(arguments, **types, &scoped);
  if (!selector) {
    return selector.error().code == Code::kInvalidArgument
               ? session.Usage(selector.error().message, "events")
               : session.Fail(selector.error());
  }
  const ResourceType* const type = (*types)->FindKind("v1", "Event");
  if (type == nullptr) return session.Fail("this controller has no events");
  // Those of cluster-wide objects are in whatever namespace they were put.
  const bool everywhere = arguments.On("--all-namespaces") || !scoped;
  const std::string path = type->Path(everywhere ? "" : arguments.Get("--namespace"));
  auto list = session.ListAll(path, {{"fieldSelector", *selector}}, "application/json");
  if (!list) return session.Fail(list.error());
  HideManagedFields(*list);
  std::vector<json> events = List(*list, "items");
  SortEvents(events);
  EventTable table({.with_namespace = everywhere, .color = session.environment.color});
  const bool watch_too = arguments.On("--watch");
  if (format != "table" && !watch_too) {
    (*list)["items"] = events;
    session.out << StructuredText(*list, format);
    return kExitOk;
  }
  const auto print = [&](const std::vector<json>& some) {
    if (format == "table") {
      session.out << table.Render(some, session.environment.now());
    } else {
      for (const json& event : some) {
        session.out << (format == "yaml" ? "---\n" : "") << StructuredText(event, format);
      }
    }
    session.out.flush();
  };
  print(events);
  if (!watch_too) {
    if (events.empty()) session.err << "nothing happened yet\n";
    return kExitOk;
  }
  std::optional<Status> failure;
  Watch watch(session, path, {{"fieldSelector", *selector}}, "application/json",
              {.on_event =
                   [&](std::string_view kind, const json& event) {
                     // An old event that is forgotten is no news.
                     if (kind != "DELETED") print({event});
                     return session.out.good();
                   },
               .on_lost = nullptr,
               .on_failure = [&](const Status& status) { failure = status; }});
  watch.Start(Text(Field(*list, "metadata"), "resourceVersion", "0"));
  if (const auto ran = session.connection.Run(std::nullopt); !ran) return session.Fail(ran.error());
  return failure ? session.Fail(*failure) : kExitOk;
}

}  // namespace ballast::cli
