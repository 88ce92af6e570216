#include "controller/manifests/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/reasons.h"
#include "controller/manifests/conflicts.h"

namespace ballast::manifests {
namespace {

using api::ObjectKey;
using reconcilers::EventType;

constexpr std::size_t kMaxEventsPerFile = 5;
constexpr std::size_t kMaxNamesInMessage = 3;
constexpr char kDirectorySubject[] = "directory";
constexpr char kPruneSubject[] = "prune";

std::string Names(const std::vector<ObjectKey>& keys) {
  std::string text;
  for (std::size_t i = 0; i < keys.size() && i < kMaxNamesInMessage; ++i) {
    text += (i == 0 ? "" : ", ") + keys[i].ToString();
  }
  if (keys.size() > kMaxNamesInMessage) {
    text += fmt::format(" and {} more", keys.size() - kMaxNamesInMessage);
  }
  return text;
}

// A file that did not change is the same document, thanks to the scanner's cache.
bool SameText(const std::shared_ptr<const nlohmann::json>& a,
              const std::shared_ptr<const nlohmann::json>& b) {
  return a != nullptr && b != nullptr && (a == b || *a == *b);
}

class Planner {
 public:
  Planner(const PlanState& previous, const ScanResult& scan, reconcilers::Clock::Steady now,
          PruneMode mode)
      : previous_(previous), scan_(scan), now_(now), mode_(mode) {
    result_.next = previous;
  }

  PlanResult Run() && {
    if (!scan_.problem.empty()) {
      HoldEverything();
      return std::move(result_);
    }
    CollectFiles();
    FindMissing();
    RememberKept();
    RefuseConflicts(missing_, false);
    const std::set<ObjectKey> removals = DecideRemovals();
    RefuseConflicts(removals, true);
    Accept();
    Remove(removals);
    ReportErrors();
    ReportHold();
    return std::move(result_);
  }

 private:
  struct File {
    const ScannedFile* scanned = nullptr;
    bool refused = false;
    bool pending = false;  // only waits for the removal of what is in its way
    std::vector<api::FieldError> errors;
  };

  void HoldEverything() {
    result_.next.named.clear();
    result_.next.named_since.reset();
    for (const auto& [key, object] : previous_.accepted) result_.held.push_back(key);
    if (!result_.held.empty()) result_.hold_reason = scan_.problem;
    result_.errors.push_back({"", 0, 0, "", scan_.problem});
    const std::string stays = result_.held.empty()
                                  ? "waiting for it"
                                  : fmt::format("{} objects stay in force", result_.held.size());
    Tell(kDirectorySubject, "", api::reason::kManifestInvalid, scan_.problem + "; " + stays);
  }

  void CollectFiles() {
    for (const auto& scanned : scan_.files) {
      File& file = files_[scanned->file];
      file.scanned = scanned.get();
      file.errors = scanned->errors;
      file.refused = !scanned->errors.empty();
      if (file.refused) complete_ = false;
      if (file.refused) continue;
      for (const auto& object : scanned->objects) named_.insert(KeyOf(object.object));
    }
    if (named_.empty()) complete_ = false;
  }

  // Is what came from this file hidden behind an error, so that its absence means nothing?
  bool Hidden(const std::string& file) const {
    return std::any_of(files_.begin(), files_.end(), [&file](const auto& entry) {
      if (!entry.second.refused) return false;
      return entry.first == file || (entry.first.ends_with('/') && file.starts_with(entry.first));
    });
  }

  void FindMissing() {
    std::map<std::string, bool> hidden;  // by file: few files, many objects
    for (const auto& [key, object] : previous_.accepted) {
      if (named_.contains(key)) continue;
      const auto [known, is_new] = hidden.emplace(object.file, false);
      if (is_new) known->second = Hidden(object.file);
      if (!known->second) missing_.insert(key);
    }
  }

  // An absence of everything at once is remembered with the objects, since soon there may be others
  // beside them, and then it would look like the absence of a few.
  void RememberKept() {
    AcceptedSet& accepted = result_.next.accepted;
    const bool one_is_back = std::any_of(accepted.begin(), accepted.end(), [this](const auto& o) {
      return o.second.kept && named_.contains(o.first);
    });
    const bool all_missing = !missing_.empty() && missing_.size() == accepted.size();
    for (auto& [key, object] : accepted) {
      const bool kept = (object.kept && !one_is_back) || all_missing;
      if (std::exchange(object.kept, kept) != kept) result_.save = true;
    }
  }

  bool AnyKept(const std::set<ObjectKey>& keys) const {
    return std::any_of(keys.begin(), keys.end(),
                       [this](const ObjectKey& key) { return result_.next.accepted.at(key).kept; });
  }

  // Refuses files, whole, until what counts has no conflict with itself or with what is in force.
  // `gone` is not in force any more. Late: what only conflicts with objects that nobody names.
  void RefuseConflicts(const std::set<ObjectKey>& gone, bool late) {
    for (bool again = true; again;) {
      std::vector<const ScannedFile*> counting;
      for (const auto& [name, file] : files_) {
        if (!file.refused) counting.push_back(file.scanned);
      }
      std::vector<api::FieldError> errors = FindConflicts(previous_.accepted, gone, counting);
      again = !errors.empty();
      for (api::FieldError& error : errors) {
        File& file = files_.at(error.file);
        file.refused = true;
        file.pending = late && waiting_;
        if (late) error.message += "; it is still in force: " + result_.hold_reason;
        file.errors.push_back(std::move(error));
        if (!late) complete_ = false;
      }
    }
  }

  std::set<ObjectKey> DecideRemovals() {
    PlanState& next = result_.next;
    const bool same = complete_ && previous_.named_since && previous_.named == named_;
    next.named = complete_ ? named_ : std::set<ObjectKey>();
    next.named_since =
        complete_ ? std::optional(same ? *previous_.named_since : now_) : std::nullopt;
    const bool settled = complete_ && now_ - *next.named_since >= kAbsenceUnchanged;
    if (mode_ == PruneMode::kAlways) {
      next.absence_known = true;
      return missing_;
    }
    if (mode_ == PruneMode::kSafe && settled) next.absence_known = true;
    if (complete_ && !settled && (!missing_.empty() || !next.absence_known)) {
      result_.again_after = std::chrono::ceil<std::chrono::milliseconds>(*next.named_since +
                                                                         kAbsenceUnchanged - now_);
    }
    if (missing_.empty()) return {};
    if (mode_ == PruneMode::kNever) {
      result_.hold_reason = "--prune never removes nothing";
    } else if (named_.empty()) {
      result_.hold_reason = "no manifest names anything at all";
    } else if (!complete_) {
      result_.hold_reason = "not every manifest is valid";
    } else if (!settled) {
      result_.hold_reason = "the absence has not lasted 5 s yet";
      waiting_ = true;
    } else if (AnyKept(missing_)) {
      result_.hold_reason =
          "that would remove everything that was in force; if it is meant, start the controller "
          "with --prune always";
    } else {
      return missing_;
    }
    result_.held.assign(missing_.begin(), missing_.end());
    return {};
  }

  void Accept() {
    for (const auto& [name, file] : files_) {
      if (file.refused) continue;
      for (const api::DecodedObject& object : file.scanned->objects) {
        const ObjectKey key = KeyOf(object.object);
        AcceptedObject& accepted = result_.next.accepted[key];
        const bool is_new = accepted.object == nullptr;
        const bool moved = !is_new && accepted.file != name;
        if (is_new || moved) result_.save = true;
        accepted.file = name;
        accepted.line = object.line;
        accepted.column = object.column;
        if (SameText(accepted.written, object.written)) {
          if (moved) result_.moved.push_back(key);
          continue;
        }
        accepted.object = std::make_shared<const api::Object>(object.object);
        accepted.written = object.written;
        result_.changed.push_back(key);
      }
    }
  }

  void Remove(const std::set<ObjectKey>& removals) {
    for (const ObjectKey& key : removals) {
      result_.next.accepted.erase(key);
      result_.save = true;
      result_.changed.push_back(key);
      Emit(key, EventType::kNormal, api::reason::kPruned, "no manifest names it any more");
    }
  }

  void ReportErrors() {
    auto& reported = result_.next.reported;
    for (const auto& [name, file] : files_) {
      const std::string subject = "file " + name;
      if (file.errors.empty() || file.pending) {
        reported.erase(subject);
        continue;
      }
      result_.file_errors[name] = file.errors.size();
      result_.errors.insert(result_.errors.end(), file.errors.begin(), file.errors.end());
      std::string text;
      for (const api::FieldError& error : file.errors) text += error.ToString() + "\n";
      if (std::exchange(reported[subject], text) == text) continue;
      for (std::size_t i = 0; i < file.errors.size() && i < kMaxEventsPerFile; ++i) {
        Emit(ManifestKey(name), EventType::kWarning, api::reason::kManifestInvalid,
             file.errors[i].ToString());
      }
      if (file.errors.size() > kMaxEventsPerFile) {
        Emit(ManifestKey(name), EventType::kWarning, api::reason::kManifestInvalid,
             fmt::format("{}: {} more errors", name, file.errors.size() - kMaxEventsPerFile));
      }
    }
    std::erase_if(reported, [this](const auto& entry) {
      return entry.first.starts_with("file ") && !files_.contains(entry.first.substr(5));
    });
    if (named_.empty() && result_.file_errors.empty() && previous_.accepted.empty()) {
      Tell(kDirectorySubject, "", api::reason::kManifestInvalid,
           "the directory has no manifest yet (*.yaml, *.yml, *.json)");
    } else {
      reported.erase(kDirectorySubject);
    }
  }

  void ReportHold() {
    if (result_.held.empty() || waiting_) {
      if (result_.held.empty()) result_.next.reported.erase(kPruneSubject);
      return;
    }
    Tell(kPruneSubject, "", api::reason::kPruneRefused,
         fmt::format("no manifest names {} any more, but {} in force: {}", Names(result_.held),
                     result_.held.size() == 1 ? "it stays" : "they stay", result_.hold_reason));
  }

  // A warning that is given once, until something else is to be said about the subject.
  void Tell(const char* subject, const std::string& file, const char* reason, std::string text) {
    if (std::exchange(result_.next.reported[subject], text) == text) return;
    Emit(ManifestKey(file), EventType::kWarning, reason, std::move(text));
  }

  void Emit(const ObjectKey& key, EventType type, const char* reason, std::string message) {
    result_.events.push_back({key, type, reason, std::move(message)});
  }

  const PlanState& previous_;
  const ScanResult& scan_;
  const reconcilers::Clock::Steady now_;
  const PruneMode mode_;
  std::map<std::string, File> files_;
  std::set<ObjectKey> named_;    // by files that can be read
  std::set<ObjectKey> missing_;  // in force, but no file names them or can be suspected to
  bool complete_ = true;
  bool waiting_ = false;  // only time is missing
  PlanResult result_;
};

}  // namespace

PlanResult PlanApply(const PlanState& previous, const ScanResult& scan,
                     reconcilers::Clock::Steady now, PruneMode mode) {
  return Planner(previous, scan, now, mode).Run();
}

ObjectKey KeyOf(const api::Object& object) {
  return std::visit([](const auto& value) { return value.Key(); }, object);
}

ObjectKey ManifestKey(const std::string& file) {
  return {"Manifest", "", file.empty() ? "." : file};
}

}  // namespace ballast::manifests
