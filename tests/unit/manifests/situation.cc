#include "tests/unit/manifests/situation.h"

#include <fmt/format.h>

namespace ballast::manifests {

Situation& Situation::Write(const std::string& file, const std::string& text) {
  if (text.empty()) {
    files_.erase(file);
    return *this;
  }
  ScannedFile scanned{.file = file};
  if (auto objects = api::DecodeManifest(file, text, {.all_kinds = true})) {
    scanned.objects = std::move(*objects);
  } else {
    scanned.errors = std::move(objects.error());
  }
  files_[file] = std::make_shared<const ScannedFile>(std::move(scanned));
  return *this;
}

Situation& Situation::Problem(const std::string& problem) {
  problem_ = problem;
  return *this;
}

Situation& Situation::After(std::chrono::milliseconds time) {
  now_ += time;
  return *this;
}

Situation& Situation::Pass() {
  ScanResult scan{.problem = problem_};
  if (problem_.empty()) {
    for (const auto& [name, file] : files_) scan.files.push_back(file);
  }
  last_ = PlanApply(state_, scan, now_, mode_);
  state_ = last_.next;
  return *this;
}

std::string Situation::InForce() const {
  std::string text;
  for (const auto& [key, object] : state_.accepted) {
    text += (text.empty() ? "" : " ") + (key.kind == "WebApp" ? key.name : "lb:" + key.name);
  }
  return text;
}

const api::WebApp* Situation::App(const std::string& name) const {
  const auto found = state_.accepted.find({"WebApp", "default", name});
  return found == state_.accepted.end() ? nullptr
                                        : std::get_if<api::WebApp>(found->second.object.get());
}

std::vector<std::string> Situation::Changed() const {
  std::vector<std::string> names;
  names.reserve(last_.changed.size());
  for (const auto& key : last_.changed) names.push_back(key.name);
  return names;
}

std::vector<std::string> Situation::Held() const {
  std::vector<std::string> names;
  names.reserve(last_.held.size());
  for (const auto& key : last_.held) names.push_back(key.name);
  return names;
}

std::vector<std::string> Situation::Events() const {
  std::vector<std::string> events;
  events.reserve(last_.events.size());
  for (const auto& event : last_.events) {
    events.push_back(event.reason + " " + event.object.ToString());
  }
  return events;
}

bool Situation::Told(const std::string& part) const {
  for (const auto& event : last_.events) {
    if (event.message.find(part) != std::string::npos) return true;
  }
  return false;
}

std::string AppYaml(const std::string& name, const std::string& host, const std::string& spec) {
  std::string text = fmt::format(
      "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {{name: {}}}\nspec:\n  {}\n", name,
      spec);
  if (!host.empty()) text += fmt::format("  routes: [{{host: {}}}]\n", host);
  return text +
         "  template:\n    spec:\n      containers: [{name: web, image: i, ports: [{containerPort: "
         "80}]}]\n";
}

std::string BalancerYaml(const std::string& name, int port) {
  return fmt::format(
      "apiVersion: ballast.dev/v1alpha1\nkind: LoadBalancer\nmetadata: {{name: {}}}\nspec:\n"
      "  listeners: [{{name: http, port: {}, protocol: HTTP}}]\n  stats: {{port: {}}}\n",
      name, port, port + 1);
}

std::string AutoscalerYaml(const std::string& name, const std::string& app) {
  return fmt::format(
      "apiVersion: ballast.dev/v1alpha1\nkind: Autoscaler\nmetadata: {{name: {}}}\nspec:\n"
      "  scaleTargetRef: {{kind: WebApp, name: {}}}\n  maxReplicas: 4\n"
      "  metrics: [{{type: RequestRate, requestRate: {{target: {{averageValue: \"50\"}}}}}}]\n",
      name, app);
}

}  // namespace ballast::manifests
