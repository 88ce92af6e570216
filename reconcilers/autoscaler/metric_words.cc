#include "reconcilers/autoscaler/metric_words.h"

#include <fmt/format.h>

#include <algorithm>

namespace ballast::reconcilers {
namespace {

std::string ProblemWords(const ProposalContext& context, std::size_t metric, Problem problem) {
  const DecideInput& input = context.input;
  switch (problem) {
    case Problem::kNone:
      return "";
    case Problem::kNoSamples:
      if (input.load == nullptr || input.load->Last() == nullptr) {
        return "nothing was counted yet";
      }
      if (context.end > context.now) return "the newest sample is from the future";
      // Without the age: the same each second is said once.
      return fmt::format("nothing was counted for more than {} s", context.tuning.stale_seconds);
    case Problem::kNoneAnswered:
      return "requests came, and none was answered";
    case Problem::kErrors:
      return "too many answers are errors (5xx) for their time to tell anything";
    case Problem::kNoUsage:
      return "no replica that counts has a sample";
    case Problem::kNoLimit:
      return "a replica has no limit to take percents of: set resources.limits";
    case Problem::kNoAnswer: {
      const auto found = input.external.find(metric);
      return found == input.external.end() || found->second.problem.empty() ? "no answer"
                                                                            : found->second.problem;
    }
  }
  return "";
}

}  // namespace

std::string MetricName(const api::Metric& metric) {
  switch (metric.type) {
    case api::MetricType::kRequestRate:
      return "RequestRate";
    case api::MetricType::kConcurrency:
      return "Concurrency";
    case api::MetricType::kResponseTime:
      return "ResponseTime";
    case api::MetricType::kResource:
      return metric.resource == api::ResourceName::kCpu ? "cpu" : "memory";
    case api::MetricType::kExternal:
      return metric.prometheus.query;
  }
  return "";
}

MetricProposal Describe(const ProposalContext& context, std::size_t index,
                        const Proposal& proposal) {
  const api::Metric& metric = context.input.spec->metrics[index];
  MetricProposal described = {.type = metric.type,
                              .name = MetricName(metric),
                              .current = proposal.current,
                              .stable = proposal.stable,
                              .panic = proposal.panic_load,
                              .target = proposal.target,
                              .replicas = std::nullopt,
                              .problem = ProblemWords(context, index, proposal.problem)};
  if (proposal.problem == Problem::kNone) {
    // Above what is there it is growth that counts, below it shrinking.
    const int current = context.input.current;
    described.replicas =
        proposal.grow > current ? proposal.grow : std::min(proposal.shrink, std::max(0, current));
  }
  return described;
}

std::string ShortNumber(double value) {
  if (value >= 1000) return fmt::format("{:.0f}", value);
  std::string text = value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.3f}", value);
  if (text.find('.') == text.npos) return text;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string ProposalWords(const MetricProposal& metric) {
  return fmt::format("{} of {}, {} {}", ShortNumber(metric.current), ShortNumber(metric.target),
                     metric.replicas.value_or(0), metric.replicas == 1 ? "replica" : "replicas");
}

}  // namespace ballast::reconcilers
