// What a metric is, and what it wants, in words. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>

#include "api/autoscaler.h"
#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/autoscaler/proposals.h"

namespace ballast::reconcilers {

// "RequestRate", "cpu", the Prometheus query.
[[nodiscard]] std::string MetricName(const api::Metric& metric);

[[nodiscard]] MetricProposal Describe(const ProposalContext& context, std::size_t index,
                                      const Proposal& proposal);

// "53.1 of 50, 5 replicas".
[[nodiscard]] std::string ProposalWords(const MetricProposal& metric);

// Three or four digits that matter.
[[nodiscard]] std::string ShortNumber(double value);

}  // namespace ballast::reconcilers
