#include "api/time_zone.h"

#include <algorithm>
#include <chrono>

namespace ballast::api {
namespace {

constexpr std::int64_t kDay = 86'400;
// No zone is further from UTC, and none changes twice within so short a time.
constexpr std::int64_t kApart = 26 * 3600;

std::int64_t FloorDay(std::int64_t seconds) {
  return (seconds >= 0 ? seconds : seconds - (kDay - 1)) / kDay;
}

std::int64_t DaysOf(std::chrono::sys_days day) { return day.time_since_epoch().count(); }

int YearOf(std::int64_t seconds) {
  const std::chrono::sys_days day{std::chrono::days(FloorDay(seconds))};
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

}  // namespace

// Reads the file and its rule; a class of its own because the rule is written like code.
struct TimeZoneReader {
  using ChangeDay = TimeZone::ChangeDay;
  using Rule = TimeZone::Rule;

  std::string_view left;
  bool bad = false;

  std::string_view Take(std::size_t size) {
    if (size > left.size()) {
      bad = true;
      left = {};
      return {};
    }
    const std::string_view taken = left.substr(0, size);
    left.remove_prefix(size);
    return taken;
  }

  std::int64_t Number(std::size_t size) {
    const std::string_view bytes = Take(size);
    std::uint64_t number = 0;
    for (const char byte : bytes) number = number << 8 | static_cast<unsigned char>(byte);
    const std::size_t unused = 64 - 8 * size;
    return bytes.empty() ? 0 : static_cast<std::int64_t>(number << unused) >> unused;
  }

  struct Header {
    char version = 0;
    std::size_t ut_count, standard_count, leap_count, time_count, type_count, char_count;
  };

  bool ReadHeader(Header& header) {
    if (Take(4) != "TZif") return false;
    const std::string_view version = Take(16);
    if (bad) return false;
    header.version = version.front();
    for (std::size_t* count : {&header.ut_count, &header.standard_count, &header.leap_count,
                               &header.time_count, &header.type_count, &header.char_count}) {
      const std::int64_t number = Number(4);
      if (number < 0 || number > 100'000) return false;
      *count = static_cast<std::size_t>(number);
    }
    return !bad && header.type_count > 0;
  }

  static std::size_t BodySize(const Header& header, std::size_t time_size) {
    return header.time_count * (time_size + 1) + header.type_count * 6 + header.char_count +
           header.leap_count * (time_size + 4) + header.standard_count + header.ut_count;
  }

  bool ReadBody(const Header& header, std::size_t time_size, TimeZone& zone) {
    std::vector<TimeZone::Transition> transitions(header.time_count);
    for (auto& transition : transitions) transition.utc = Number(time_size);
    const std::string_view types = Take(header.time_count);
    std::vector<int> offsets;
    for (std::size_t i = 0; i < header.type_count; ++i) {
      offsets.push_back(static_cast<int>(Number(4)));
      Take(2);
    }
    if (bad) return false;
    for (std::size_t i = 0; i < transitions.size(); ++i) {
      const auto type = static_cast<unsigned char>(types[i]);
      if (type >= offsets.size()) return false;
      if (i > 0 && transitions[i].utc <= transitions[i - 1].utc) return false;
      transitions[i].offset = offsets[type];
    }
    for (const int offset : offsets) {
      if (offset < -kApart || offset > kApart) return false;
    }
    zone.first_offset_ = offsets.front();
    zone.transitions_ = std::move(transitions);
    Take(header.char_count + header.leap_count * (time_size + 4) + header.standard_count +
         header.ut_count);
    return !bad;
  }

  // --- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" -------------------------------------------------
  bool Skip(char wanted) {
    if (left.empty() || left.front() != wanted) return false;
    left.remove_prefix(1);
    return true;
  }

  int Digits() {
    int number = 0;
    if (left.empty() || left.front() < '0' || left.front() > '9') bad = true;
    while (!left.empty() && left.front() >= '0' && left.front() <= '9' && number < 100'000) {
      number = number * 10 + (left.front() - '0');
      left.remove_prefix(1);
    }
    return number;
  }

  int Clock() {  // [+-]h[h[h]][:mm[:ss]]
    const int sign = Skip('-') ? -1 : 1;
    if (sign == 1) Skip('+');
    int seconds = Digits() * 3600;
    if (Skip(':')) seconds += Digits() * 60;
    if (Skip(':')) seconds += Digits();
    if (seconds > 168 * 3600) bad = true;
    return sign * seconds;
  }

  void Name() {
    if (Skip('<')) {
      while (!left.empty() && left.front() != '>') left.remove_prefix(1);
      if (!Skip('>')) bad = true;
      return;
    }
    const std::size_t before = left.size();
    while (!left.empty() && ((left.front() >= 'a' && left.front() <= 'z') ||
                             (left.front() >= 'A' && left.front() <= 'Z'))) {
      left.remove_prefix(1);
    }
    if (left.size() == before) bad = true;
  }

  ChangeDay Day() {
    ChangeDay day;
    if (!Skip(',')) bad = true;
    if (Skip('M')) {
      day.month = Digits();
      if (!Skip('.')) bad = true;
      day.week = Digits();
      if (!Skip('.')) bad = true;
      day.day = Digits();
      bad |= day.month < 1 || day.month > 12 || day.week < 1 || day.week > 5 || day.day > 6;
    } else {
      day.kind = Skip('J') ? ChangeDay::Kind::kJulian : ChangeDay::Kind::kZeroBased;
      day.day = Digits();
      bad |= day.day > 365 || (day.kind == ChangeDay::Kind::kJulian && day.day < 1);
    }
    if (Skip('/')) day.seconds = Clock();
    return day;
  }

  std::optional<Rule> ReadRule() {
    Rule rule;
    Name();
    rule.standard = -Clock();  // POSIX counts westwards
    rule.summer = rule.standard + 3600;
    if (!left.empty()) {
      Name();
      if (!left.empty() && left.front() != ',') rule.summer = -Clock();
      rule.start = Day();
      rule.end = Day();
    }
    if (bad || !left.empty()) return std::nullopt;
    return rule;
  }

  // Days since 1970 of a change in a year.
  static std::int64_t DayIn(int year, const ChangeDay& change) {
    namespace chrono = std::chrono;
    const std::int64_t january = DaysOf(chrono::year(year) / 1 / 1);
    if (change.kind == ChangeDay::Kind::kZeroBased) return january + change.day;
    if (change.kind == ChangeDay::Kind::kJulian) {
      const bool after = change.day >= 60 && chrono::year(year).is_leap();
      return january + change.day - 1 + (after ? 1 : 0);
    }
    const auto month = chrono::year(year) / change.month;
    const chrono::weekday on(static_cast<unsigned>(change.day));
    const auto week = static_cast<unsigned>(change.week);
    return change.week == 5 ? DaysOf(month / on[chrono::last]) : DaysOf(month / on[week]);
  }
};

Result<TimeZone> TimeZone::Parse(std::string_view bytes) {
  const auto bad = [] { return Error(Code::kInvalidArgument, "not a time zone (TZif)"); };
  TimeZoneReader reader{bytes};
  TimeZoneReader::Header header{};
  if (!reader.ReadHeader(header)) return bad();
  TimeZone zone;
  if (header.version == '\0') {
    if (!reader.ReadBody(header, 4, zone)) return bad();
    return zone;
  }
  // The first body is for readers of the 1990s; the second has 64 bits and a rule.
  reader.Take(TimeZoneReader::BodySize(header, 4));
  if (!reader.ReadHeader(header) || !reader.ReadBody(header, 8, zone)) return bad();
  if (!reader.Skip('\n') || !reader.left.ends_with('\n')) return bad();
  reader.left.remove_suffix(1);
  if (!reader.left.empty()) {
    zone.rule_ = reader.ReadRule();
    if (!zone.rule_) return bad();
  }
  return zone;
}

int TimeZone::OffsetByRule(std::int64_t utc) const {
  if (!rule_->start || !rule_->end) return rule_->standard;
  const int year = YearOf(utc + rule_->standard);
  const std::int64_t start =
      TimeZoneReader::DayIn(year, *rule_->start) * kDay + rule_->start->seconds - rule_->standard;
  const std::int64_t end =
      TimeZoneReader::DayIn(year, *rule_->end) * kDay + rule_->end->seconds - rule_->summer;
  // South of the equator summer is at both ends of the year.
  const bool summer = start < end ? utc >= start && utc < end : utc >= start || utc < end;
  return summer ? rule_->summer : rule_->standard;
}

int TimeZone::OffsetAt(std::int64_t utc) const {
  if (transitions_.empty() || utc >= transitions_.back().utc) {
    if (rule_) return OffsetByRule(utc);
    return transitions_.empty() ? first_offset_ : transitions_.back().offset;
  }
  const auto next =
      std::upper_bound(transitions_.begin(), transitions_.end(), utc,
                       [](std::int64_t at, const Transition& change) { return at < change.utc; });
  return next == transitions_.begin() ? first_offset_ : std::prev(next)->offset;
}

std::int64_t TimeZone::ToUtc(std::int64_t local) const {
  const int before = OffsetAt(local - kApart);
  const int after = OffsetAt(local + kApart);
  if (OffsetAt(local - before) == before) return local - before;
  if (OffsetAt(local - after) == after) return local - after;
  // Never shown. The change lies between the two.
  std::int64_t low = local - std::max(before, after);
  std::int64_t high = local - std::min(before, after);
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (OffsetAt(middle) == before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return high;
}

}  // namespace ballast::api
