// What the templates take from Secrets and ConfigMaps, looked up before anything is planned: which
// revision is wanted, why, and of which revisions replicas can be made. Nothing here shows a value.
#include <algorithm>
#include <tuple>
#include <utility>

#include "api/codec.h"
#include "api/reasons.h"
#include "reconcilers/webapp/pass.h"

namespace ballast::reconcilers {
namespace {

// Nobody tells when what could not be read can be read again.
constexpr std::chrono::seconds kReadAgain{1};
constexpr std::size_t kShown = 3;

std::string Joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (std::size_t i = 0; i < std::min(sentences.size(), kShown); ++i) {
    text += (text.empty() ? "" : "; ") + sentences[i];
  }
  if (sentences.size() > kShown) {
    text += "; and " + std::to_string(sentences.size() - kShown) + " more";
  }
  return text;
}

}  // namespace

void WebAppReconciler::ResolveConfigs(Pass& pass) {
  for (const AppContainers::Replica& replica : pass.containers.replicas) {
    NoteRevision(pass, replica);
  }
  if (pass.app == nullptr || !pass.app->spec.pod_template) return;
  ResolveUpdate(pass);
  const DigestFunction digest = [this](std::string_view bytes) { return d_.config.Digest(bytes); };
  // An old revision is made again with the values that it had, or not at all.
  for (auto& [name, revision] : pass.revisions) {
    if (name == pass.input.update_revision || !revision.pod_template) continue;
    const ConfigUses uses = ReferencesOf(*revision.pod_template);
    if (uses.empty()) continue;
    const auto objects = ReadConfigObjects(d_.config, pass.key.ns, uses);
    ResolvedConfig resolved;
    if (objects) resolved = ResolveConfig(pass.key.ns, *revision.pod_template, *objects, digest);
    if (objects && resolved.missing.empty() && resolved.label == revision.config) {
      revision.values = std::make_shared<const ReplicaConfig>(std::move(resolved.values));
    } else {
      pass.input.unmakeable.insert(name);
    }
  }
  NoteCause(pass);
}

void WebAppReconciler::ResolveUpdate(Pass& pass) {
  const api::PodTemplate& pod_template = *pass.app->spec.pod_template;
  const ConfigUses uses = ReferencesOf(pod_template);
  if (uses.empty()) {
    pass.input.update_revision = api::RevisionOf(pod_template);
    pass.memory.last_revision = pass.input.update_revision;
    pass.memory.config_told.clear();
    return;
  }
  const auto objects = ReadConfigObjects(d_.config, pass.key.ns, uses);
  if (!objects) {
    pass.CheckAfter(kReadAgain);
    Hold(pass, api::reason::kConfigUnavailable, objects.error().message);
    return;
  }
  ResolvedConfig resolved =
      ResolveConfig(pass.key.ns, pod_template, *objects,
                    [this](std::string_view bytes) { return d_.config.Digest(bytes); });
  TellMissing(pass, resolved);
  if (!resolved.missing.empty()) {
    Hold(pass, api::reason::kConfigMissing, Joined(resolved.missing));
    return;
  }
  pass.update_config = std::move(resolved.label);
  pass.update_values = std::make_shared<const ReplicaConfig>(std::move(resolved.values));
  pass.input.update_revision = api::RevisionOf(pod_template, pass.update_config);
  pass.memory.last_revision = pass.input.update_revision;
}

// No revision can be named. Replicas of this very template, if there are any, are as wanted as
// ever.
void WebAppReconciler::Hold(Pass& pass, const char* reason, std::string message) {
  pass.problems.config = std::move(message);
  pass.problems.config_reason = reason;
  pass.input.hold = true;
  const Pass::Revision* newest = nullptr;
  for (const auto& [name, revision] : pass.revisions) {
    if (!revision.pod_template || *revision.pod_template != *pass.app->spec.pod_template) continue;
    if (newest != nullptr && revision.started <= newest->started) continue;
    newest = &revision;
    pass.input.update_revision = name;
  }
  if (newest != nullptr) pass.input.unmakeable.insert(pass.input.update_revision);
}

// Once each, not in every pass.
void WebAppReconciler::TellMissing(Pass& pass, const ResolvedConfig& resolved) {
  const auto tell = [&](std::string& told, const char* reason, const std::string& message) {
    if (told == message) return;
    told = message;
    if (!message.empty()) d_.events.Record(pass.key, EventType::kWarning, reason, message);
  };
  tell(pass.memory.config_told, api::reason::kConfigMissing, Joined(resolved.missing));
  tell(pass.memory.skipped_told, api::reason::kVariablesLeftOut, Joined(resolved.skipped));
}

// Why there is the update revision: what its containers say, else how it differs from the newest
// one that runs.
void WebAppReconciler::NoteCause(Pass& pass) {
  const std::string& update = pass.input.update_revision;
  if (const auto it = pass.revisions.find(update); it != pass.revisions.end()) {
    pass.update_cause = it->second.cause;
    pass.memory.rollout_told = update;
    return;
  }
  if (pass.input.hold || pass.revisions.empty()) return;
  const auto newest = std::ranges::max_element(pass.revisions, {}, [](const auto& entry) {
    return std::tie(entry.second.started, entry.first);
  });
  const Pass::Revision& before = newest->second;
  std::vector<std::string> causes;
  if (!before.pod_template || *before.pod_template != *pass.app->spec.pod_template) {
    causes.emplace_back("template changed");
  }
  for (std::string& change : ConfigChanges(before.config, pass.update_config)) {
    causes.push_back(std::move(change));
  }
  for (const std::string& cause : causes) {
    pass.update_cause += (pass.update_cause.empty() ? "" : ", ") + cause;
  }
  if (pass.app->spec.paused || pass.memory.rollout_told == update) return;
  pass.memory.rollout_told = update;
  d_.events.Record(pass.key, EventType::kNormal, api::reason::kRolloutStarted,
                   "rolling out revision " + update + ": " + pass.update_cause);
}

ReplicaConfigPtr WebAppReconciler::ValuesFor(const Pass& pass, const std::string& revision,
                                             const api::PodTemplate& pod_template) {
  if (pass.input.unmakeable.contains(revision)) return nullptr;
  if (revision == pass.input.update_revision && pass.update_values) return pass.update_values;
  const auto it = pass.revisions.find(revision);
  if (it != pass.revisions.end() && it->second.values) return it->second.values;
  // Nothing to look up: what the template says is all there is.
  return std::make_shared<const ReplicaConfig>(
      ResolveConfig(pass.key.ns, pod_template, {}, {}).values);
}

}  // namespace ballast::reconcilers
