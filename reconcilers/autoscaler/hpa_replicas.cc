#include "reconcilers/autoscaler/hpa_replicas.h"

#include <algorithm>
#include <cmath>

#include "reconcilers/autoscaler/numbers.h"

namespace ballast::reconcilers::hpa {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

struct Groups {
  int counted = 0;  // ready, with a sample
  std::vector<const Pod*> unready;
  std::vector<const Pod*> missing;
  // The samples that count: of the pods above and of pods that nobody knows.
  std::vector<const Pod*> sampled;
};

bool UnreadyForCpu(const Pod& pod, const Readiness& readiness) {
  if (!pod.ready || !pod.start_age) return true;
  if (*pod.start_age < readiness.cpu_initialization_period) {
    // The sample must be of one whole window since the pod became ready.
    return !*pod.ready || pod.ready_transition_age - pod.sample_age < pod.sample_window;
  }
  // Never been ready.
  return !*pod.ready &&
         *pod.start_age - pod.ready_transition_age < readiness.initial_readiness_delay;
}

Groups Group(std::span<const Pod> pods, Resource resource, const Readiness& readiness) {
  Groups groups;
  for (const Pod& pod : pods) {
    if (!pod.known) {
      if (pod.usage) groups.sampled.push_back(&pod);
      continue;
    }
    if (pod.deleting || pod.phase == Phase::kFailed || pod.phase == Phase::kSucceeded) continue;
    const bool pending = pod.phase == Phase::kPending;
    if (!pending && !pod.usage) {
      groups.missing.push_back(&pod);
    } else if (pending || (resource == Resource::kCpu && UnreadyForCpu(pod, readiness))) {
      groups.unready.push_back(&pod);
    } else {
      ++groups.counted;
      groups.sampled.push_back(&pod);
    }
  }
  return groups;
}

// A sample: a pod's own, or what is taken for it.
struct Sample {
  std::int64_t usage = 0;
  std::int64_t request = 0;
  bool known = true;
};

std::vector<Sample> SamplesOf(const Groups& groups) {
  std::vector<Sample> samples;
  samples.reserve(groups.sampled.size());
  for (const Pod* pod : groups.sampled) {
    samples.push_back({*pod->usage, pod->request.value_or(0), pod->known});
  }
  return samples;
}

struct Ratio {
  double ratio = 0;
  int percent = 0;
  std::int64_t mean = 0;
  bool bad = false;
};

Ratio UtilizationOf(const std::vector<Sample>& samples, int target_percent) {
  std::int64_t usage = 0;
  std::int64_t request = 0;
  std::int64_t count = 0;
  for (const Sample& sample : samples) {
    if (!sample.known) continue;
    usage = SaturatedSum(usage, sample.usage);
    request = SaturatedSum(request, sample.request);
    ++count;
  }
  if (request == 0) return {.bad = true};
  const int percent = ToInt(SaturatedProduct(usage, 100) / request);
  return {static_cast<double>(percent) / target_percent, percent, usage / count};
}

Ratio MeanOf(const std::vector<Sample>& samples, std::int64_t target) {
  std::int64_t usage = 0;
  for (const Sample& sample : samples) usage = SaturatedSum(usage, sample.usage);
  const std::int64_t mean = usage / static_cast<std::int64_t>(samples.size());
  return {static_cast<double>(mean) / static_cast<double>(target), 0, mean};
}

// What both calculations on pods have in common. `fill`: what a pod without a sample is taken to
// use while the rest is below the target.
template <typename RatioOf, typename Fill>
int Count(int current, const Tolerance& tolerance, const Groups& groups,
          std::vector<Sample>& samples, double ratio, RatioOf ratio_of, Fill fill) {
  const bool up_with_unready = !groups.unready.empty() && ratio > 1;
  if (!up_with_unready && groups.missing.empty()) {
    if (tolerance.Contains(ratio)) return current;
    return ToInt(std::ceil(ratio * groups.counted));
  }
  for (const Pod* pod : groups.missing) {
    if (ratio < 1) samples.push_back({fill(*pod), pod->request.value_or(0)});
    if (ratio > 1) samples.push_back({0, pod->request.value_or(0)});
  }
  if (up_with_unready) {
    for (const Pod* pod : groups.unready) samples.push_back({0, pod->request.value_or(0)});
  }
  const double again = ratio_of(samples);
  // Too small a change, or one in the other direction.
  if (tolerance.Contains(again) || (ratio < 1 && again > 1) || (ratio > 1 && again < 1)) {
    return current;
  }
  const int count = ToInt(std::ceil(again * static_cast<double>(samples.size())));
  if ((again < 1 && count > current) || (again > 1 && count < current)) return current;
  return count;
}

Replicas Failed(std::string error) {
  Replicas failed;
  failed.error = std::move(error);
  return failed;
}

constexpr char kNoPods[] = "no pods returned by selector while calculating replica count";
constexpr char kNoSamples[] = "did not receive metrics for targeted pods (pods might be unready)";

bool NoneKnown(std::span<const Pod> pods) {
  return std::none_of(pods.begin(), pods.end(), [](const Pod& pod) { return pod.known; });
}

std::int64_t Sum(std::span<const std::int64_t> values) {
  std::int64_t sum = 0;
  for (const std::int64_t value : values) sum = SaturatedSum(sum, value);
  return sum;
}

}  // namespace

Replicas ResourceUtilization(int current, int target_percent, const Tolerance& tolerance,
                             std::span<const Pod> pods, Resource resource,
                             const Readiness& readiness) {
  if (std::none_of(pods.begin(), pods.end(), [](const Pod& pod) { return pod.usage; })) {
    return Failed("unable to get metrics: no metrics returned from resource metrics API");
  }
  if (NoneKnown(pods)) return Failed(kNoPods);
  if (target_percent <= 0) return Failed("the target is not above 0");
  const Groups groups = Group(pods, resource, readiness);
  if (groups.sampled.empty()) return Failed(kNoSamples);
  for (const Pod& pod : pods) {
    if (pod.known && !pod.request) return Failed("missing request in a container of a pod");
  }
  std::vector<Sample> samples = SamplesOf(groups);
  const Ratio now = UtilizationOf(samples, target_percent);
  if (now.bad) return Failed("no metrics returned matched known pods");
  Replicas result = {.utilization_percent = now.percent, .usage = now.mean, .error = ""};
  const std::int64_t fallback = std::max(100, target_percent);
  result.count = Count(
      current, tolerance, groups, samples, now.ratio,
      [&](const std::vector<Sample>& all) { return UtilizationOf(all, target_percent).ratio; },
      [&](const Pod& pod) { return SaturatedProduct(*pod.request, fallback) / 100; });
  return result;
}

Replicas AverageOfPods(int current, std::int64_t target, const Tolerance& tolerance,
                       std::span<const Pod> pods, Resource resource, const Readiness& readiness) {
  if (std::none_of(pods.begin(), pods.end(), [](const Pod& pod) { return pod.usage; })) {
    return Failed("unable to get metrics: no metrics returned from metrics API");
  }
  if (NoneKnown(pods)) return Failed(kNoPods);
  if (target <= 0) return Failed("the target is not above 0");
  const Groups groups = Group(pods, resource, readiness);
  if (groups.sampled.empty()) return Failed(kNoSamples);
  std::vector<Sample> samples = SamplesOf(groups);
  const Ratio now = MeanOf(samples, target);
  Replicas result = {.usage = now.mean, .error = ""};
  result.count = Count(
      current, tolerance, groups, samples, now.ratio,
      [&](const std::vector<Sample>& all) { return MeanOf(all, target).ratio; },
      [&](const Pod&) { return target; });
  return result;
}

Replicas TotalValue(int current, std::int64_t target, const Tolerance& tolerance,
                    std::span<const std::int64_t> values, std::span<const Pod> pods) {
  if (values.empty()) return Failed("unable to get metric: no metrics returned");
  if (target <= 0) return Failed("the target is not above 0");
  Replicas result;
  result.usage = Sum(values);
  const double ratio = static_cast<double>(result.usage) / static_cast<double>(target);
  if (current == 0) {  // from zero there is no tolerance, and nobody to multiply with
    result.count = ToInt(std::ceil(ratio));
  } else if (tolerance.Contains(ratio)) {
    result.count = current;
  } else if (NoneKnown(pods)) {
    return Failed(std::string("unable to calculate ready pods: ") + kNoPods);
  } else {
    const auto ready = std::count_if(pods.begin(), pods.end(), [](const Pod& pod) {
      return pod.known && pod.phase == Phase::kRunning && pod.ready.value_or(false);
    });
    result.count = ToInt(std::ceil(ratio * static_cast<double>(ready)));
  }
  return result;
}

Replicas ValuePerPod(int status_replicas, std::int64_t target, const Tolerance& tolerance,
                     std::span<const std::int64_t> values) {
  if (values.empty()) return Failed("unable to get metric: no metrics returned");
  if (target <= 0) return Failed("the target is not above 0");
  const std::int64_t total = Sum(values);
  Replicas result = {.count = status_replicas, .error = ""};
  const double wanted = static_cast<double>(total) / static_cast<double>(target);
  // As upstream divides, in one step: 0 / 0 and x / 0 are outside of any tolerance.
  const double ratio = static_cast<double>(total) / (static_cast<double>(target) * status_replicas);
  if (!tolerance.Contains(ratio)) result.count = ToInt(std::ceil(wanted));
  if (static_cast<double>(total) >= static_cast<double>(kMost)) {
    result.usage = kMost;
  } else if (status_replicas != 0) {
    result.usage =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(total) / status_replicas));
  }
  return result;
}

}  // namespace ballast::reconcilers::hpa
