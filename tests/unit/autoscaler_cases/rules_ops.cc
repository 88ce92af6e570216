// Stabilisation, policies and limits.
#include <algorithm>

#include "tests/unit/autoscaler_cases/ops.h"

namespace ballast::reconcilers::cases {
namespace {

struct Windows {
  api::ScalingBehavior behavior;
  hpa::Rules up;
  hpa::Rules down;

  // The rules point into the behavior, which must not move.
  void Fill(Fields& fields) {
    behavior = ReadBehavior(fields.Object("behavior"));
    up = hpa::UpRules(behavior.scale_up ? &*behavior.scale_up : nullptr);
    down = hpa::DownRules(
        behavior.scale_down ? &*behavior.scale_down : nullptr,
        fields.Int("downscaleStabilizationSeconds", hpa::kDownscaleStabilizationSeconds));
  }
};

void ExpectLimited(Fields& fields, const hpa::Limited& got) {
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "replicas", got.replicas);
  ExpectText(expected, "reason", got.reason);
  expected.Finish();
}

}  // namespace

void ConvertNoBehavior(Fields& fields) {
  const hpa::ScaleUpLimit limit = {.factor = fields.Number("scaleUpLimitFactor", 2),
                                   .minimum = fields.Number("scaleUpLimitMinimum", 4)};
  ExpectLimited(fields, hpa::ConvertWithRules(fields.Int("current", 0), fields.Int("desired", 0),
                                              fields.Int("min", 1), fields.Int("max", 0), limit));
}

void BehaviorRate(Fields& fields) {
  Windows windows;
  windows.Fill(fields);
  Fields history = fields.Object("history");
  const hpa::ScaleEvents ups = ReadEvents(history, "scaleUpEvents");
  const hpa::ScaleEvents downs = ReadEvents(history, "scaleDownEvents");
  history.Finish();
  ExpectLimited(fields, hpa::ConvertWithBehavior(fields.Int("current", 0), fields.Int("desired", 0),
                                                 fields.Int("min", 1), fields.Int("max", 0), ups,
                                                 downs, kNow, windows.up, windows.down));
}

void ScaleLimit(Fields& fields, bool up) {
  Windows windows;
  windows.Fill(fields);
  Fields history = fields.Object("history");
  const hpa::ScaleEvents ups = ReadEvents(history, "scaleUpEvents");
  const hpa::ScaleEvents downs = ReadEvents(history, "scaleDownEvents");
  history.Finish();
  const int current = fields.Int("current", 0);
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "limit",
              up ? hpa::UpLimit(current, ups, downs, kNow, windows.up)
                 : hpa::DownLimit(current, ups, downs, kNow, windows.down));
  expected.Finish();
}

void StabilizeNoBehavior(Fields& fields) {
  Fields history = fields.Object("history");
  bool initial = false;
  hpa::Recommendations log = ReadRecommendations(history, initial);
  history.Finish();
  fields.Ignore({"current"});
  const int got = hpa::Stabilize(
      log, kNow, fields.Int("desired", 0),
      fields.Int("downscaleStabilizationSeconds", hpa::kDownscaleStabilizationSeconds));
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "replicas", got);
  ExpectEqual(expected, "recommendationCount", static_cast<std::int64_t>(log.size()));
  expected.Finish();
}

void StabilizeBehavior(Fields& fields) {
  Windows windows;
  windows.Fill(fields);
  Fields history = fields.Object("history");
  bool initial = false;
  hpa::Recommendations log = ReadRecommendations(history, initial);
  history.Finish();
  const hpa::Limited got =
      hpa::StabilizeWithBehavior(log, kNow, fields.Int("current", 0), fields.Int("desired", 0),
                                 windows.up.window_seconds, windows.down.window_seconds);
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "replicas", got.replicas);
  ExpectText(expected, "reason", got.reason);
  ExpectEqual(expected, "recommendationCount", static_cast<std::int64_t>(log.size()));
  if (expected.Find({"recommendations"}) != nullptr) {
    std::vector<std::int64_t> after;
    for (const auto& recommendation : log) after.push_back(recommendation.replicas);
    const std::vector<std::int64_t> wanted = ReadValues(expected, {"recommendations"});
    if (after != wanted) {
      fields.problems().push_back("recommendations: got " + Json(after).dump() + ", expected " +
                                  Json(wanted).dump());
    }
  }
  expected.Finish();
}

// Ballast's own bookkeeping (NoteScaled) forgets by age alone; upstream's way is kept for the
// comparison.
void StoreScaleEvent(Fields& fields) {
  Fields history = fields.Object("history");
  hpa::ScaleEvents events = ReadEvents(history, "events");
  history.Finish();
  const int change = fields.Int("replicaChange", 0);
  const bool has_rules = fields.Find({"rules"}) != nullptr;
  const api::ScalingRules given = ReadRules(fields.Object("rules"));
  // Its table gives whole rules: nothing is filled in.
  const hpa::Rules rules = {.policies = given.policies
                                            ? std::span<const api::ScalingPolicy>(*given.policies)
                                            : std::span<const api::ScalingPolicy>()};
  Fields expected = fields.Object("expected");
  ExpectEqual(expected, "changeInLast60s", hpa::ChangeWithin(events, kNow, 60));
  const int longest = hpa::LongestPeriod(rules);
  // What was outdated when the event came is marked so, unless it gave its place to it.
  const hpa::ScaleEvents before = events;
  if (has_rules) hpa::StoreEvent(events, kNow, change, longest);
  Json after = Json::array();
  for (const auto& event : events) {
    const bool newest = event.second == kNow && event.change == change;
    after.push_back({{"change", event.change},
                     {"outdated", !newest && has_rules && kNow - event.second >= longest}});
  }
  if (const Json* wanted = expected.Find({"eventsAfter"}); wanted != nullptr && *wanted != after) {
    fields.problems().push_back("eventsAfter: got " + after.dump() + ", expected " +
                                wanted->dump());
  }
  expected.Finish();
}

}  // namespace ballast::reconcilers::cases
