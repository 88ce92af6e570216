#include "controller/cli/waiter.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "controller/cli/status_view.h"

namespace ballast::cli {

using nlohmann::json;

void Waiter::Add(const ResourceType& type, const std::string& ns, const std::string& name,
                 Judge judge, std::string done) {
  objects_.push_back({.type = &type,
                      .ns = ns,
                      .name = name,
                      .judge = std::move(judge),
                      .done = std::move(done),
                      .last = {},
                      .watch = nullptr});
}

std::optional<std::string> Waiter::Look(Object& object) {
  const auto list =
      session_.CallJson({.target = object.type->Path(object.ns) +
                                   Query({{"fieldSelector", "metadata.name=" + object.name}})});
  if (!list) {
    failure_ = list.error();
    session_.connection.Stop();
    return std::nullopt;
  }
  const auto& items = List(*list, "items");
  Take(object, items.empty() ? nullptr : &items.front());
  return Text(Field(*list, "metadata"), "resourceVersion", "0");
}

// What there is, and from then on what changes: nothing in between is missed.
void Waiter::Begin(Object& object) {
  const auto version = Look(object);
  if (!version || object.settled) return;
  object.watch = std::make_unique<Watch>(
      session_, object.type->Path(object.ns),
      std::map<std::string, std::string>{{"fieldSelector", "metadata.name=" + object.name}},
      "application/json",
      WatchCalls{.on_event =
                     [this, &object](std::string_view type, const json& changed) {
                       if (!object.settled) Take(object, type == "DELETED" ? nullptr : &changed);
                       ShowProgress();
                       return !object.settled;
                     },
                 .on_lost = [this, &object] { static_cast<void>(Look(object)); },
                 .on_failure =
                     [this](const Status& status) {
                       failure_ = status;
                       session_.connection.Stop();
                     }});
  object.watch->Start(*version);
}

void Waiter::Take(Object& object, const json* json) {
  object.last = object.judge(json);
  if (!object.last.ready && !object.last.failed) return;
  object.settled = true;
  if (!object.last.ready) return;
  progress_.Clear();
  session_.out << object.Ref() << " " << object.done
               << (object.last.text.empty() ? "" : ": " + object.last.text) << "\n";
  session_.out.flush();
}

void Waiter::ShowProgress() {
  std::string text;
  for (const Object& object : objects_) {
    if (object.settled) continue;
    text += (text.empty() ? "" : "; ") + object.Ref() + ": " + object.last.text;
  }
  if (!text.empty()) progress_.Show(text);
}

int Waiter::Wait(std::chrono::seconds timeout) {
  for (Object& object : objects_) {
    Begin(object);
    if (failure_) return session_.Fail(*failure_);
  }
  if (std::ranges::all_of(objects_, &Object::settled)) return Report(timeout);
  ShowProgress();
  const auto ran = session_.connection.Run(timeout);
  progress_.Clear();
  if (failure_) return session_.Fail(*failure_);
  if (!ran && ran.error().code != Code::kTimeout) return session_.Fail(ran.error());
  return Report(timeout);
}

int Waiter::Report(std::chrono::seconds timeout) {
  int code = kExitOk;
  for (const Object& object : objects_) {
    if (object.settled && object.last.ready) continue;
    code = kExitTimeout;
    const std::string what = object.last.failed ? object.last.text
                                                : fmt::format("not done within {} s: {}",
                                                              timeout.count(), object.last.text);
    const std::string ns = object.ns.empty() || object.ns == "default" ? "" : " -n " + object.ns;
    session_.err << "ballast: " << object.Ref() << ": " << what << "\n"
                 << "see `ballast describe " << object.Ref() << ns << "`";
    if (object.type->kind == "WebApp") {
      session_.err << " and `ballast logs " << object.Ref() << ns << "`";
    }
    session_.err << "\n";
  }
  return code;
}

}  // namespace ballast::cli
