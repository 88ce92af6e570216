// Why a HAProxy that runs does not answer, in words.
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/loadbalancer/pass.h"

namespace ballast::reconcilers {
namespace {

using std::chrono::milliseconds;

constexpr int kLogLines = 40;
constexpr std::chrono::seconds kVersionWithin{10};

}  // namespace

// A HAProxy that runs and does not answer says why in its log.
void LoadBalancerReconciler::Diagnose(Pass& pass) {
  Memory& memory = pass.memory;
  const auto now = d_.clock.Now();
  const std::vector<InstanceView> instances =
      InstancesOf(pass.key.name, owner_, pass.input.containers);
  const bool newest_serves =
      !instances.empty() && pass.traffic.Report().serving == instances.back().ref.number;
  // Or ends at once, and Docker starts it again.
  const bool runs =
      !instances.empty() && (instances.back().info->state == ContainerState::kRunning ||
                             instances.back().info->state == ContainerState::kRestarting);
  if (newest_serves || !runs) {
    const std::lock_guard lock(mutex_);
    memory.silent_since.reset();
    memory.diagnosis.clear();
    return;
  }
  if (!memory.silent_since) memory.silent_since = now;
  pass.Again(milliseconds(now - *memory.silent_since < std::chrono::seconds(5) ? 25 : 500));
  if (now - *memory.silent_since < kAnswerWithin) return;
  bool due = false;
  {
    const std::lock_guard lock(mutex_);
    due = !memory.diagnosed || now - *memory.diagnosed >= kAnswerWithin;
    if (due) memory.diagnosed = now;
    if (!memory.diagnosis.empty())
      pass.Problem(haproxy::ExplainAlerts(memory.diagnosis, pass.key.name));
  }
  if (!due) return;
  StartJob(pass, "lb/" + pass.key.name + "/why",
           [this, name = pass.key.name, ref = instances.back().ref,
            image = instances.back().info->image_id == pass.input.image_id
                        ? pass.object->spec.image
                        : instances.back().info->image]() -> Result<void> {
             // Docker makes missing directories as root's; HAProxy tries again by itself.
             if (auto made = d_.planes.Prepare(name, ref.number, {}); !made) return made;
             const Result<std::string> why = WhySilent(ref.container_id, image);
             if (!why) return std::unexpected(why.error());
             SetMemory(name, [&](Memory& memory) { memory.diagnosis = *why; });
             return {};
           });
}

// Its version when that is too old: words of 3.0 are in every configuration, so that an older one
// never gets as far as answering `show info`. Else its own alerts.
Result<std::string> LoadBalancerReconciler::WhySilent(const std::string& container,
                                                      const std::string& image) {
  const auto answer = d_.engine.Exec(container, {"haproxy", "-v"}, kVersionWithin);
  if (answer && answer->exit_code == 0) {
    const Result<std::string> version = haproxy::RequireVersion(answer->output, image);
    if (!version && version.error().code == Code::kFailedPrecondition) {
      return version.error().message;
    }
  }
  const auto log = d_.engine.TailLogs(container, kLogLines);
  if (!log) return std::unexpected(log.error());
  return haproxy::ExtractAlerts(*log);
}

}  // namespace ballast::reconcilers
