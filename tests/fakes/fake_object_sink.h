// A store that keeps objects in memory and knows, roughly, what server-side apply does: the fields
// of the manifests win, those of others stay where no manifest names them. Fails when told to.
// Calls a listener for each write, as the store does. Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/manifests/object_sink.h"

namespace ballast::fakes {

class FakeObjectSink final : public manifests::ObjectSink {
 public:
  // Called after each write, also by Edit and Delete, without a lock.
  void OnChange(std::function<void(const api::ObjectKey&)> listener) {
    listener_ = std::move(listener);
  }
  // Answers the next applies and removals, of one object or (empty name) of all, until cleared.
  void Fail(const Status& status, const api::ObjectKey& key = {}) {
    const std::lock_guard lock(mutex_);
    failures_[key] = status;
  }
  void Mend(const api::ObjectKey& key = {}) {
    const std::lock_guard lock(mutex_);
    failures_.erase(key);
  }
  // Does not tell in its results what is stored.
  void TellNothing() { tells_ = false; }

  Result<manifests::SinkResult> Apply(const api::ObjectKey& key, const nlohmann::json& config,
                                      const std::string& file) override {
    manifests::SinkResult result;
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back("apply " + key.ToString());
      if (const Status* failure = FailureOf(key)) return std::unexpected(*failure);
      auto found = entries_.find(key);
      result.created = found == entries_.end();
      Entry next = result.created ? Entry() : found->second;
      next.base = next.others;
      next.base.merge_patch(config);
      next.file = file;
      next.config = config;
      if (auto made = Make(next); !made) return std::unexpected(made.error());
      if (!result.created) FindDrift(config, found->second.shown, "", result.put_back, next);
      next.edits.clear();
      result.changed = result.created || next.shown != found->second.shown ||
                       next.config != found->second.config;
      if (result.changed) {
        ++writes_;
        entries_[key] = next;
      }
      if (tells_) result.stored = entries_.at(key).object;
    }
    if (result.changed && listener_) listener_(key);
    return result;
  }

  Result<void> Remove(const api::ObjectKey& key) override {
    bool removed = false;
    {
      const std::lock_guard lock(mutex_);
      calls_.push_back("remove " + key.ToString());
      if (const Status* failure = FailureOf(key)) return std::unexpected(*failure);
      const auto found = entries_.find(key);
      if (found != entries_.end() && !found->second.config.is_null()) {
        entries_.erase(found);
        ++writes_;
        removed = true;
      }
    }
    if (removed && listener_) listener_(key);
    return {};
  }

  std::shared_ptr<const api::Object> Find(const api::ObjectKey& key) override {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : found->second.object;
  }

  // What somebody else does to an object, through the API: a merge patch, or everything.
  void Edit(const api::ObjectKey& key, const std::string& patch, const std::string& manager) {
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_[key];
      const auto json = nlohmann::json::parse(patch);
      entry.others.merge_patch(json);
      entry.base.merge_patch(json);
      const auto flat = json.flatten();
      for (const auto& [path, value] : flat.items()) entry.edits[path] = manager;
      if (!Make(entry)) std::abort();
    }
    if (listener_) listener_(key);
  }
  void Delete(const api::ObjectKey& key) {
    {
      const std::lock_guard lock(mutex_);
      entries_.erase(key);
    }
    if (listener_) listener_(key);
  }
  void Touch(const api::ObjectKey& key) {  // a status
    if (listener_) listener_(key);
  }

  // "apply WebApp/default/shop", in order, since the last time.
  std::vector<std::string> TakeCalls() {
    const std::lock_guard lock(mutex_);
    return std::exchange(calls_, {});
  }
  [[nodiscard]] int writes() const {  // of the manifests
    const std::lock_guard lock(mutex_);
    return writes_;
  }
  [[nodiscard]] nlohmann::json Shown(const api::ObjectKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? nlohmann::json() : found->second.shown;
  }
  // What the manifests own.
  [[nodiscard]] nlohmann::json Config(const api::ObjectKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? nlohmann::json() : found->second.config;
  }

 private:
  struct Entry {
    nlohmann::json config;  // null: never applied by manifests
    std::string file;       // the annotation
    nlohmann::json others;
    nlohmann::json base;   // both
    nlohmann::json shown;  // with defaults
    std::shared_ptr<const api::Object> object;
    std::map<std::string, std::string> edits;  // JSON pointer -> who
  };

  const Status* FailureOf(const api::ObjectKey& key) const {
    for (const auto& wanted : {key, api::ObjectKey()}) {
      const auto found = failures_.find(wanted);
      if (found != failures_.end()) return &found->second;
    }
    return nullptr;
  }

  // Fills in what follows from `base`.
  static Result<void> Make(Entry& entry) {
    auto object = api::DecodeObject(entry.base, {.all_kinds = true});
    if (!object) return std::unexpected(object.error());
    nlohmann::json shown = api::EncodeObject(*object);
    std::int64_t generation = 1;
    if (entry.object) {
      generation = std::visit([](const auto& o) { return o.meta.generation; }, *entry.object);
      if (shown["spec"] != entry.shown["spec"]) ++generation;
    }
    // The codec refuses annotations that are Ballast's own: nobody else may write them.
    const auto own = [&](auto& o) {
      o.meta.generation = generation;
      if (!entry.file.empty()) o.meta.annotations["ballast.dev/manifest"] = entry.file;
    };
    std::visit(own, *object);
    shown["metadata"]["generation"] = generation;
    shown["metadata"]["annotations"]["ballast.dev/manifest"] = entry.file;
    entry.shown = std::move(shown);
    entry.object = std::make_shared<const api::Object>(std::move(*object));
    return {};
  }

  // Fields of `config` that are stored otherwise since somebody else changed them.
  static void FindDrift(const nlohmann::json& config, const nlohmann::json& shown,
                        const std::string& path, std::vector<std::string>& found, Entry& entry) {
    for (const auto& [name, value] : config.items()) {
      const std::string here = path + "/" + name;
      const nlohmann::json old = shown.is_object() && shown.contains(name) ? shown[name] : nullptr;
      if (value.is_object()) {
        FindDrift(value, old, here, found, entry);
      } else if (const auto edit = entry.edits.find(here);
                 old != value && edit != entry.edits.end()) {
        std::string field = here.substr(1);
        for (char& c : field) c = c == '/' ? '.' : c;
        found.push_back(field + " (changed by " + edit->second + ")");
      }
    }
  }

  std::function<void(const api::ObjectKey&)> listener_;
  bool tells_ = true;
  mutable std::mutex mutex_;
  std::map<api::ObjectKey, Entry> entries_;
  std::map<api::ObjectKey, Status> failures_;
  std::vector<std::string> calls_;
  int writes_ = 0;
};

}  // namespace ballast::fakes
