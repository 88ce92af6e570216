// What Docker's events and lists say about a container, and what they leave out. Pure; any thread.
#pragma once

#include <string>

#include "reconcilers/ports/engine.h"

namespace ballast::runtime {

// The attribute, or "".
[[nodiscard]] const std::string& Attribute(const reconcilers::EngineEvent& event,
                                           const std::string& name);

// The container an event is about, "" if it cannot concern us (exec_start, volume events ...).
[[nodiscard]] const std::string& ContainerOf(const reconcilers::EngineEvent& event);

enum class Told { kAll, kPart };  // kPart: an inspect would tell more

// Changes `info` as the event says; `now` is for events without a time.
Told ApplyToInfo(const reconcilers::EngineEvent& event, api::Time now,
                 reconcilers::ContainerInfo& info);

// Does it run, or will it by itself?
[[nodiscard]] bool Lives(const reconcilers::ContainerInfo& info);

// Is something missing that only an inspect tells?
[[nodiscard]] bool Lacking(const reconcilers::ContainerInfo& info);

// Does the list say the same as what is known, in all that lists tell?
[[nodiscard]] bool Agrees(const reconcilers::ContainerInfo& listed,
                          const reconcilers::ContainerInfo& known);

}  // namespace ballast::runtime
