// A directory of manifests that exists only in memory, passes over it at will, and what came of the
// last one. For tests of PlanApply.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controller/manifests/plan.h"

namespace ballast::manifests {

class Situation {
 public:
  explicit Situation(PruneMode mode = PruneMode::kSafe) : mode_(mode) {}

  // One file; "" removes it.
  Situation& Write(const std::string& file, const std::string& text);
  // A directory that cannot be read ("" = can be again).
  Situation& Problem(const std::string& problem);
  Situation& After(std::chrono::milliseconds time);
  Situation& Pass();
  Situation& WaitAndPass() { return After(std::chrono::seconds(5)).Pass(); }

  [[nodiscard]] const PlanResult& last() const { return last_; }
  [[nodiscard]] const PlanState& state() const { return state_; }
  // "default/shop default/blog": the web apps in force.
  [[nodiscard]] std::string InForce() const;
  [[nodiscard]] const api::WebApp* App(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> Changed() const;  // names
  [[nodiscard]] std::vector<std::string> Held() const;
  // "Applied WebApp/default/shop" ...
  [[nodiscard]] std::vector<std::string> Events() const;
  [[nodiscard]] bool Told(const std::string& part_of_message) const;

 private:
  PruneMode mode_;
  std::map<std::string, std::shared_ptr<const ScannedFile>> files_;
  std::string problem_;
  reconcilers::Clock::Steady now_{std::chrono::hours(1)};
  PlanState state_;
  PlanResult last_;
};

// A valid WebApp; `spec` is put below `spec:`, one line.
[[nodiscard]] std::string AppYaml(const std::string& name, const std::string& host = "",
                                  const std::string& spec = "replicas: 1");
[[nodiscard]] std::string BalancerYaml(const std::string& name, int port);
[[nodiscard]] std::string AutoscalerYaml(const std::string& name, const std::string& app);

}  // namespace ballast::manifests
