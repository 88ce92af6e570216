#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <optional>

#include "reconcilers/simulation/gaps.h"
#include "reconcilers/simulation/trace.h"

namespace ballast::reconcilers {
namespace {

constexpr std::int64_t kLongestInterval = 24 * 3600;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

// What a person wrote, for a message: short, and nothing that a terminal would obey.
std::string Shown(std::string_view text) {
  constexpr std::size_t kLongest = 40;
  std::string shown;
  for (const char c : text.substr(0, kLongest)) shown += c >= ' ' && c <= '~' ? c : '?';
  return text.size() > kLongest ? shown + "..." : shown;
}

std::optional<int> Digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = (value * 10) + (c - '0');
  }
  return value;
}

// "Z", "+02:00", "-0530", "" (UTC) in minutes.
std::optional<int> Offset(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  if (text.front() != '+' && text.front() != '-') return std::nullopt;
  const bool colon = text.size() == 6 && text[3] == ':';
  if (!colon && text.size() != 5) return std::nullopt;
  const auto hours = Digits(text, 1, 2);
  const auto minutes = Digits(text, colon ? 4 : 3, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return (text.front() == '-' ? -1 : 1) * ((*hours * 60) + *minutes);
}

// "1998-06-08T00:01:00Z", also with a space for the T and without seconds.
std::optional<std::int64_t> UnixTime(std::string_view text) {
  const auto year = Digits(text, 0, 4);
  const auto month = Digits(text, 5, 2);
  const auto day = Digits(text, 8, 2);
  const auto hour = Digits(text, 11, 2);
  const auto minute = Digits(text, 14, 2);
  if (!year || !month || !day || !hour || !minute) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[13] != ':') return std::nullopt;
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return std::nullopt;
  std::string_view rest = text.substr(16);
  int second = 0;
  if (rest.starts_with(':')) {
    const auto given = Digits(rest, 1, 2);
    if (!given) return std::nullopt;
    second = *given;
    rest = rest.substr(3);
    if (rest.starts_with('.')) {  // only whole seconds are an interval's start
      const std::size_t end = rest.find_first_not_of('0', 1);
      rest = end == rest.npos ? "" : rest.substr(end);
    }
  }
  const auto offset = Offset(rest);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok() || *hour > 23 || *minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 24 * 3600) + (*hour * 3600) + ((*minute - *offset) * 60) + second;
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::unexpected<Status> TraceReader::Wrong(std::string_view what) const {
  return Error(Code::kInvalidArgument, fmt::format("line {}: {}", line_, what));
}

Result<void> TraceReader::AddHeader(std::string_view line) {
  if (line.starts_with("\xef\xbb\xbf")) line = Trim(line.substr(3));
  const std::size_t comma = line.find(',');
  const std::string_view first = Trim(line.substr(0, comma));
  const std::string_view second = comma == line.npos ? "" : Trim(line.substr(comma + 1));
  if ((first != "time" && first != "seconds") || second != "requests") {
    return Wrong(fmt::format(
        "the columns must be \"time,requests\" or \"seconds,requests\", not \"{}\"", Shown(line)));
  }
  kind_ = first == "time" ? Kind::kTime : Kind::kSeconds;
  return {};
}

Result<void> TraceReader::AddValue(std::int64_t at, double requests) {
  if (trace_.rates.empty()) {
    first_ = last_ = at;
    trace_.rates.push_back(requests);
    return {};
  }
  const std::int64_t step = at - last_;
  if (step <= 0) return Wrong("is not later than the line before it; sort the trace by time");
  if (interval_ == 0) {
    if (step > kLongestInterval) return Wrong("is more than a day after the line before it");
    interval_ = step;
  }
  if (step % interval_ != 0) {
    return Wrong(
        fmt::format("is {} s after the line before it: not a multiple of the {} s between the "
                    "first two lines",
                    step, interval_));
  }
  if (at - first_ >= Trace::kMostSeconds) {
    return Wrong(fmt::format("is more than {} days after the first line: cut the trace",
                             Trace::kMostSeconds / (24 * 3600)));
  }
  AddAfterGap((step / interval_) - 1, requests, trace_);
  last_ = at;
  return {};
}

Result<void> TraceReader::AddLine(std::string_view line) {
  ++line_;
  line = Trim(line);
  if (line.empty()) return {};
  if (kind_ == Kind::kUnknown) return AddHeader(line);
  const std::size_t comma = line.find(',');
  if (comma == line.npos || line.find(',', comma + 1) != line.npos) {
    return Wrong(
        fmt::format("two values with a comma between them are wanted, not \"{}\"", Shown(line)));
  }
  const std::string_view when = Trim(line.substr(0, comma));
  const std::string_view count = Trim(line.substr(comma + 1));
  const auto at = kind_ == Kind::kTime ? UnixTime(when) : Number<std::int64_t>(when);
  if (!at) {
    return Wrong(fmt::format(
        "\"{}\" is {}", Shown(when),
        kind_ == Kind::kTime ? "no time as 1998-06-08T00:01:00Z" : "no whole number of seconds"));
  }
  if (*at < 0 || *at > Trace::kLatest) return Wrong("is before 1970 or after 9999");
  const auto requests = Number<double>(count);
  if (!requests || !std::isfinite(*requests)) {
    return Wrong(fmt::format("\"{}\" is no number of requests", Shown(count)));
  }
  if (*requests < 0) return Wrong(fmt::format("{} requests: less than none", Shown(count)));
  if (*requests > LoadSeries::kMost) return Wrong("more than 1e9 requests in one interval");
  return AddValue(*at, *requests);
}

Result<Trace> TraceReader::Finish() {
  if (kind_ == Kind::kUnknown) return Error(Code::kInvalidArgument, "is empty");
  if (trace_.rates.empty()) return Error(Code::kInvalidArgument, "has no line but the first one");
  constexpr int kOneMinute = 60;
  if (interval_ == 0) interval_ = kind_ == Kind::kTime ? kOneMinute : 1;
  trace_.interval = static_cast<int>(interval_);
  trace_.dated = kind_ == Kind::kTime;
  trace_.start = kind_ == Kind::kTime ? first_ : Trace::kSomeStart + first_;
  for (double& rate : trace_.rates) {
    if (rate > 0) rate /= static_cast<double>(interval_);
  }
  return std::move(trace_);
}

Result<Trace> ParseTrace(std::string_view text) {
  TraceReader reader;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (const auto added = reader.AddLine(text.substr(0, end)); !added) {
      return std::unexpected(added.error());
    }
    text = end == text.npos ? "" : text.substr(end + 1);
  }
  return reader.Finish();
}

}  // namespace ballast::reconcilers
