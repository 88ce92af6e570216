#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/not_found.h"
#include "controller/cli/print_object.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"
#include "controller/cli/why_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostDecisions = 1000;

const json* Find(const std::vector<json>& autoscalers, const std::string& kind,
                 const std::string& name) {
  for (const json& item : autoscalers) {
    const bool itself = kind == "Autoscaler" && Text(Field(item, "metadata"), "name", "") == name;
    const bool target =
        kind == "WebApp" && Text(Field(Field(item, "spec"), "scaleTargetRef"), "name", "") == name;
    if (itself || target) return &item;
  }
  return nullptr;
}

std::string Names(const std::vector<json>& autoscalers) {
  std::vector<std::string> names;
  for (const json& item : autoscalers) {
    names.push_back("webapp/" + Text(Field(Field(item, "spec"), "scaleTargetRef"), "name"));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

int RunWhy(const Arguments& arguments, Session& session) {
  const auto usage = [&](const std::string& wrong) { return session.Usage(wrong, "why"); };
  const std::string format = arguments.Get("--output");
  if (format != "table" && format != "json" && format != "yaml") {
    return usage(fmt::format("--output is table, json or yaml, not \"{}\"", Sanitize(format)));
  }
  const auto limit = ParseCount(arguments.Get("--limit"));
  if (!limit || *limit < 1 || *limit > kMostDecisions) {
    return usage("--limit is a number from 1 to 1000");
  }
  if (arguments.words().size() != 1) {
    return usage("one web app or autoscaler is wanted: ballast why shop");
  }
  const auto types = session.Types();
  if (!types) return session.Fail(types.error());
  const ResourceType* const type = (*types)->FindKind("ballast.dev/v1alpha1", "Autoscaler");
  if (type == nullptr) return session.Fail("this controller has no autoscalers");
  const std::string& word = arguments.words().front();
  std::vector<std::string> kinds = {"WebApp", "Autoscaler"};
  std::string name = word;
  if (word.find('/') != std::string::npos) {
    const auto targets = ParseTargets({word}, **types);
    if (!targets) return usage(targets.error().message);
    const auto& target = targets->all.front();
    if (target.type->kind != "WebApp" && target.type->kind != "Autoscaler") {
      return usage("only web apps and autoscalers can be explained: webapp/NAME");
    }
    kinds = {target.type->kind};
    name = target.name;
  }
  const std::string ns = arguments.Get("--namespace");
  const auto list = session.ListAll(type->Path(ns), {}, "application/json");
  if (!list) return session.Fail(list.error());
  const std::vector<json>& autoscalers = List(*list, "items");
  const json* found = nullptr;
  for (const std::string& kind : kinds) {
    if (found == nullptr) found = Find(autoscalers, kind, name);
  }
  if (found == nullptr) {
    return session.Fail(
        Error(Code::kNotFound,
              fmt::format("no autoscaler decides about {} in the namespace {}\n{}", Sanitize(word),
                          ns,
                          autoscalers.empty() ? "there are none: see `ballast simulate --help` and "
                                                "docs/autoscaling.md for how to begin"
                                              : "there are some for " + Names(autoscalers)))
            .error());
  }
  const std::string autoscaler = Text(Field(*found, "metadata"), "name");
  const auto answer = session.CallJson(
      {.target = fmt::format("{}/decisions?limit={}", type->Path(ns, autoscaler), *limit)});
  if (!answer) return session.Fail(answer.error());
  if (format != "table") {
    session.out << StructuredText(*answer, format);
    return kExitOk;
  }
  session.out << RenderWhy({.autoscaler = *found,
                            .decisions = List(*answer, "items"),
                            .now = session.environment.now(),
                            .width = session.environment.width,
                            .color = session.environment.color});
  return kExitOk;
}

}  // namespace ballast::cli
