// What came to a web app over hours or days: the input of a simulation. Plain values; the functions
// are pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/status.h"
#include "reconcilers/autoscaler/load.h"

namespace ballast::reconcilers {

struct Trace {
  // As many days as one simulation may last. More is a mistake in a date, or too much to look at.
  static constexpr std::int64_t kMostSeconds = std::int64_t{400} * 24 * 3600;
  // So many missing intervals in a row are filled in by a straight line. More are not known: then
  // nothing comes, and a policy sees no sample.
  static constexpr std::int64_t kMostFilled = 10;
  static constexpr std::int64_t kLatest = 253402300799;  // 9999-12-31T23:59:59Z
  // Start of a trace that tells seconds only: 2000-01-01T00:00:00Z.
  static constexpr std::int64_t kSomeStart = 946684800;

  std::int64_t start = kSomeStart;  // Unix time
  bool dated = false;               // `start` is when it was, and not kSomeStart
  int interval = 1;                 // seconds
  // Requests a second in each interval; below 0: not known.
  std::vector<double> rates;
  std::int64_t filled = 0;   // intervals that were missing and are filled in
  std::int64_t unknown = 0;  // intervals that are missing and are not

  [[nodiscard]] std::int64_t Seconds() const {
    return static_cast<std::int64_t>(rates.size()) * interval;
  }
  // Requests a second at a second after the start: what the trace says of a second, and between
  // the beginnings of longer intervals a straight line. Below 0: not known.
  [[nodiscard]] double RateAt(double second) const;
  // The mean of so many seconds from there on.
  [[nodiscard]] double MeanRate(double second, double seconds) const;
  // The most of all.
  [[nodiscard]] double Peak() const;
};

// A trace line by line, so that nobody has to hold the text of a large one. The first line is
// `time,requests` (ISO 8601, the start of the interval; no zone means UTC) or `seconds,requests`;
// `requests` came in the interval. The first two lines say how long intervals are; the others are
// later, in order, by whole intervals. White space around a value, empty lines, a UTF-8 mark and
// Windows' line ends are no matter. Errors name the line: "line 7: ...".
class TraceReader {
 public:
  [[nodiscard]] Result<void> AddLine(std::string_view line);
  // With the last line. InvalidArgument when there was none.
  [[nodiscard]] Result<Trace> Finish();

 private:
  [[nodiscard]] Result<void> AddHeader(std::string_view line);
  [[nodiscard]] Result<void> AddValue(std::int64_t at, double requests);
  [[nodiscard]] std::unexpected<Status> Wrong(std::string_view what) const;

  std::int64_t line_ = 0;
  enum class Kind { kUnknown, kTime, kSeconds } kind_ = Kind::kUnknown;
  std::int64_t first_ = 0;
  std::int64_t last_ = 0;
  std::int64_t interval_ = 0;  // 0: not known yet
  Trace trace_;                // `rates` are requests until Finish
};

[[nodiscard]] Result<Trace> ParseTrace(std::string_view text);

// What LoadHistory kept of a web app: whole minutes (their last second), and the last seconds.
// Ascending both. InvalidArgument when there is nothing.
[[nodiscard]] Result<Trace> TraceOfSamples(const std::vector<LoadSample>& seconds,
                                           const std::vector<LoadSample>& minutes);

}  // namespace ballast::reconcilers
