// What one pass of LoadBalancerReconciler gathers, and what is kept between two; private to
// reconcilers/loadbalancer.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "reconcilers/loadbalancer/reconciler.h"

namespace ballast::reconcilers {

// Guarded by the reconciler's mutex where jobs write (image, diagnosis); the rest is used by the
// key's one worker.
struct LoadBalancerReconciler::Memory {
  std::string image;  // reference that image_id belongs to
  std::string image_id;
  std::optional<Clock::Steady> image_checked;
  std::string diagnosis;  // why HAProxy does not answer, from its log
  std::optional<Clock::Steady> diagnosed;
  std::optional<Clock::Steady> silent_since;
  std::optional<Clock::Steady> may_leave_since;
  std::set<std::string> retired;  // container ids
  std::string told_outage;
  std::string told_problem;
  std::string reload_refused;
  std::map<std::string, api::Condition> conditions;
};

struct LoadBalancerReconciler::Pass {
  api::ObjectKey key;
  LoadBalancerTraffic& traffic;
  Memory& memory;
  std::shared_ptr<const api::LoadBalancer> object;  // null: it goes
  InstanceInput input;
  TrafficTick tick;
  std::string problem;  // the first one
  bool took_over = false;
  std::optional<api::Millis> again;

  void Again(api::Millis delay) {
    if (!again || delay < *again) again = std::max(delay, api::Millis(1));
  }
  void Problem(const std::string& message) {
    if (problem.empty()) problem = message;
  }
};

}  // namespace ballast::reconcilers
