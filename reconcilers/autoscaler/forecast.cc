#include "reconcilers/autoscaler/forecast.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace ballast::reconcilers {
namespace {

constexpr std::size_t kForecasts = ForecastMemory::kForecasts;
using Weights = std::array<double, kForecasts>;

constexpr int kSurge = 2;   // seconds of the mean that tells of a rise
constexpr int kNow = 3;     // of the shortest mean that is a forecast
constexpr int kShort = 5;   // of what forecasts are compared with
constexpr int kLater = 10;  // of the mean that tells of a drop
constexpr int kIdle = 30;   // without a request: nobody is there
constexpr int kMinute = 60;
constexpr int kLong = 300;
constexpr double kJumpAtFirst = 2.5;  // standard deviations that a jump may be chance
constexpr double kJumpRatioAtFirst = 1.2;
constexpr int kSettled = 30;           // samples before a miss can be called unusual
constexpr double kLeast = 0.01;        // weights below that are none
constexpr double kNothing = 1e-9;      // of a rate: exact for every purpose
constexpr double kLeastError = 0.001;  // times the rate: a thousandth of what chance does
constexpr double kLeastSway = 1e-6;
constexpr double kFirstSway = 1e-3;

// What was known at one second.
struct Known {
  double now = 0;
  double growth = 0;  // a second
  double recent = 0;
  double minute = 0;
  double longer = 0;
};

// Growth is believed where the last second, five and ten agree on its direction; the least steep
// counts. A jump is no growth: it is over before the three agree.
double Growth(const LoadSeries& load, std::int64_t end) {
  const LoadSample* last = load.At(end);
  const LoadSample* before = load.At(end - 1);
  if (last == nullptr || before == nullptr) return 0;
  const double one = last->request_rate - before->request_rate;
  if (one == 0) return 0;
  const double five = load.RequestRateSlope(end, kShort);
  const double ten = load.RequestRateSlope(end, kLater);
  if (one > 0) return std::max(0.0, std::min({one, five, ten}));
  return std::min(0.0, std::max({one, five, ten}));
}

std::optional<Known> KnownAt(const LoadSeries& load, std::int64_t end) {
  const LoadWindow now = load.Mean(end, kNow);
  if (now.seconds == 0) return std::nullopt;
  return Known{.now = now.request_rate,
               .growth = Growth(load, end),
               .recent = load.Mean(end, kShort).request_rate,
               .minute = load.Mean(end, kMinute).request_rate,
               .longer = load.Mean(end, kLong).request_rate};
}

Weights ForecastsOf(const Known& known, double ahead, const ForecastParams& params) {
  // The mean of the last seconds is of the second in their middle.
  const double grown = known.now + known.growth * (ahead + (kNow - 1) / 2.0);
  return {std::clamp(grown, 0.0, params.most_ahead_ratio * known.now), known.recent, known.minute,
          known.longer};
}

double Together(const Weights& forecasts, const Weights& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < kForecasts; ++i) sum += weights[i] * forecasts[i];
  return sum;
}

// The better a forecast was, the more it says: by the fourth power of the mean squares, so that
// one that is clearly best decides alone, and equals share.
Weights WeightsOf(const ForecastMemory& memory) {
  if (memory.errors == 0) return {0, 1, 0, 0};
  const double best = *std::min_element(memory.miss.begin(), memory.miss.end()) + kNothing;
  Weights weights{};
  double sum = 0;
  for (std::size_t i = 0; i < kForecasts; ++i) {
    const double ratio = best / (memory.miss[i] + kNothing);
    weights[i] = ratio * ratio * ratio * ratio;
    if (weights[i] < kLeast) weights[i] = 0;
    sum += weights[i];
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

// A mean of squares that fades, and learns faster from the first samples.
struct Learning {
  double seconds;
  double clip;
  double least;  // what has been exact so far must still be able to learn
  int samples;   // with this one

  void Take(double& mean, double off) const {
    double square = off * off;
    square = std::min(square, clip * clip * std::max(mean, least));
    mean += std::max(1 / seconds, 1.0 / (samples + kSettled)) * (square - mean);
  }
};

class Teacher {
 public:
  Teacher(const LoadSeries& load, double ahead, const ForecastParams& params,
          ForecastMemory& memory)
      : load_(load), ahead_(ahead), params_(params), memory_(memory) {}

  void Learn(std::int64_t second) {
    memory_.second = second;
    const LoadSample* sample = load_.At(second);
    if (sample == nullptr) return;
    const double recent = load_.Mean(second, kShort).request_rate;
    const auto ahead = static_cast<std::int64_t>(ahead_);
    if (const auto past = KnownAt(load_, second - ahead)) LearnError(*sample, recent, *past);
    if (const auto past = KnownAt(load_, second - kMinute)) LearnSway(second, recent, *past);
  }

 private:
  void LearnError(const LoadSample& sample, double recent, const Known& past) {
    const int samples = Count(memory_.errors);
    const double chance = std::max(recent, 1.0);
    const Learning learning = {
        .seconds = params_.error_seconds,
        .clip = params_.error_clip,
        .least = samples > kSettled ? kLeastError * recent + kNothing : chance,
        .samples = samples};
    const Weights forecasts = ForecastsOf(past, ahead_ - (kShort - 1) / 2.0, params_);
    for (std::size_t i = 0; i < kForecasts; ++i) {
      learning.Take(memory_.miss[i], recent - forecasts[i]);
    }
    const double forecast = Together(ForecastsOf(past, ahead_, params_), WeightsOf(memory_));
    learning.Take(memory_.error, sample.request_rate - forecast);
    learning.Take(memory_.short_error, load_.Mean(sample.second, kSurge).request_rate - forecast);
    learning.Take(memory_.long_error, load_.Mean(sample.second, kLater).request_rate - forecast);
  }

  // By how much the load leaves, within a minute, where it was going. Of the noise only what the
  // forecasts do not even out counts.
  void LearnSway(std::int64_t second, double recent, const Known& past) {
    const Weights weights = WeightsOf(memory_);
    const double forecast = Together(ForecastsOf(past, kMinute, params_), weights);
    double now = (weights[0] + weights[1]) * recent;
    if (weights[2] > 0) now += weights[2] * load_.Mean(second, kMinute).request_rate;
    if (weights[3] > 0) now += weights[3] * load_.Mean(second, kLong).request_rate;
    const double larger = std::max(now, forecast);
    if (larger <= kNothing) return;
    const int samples = Count(memory_.sways);
    const Learning learning = {.seconds = params_.sway_seconds,
                               .clip = params_.sway_clip,
                               .least = samples > kSettled ? kLeastSway : kFirstSway,
                               .samples = samples};
    learning.Take(memory_.sway, (now - forecast) / larger);
  }

  static int Count(int& samples) { return samples = std::min(samples + 1, 1'000'000); }

  const LoadSeries& load_;
  const double ahead_;
  const ForecastParams& params_;
  ForecastMemory& memory_;
};

double AheadOf(double startup_seconds, const ForecastParams& params) {
  const double startup = startup_seconds > 0 ? startup_seconds : params.default_startup;
  return std::clamp(std::ceil(startup) + params.extra_seconds, static_cast<double>(kShort),
                    params.most_ahead_seconds);
}

// A jump counts at once, a fall after some seconds.
double Overruled(const LoadSeries& load, std::int64_t end, const Known& known, double forecast,
                 const ForecastParams& params, const ForecastMemory& memory) {
  const bool usual = memory.errors > params.usual_samples;
  const double chance = std::max(forecast, 1.0);
  const auto misses = [&](double learnt, int seconds) {
    return std::sqrt(usual ? learnt : chance / seconds);
  };
  const double most =
      load.Mean(end, kLater).request_rate + params.surprise * misses(memory.long_error, kLater);
  const double least =
      load.Mean(end, kSurge).request_rate - params.surprise * misses(memory.short_error, kSurge);
  if (known.growth <= 0) forecast = std::min(forecast, most);
  forecast = std::max(forecast, least);
  const LoadSample* last = load.At(end);
  // Where little is known, chance alone is what it may have been: that is well bounded.
  const double ratio = usual ? params.jump_ratio : std::min(params.jump_ratio, kJumpRatioAtFirst);
  const double jump = usual ? params.jump : std::min(params.jump, kJumpAtFirst);
  if (last != nullptr && last->request_rate > ratio * forecast) {
    forecast = std::max(forecast, last->request_rate - jump * misses(memory.error, 1));
  }
  return forecast;
}

}  // namespace

LoadEstimate ForecastRequestRate(const LoadSeries& load, std::int64_t end, double startup_seconds,
                                 const ForecastParams& params, ForecastMemory& memory) {
  if (memory.second > end) memory = {};
  const double ahead = AheadOf(startup_seconds, params);
  Teacher teacher(load, ahead, params, memory);
  for (std::int64_t second = std::max(memory.second, end - LoadSeries::kSeconds) + 1; second <= end;
       ++second) {
    teacher.Learn(second);
  }
  const auto known = KnownAt(load, end);
  // Nobody is there: no head-room for nobody.
  if (!known || load.Mean(end, kIdle).active == 0) return {};

  const Weights weights = WeightsOf(memory);
  const double level = Together(ForecastsOf(*known, 0, params), weights);
  // Those who come now are served by those who are there now: falling is not followed ahead.
  double forecast = std::max(level, Together(ForecastsOf(*known, ahead, params), weights));
  forecast = Overruled(load, end, *known, forecast, params, memory);
  // A jump is remembered for minutes; what is left after it has fallen back is not that uneven.
  const double error = std::min(std::sqrt(memory.error), params.most_chance * std::sqrt(forecast) +
                                                             params.most_ratio * forecast);
  LoadEstimate estimate;
  // A jump counts for HPA's arithmetic too.
  estimate.mean = std::max(load.Mean(end, kShort).request_rate,
                           forecast > params.jump_ratio * level ? forecast : 0);
  estimate.level = known->recent > 0 ? std::min(level, forecast) : 0;
  estimate.grow = forecast + params.grow_errors * error;
  estimate.shrink = estimate.grow + params.shrink_errors * error +
                    forecast * (params.shrink_ratio + params.shrink_sway * std::sqrt(memory.sway));
  return estimate;
}

}  // namespace ballast::reconcilers
