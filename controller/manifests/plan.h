// Decides what follows from one pass over the manifests: what is in force from now on, what is
// removed, what is held although no manifest names it. Pure: no files, threads or clocks, so that
// every rule about never deleting by mistake can be tested.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/codec.h"
#include "controller/manifests/scan.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/event_recorder.h"

namespace ballast::manifests {

// safe: removes only after a complete pass, 5 s later, never everything. never: removes nothing.
// always: removes at once, as long as the directory exists.
enum class PruneMode { kSafe, kNever, kAlways };

struct AcceptedObject {
  std::shared_ptr<const api::Object> object;  // as its file says; before that was read: as stored
  // What its author wrote. Null: its file was not read since the start.
  std::shared_ptr<const nlohmann::json> written;
  std::string file;  // that it last came from
  int line = 0;
  int column = 0;
  // It was in force when everything that was went missing at once (another directory, an empty
  // one): not removed before something of all that is named again, whatever else comes.
  bool kept = false;
};
using AcceptedSet = std::map<api::ObjectKey, AcceptedObject>;

// What one pass leaves for the next.
struct PlanState {
  AcceptedSet accepted;  // what is in force
  // The keys that complete passes named, unchanged since then. Nothing: the last pass was
  // incomplete.
  std::set<api::ObjectKey> named;
  std::optional<reconcilers::Clock::Steady> named_since;
  // May it be concluded that an object that is not accepted is not wanted?
  bool absence_known = false;
  std::map<std::string, std::string> reported;  // what was told about a subject: told once
};

struct PlannedEvent {
  api::ObjectKey object;
  reconcilers::EventType type = reconcilers::EventType::kNormal;
  std::string reason;
  std::string message;
  bool operator==(const PlannedEvent&) const = default;
};

struct PlanResult {
  PlanState next;
  std::vector<api::ObjectKey> changed;  // to be applied or removed: new, different, not named
  std::vector<api::ObjectKey> moved;    // from another file now, otherwise the same
  bool save = false;                    // keys, files or `kept` of `accepted` differ from before
  std::vector<PlannedEvent> events;
  std::vector<api::FieldError> errors;             // all that is wrong now
  std::map<std::string, std::size_t> file_errors;  // by file; only files with errors
  std::vector<api::ObjectKey> held;                // in force although no manifest names them
  std::string hold_reason;                         // why they are not removed; empty: none held
  std::optional<std::chrono::milliseconds> again_after;  // when time alone changes the answer
};

inline constexpr std::chrono::seconds kAbsenceUnchanged{5};

[[nodiscard]] PlanResult PlanApply(const PlanState& previous, const ScanResult& scan,
                                   reconcilers::Clock::Steady now, PruneMode mode);

[[nodiscard]] api::ObjectKey KeyOf(const api::Object& object);
// The object of Events about a file ("" = the directory itself).
[[nodiscard]] api::ObjectKey ManifestKey(const std::string& file);

}  // namespace ballast::manifests
