#include "api/cron.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <vector>

#include "api/tree.h"

namespace ballast::api {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};

struct Field {
  const char* name;
  int min;
  int max;
  std::span<const std::string_view> words;  // the first stands for `min`
};

constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, {}},
                                           {"hour", 0, 23, {}},
                                           {"day of the month", 1, 31, {}},
                                           {"month", 1, 12, kMonths},
                                           {"weekday", 0, 7, kWeekdays}}};

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view separators,
                                      bool skip_empty) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find_first_of(separators);
    const std::string_view part = text.substr(0, end);
    if (!part.empty() || !skip_empty) parts.push_back(part);
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool ReadNumber(std::string_view text, int& out) {
  if (text.empty() || text.size() > 4) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && out >= 0;
}

bool ReadPoint(const Field& field, std::string_view text, int& out) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto word = std::find(field.words.begin(), field.words.end(), lower);
  if (word != field.words.end()) {
    out = field.min + static_cast<int>(word - field.words.begin());
    return true;
  }
  return ReadNumber(text, out) && out >= field.min && out <= field.max;
}

// "*", "*/5", "3", "1-5", "8-18/2". A step needs a range: what 3/5 means differs from cron to cron.
bool ReadItem(const Field& field, std::string_view text, std::uint64_t& bits) {
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  int step = 1;
  if (slash != text.npos && (!ReadNumber(text.substr(slash + 1), step) || step == 0)) return false;
  int first = field.min;
  int last = field.max;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    if (!ReadPoint(field, range.substr(0, dash), first)) return false;
    last = first;
    if (dash != range.npos && !ReadPoint(field, range.substr(dash + 1), last)) return false;
    if (last < first || (dash == range.npos && slash != text.npos)) return false;
  } else if (field.max == 7) {
    last = 6;  // Sunday once
  }
  for (int i = first; i <= last; i += step) bits |= std::uint64_t{1} << i;
  return true;
}

bool Comes(const Cron& cron) {
  if (!cron.any_weekday) return true;
  constexpr std::array<int, 12> kLengths = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    if ((cron.months >> month & 1) == 0) continue;
    for (int day = 1; day <= kLengths[static_cast<std::size_t>(month - 1)]; ++day) {
      if ((cron.days >> day & 1) != 0) return true;
    }
  }
  return false;
}

}  // namespace

Result<Cron> ParseCron(std::string_view text) {
  const auto error = [text](const std::string& wanted) {
    return Error(Code::kInvalidArgument, fmt::format("must be {}, got {}", wanted, Quote(text)));
  };
  const auto parts = SplitAt(text, " \t", true);
  if (parts.size() != kFields.size()) {
    return error(
        "five fields (minute, hour, day of the month, month, weekday) such as 0 8 * * 1-5");
  }
  std::array<std::uint64_t, kFields.size()> sets{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Field& field = kFields[i];
    for (const std::string_view item : SplitAt(parts[i], ",", false)) {
      if (ReadItem(field, item, sets[i])) continue;
      return error(fmt::format(
          "a cron expression whose {} is *, {} to {}, a range 2-5, a step */2 or 2-5/2, or a list "
          "of these",
          field.name, field.min, field.max));
    }
  }
  Cron cron;
  cron.minutes = sets[0];
  cron.hours = static_cast<std::uint32_t>(sets[1]);
  cron.days = static_cast<std::uint32_t>(sets[2]);
  cron.months = static_cast<std::uint32_t>(sets[3]);
  cron.weekdays = static_cast<std::uint32_t>((sets[4] | sets[4] >> 7) & 0x7F);
  cron.any_day = parts[2] == "*";
  cron.any_weekday = parts[4] == "*";
  if (!Comes(cron)) return error("a time that comes: no such day is in those months");
  return cron;
}

std::string RuleTimeZone(std::string_view text) {
  constexpr char kWanted[] = "a name of the IANA time zone database such as Europe/Zurich or UTC";
  const auto parts = SplitAt(text, "/", false);
  if (text.size() > 64 || parts.size() > 3 || text == "Local") return kWanted;
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_inner = [is_upper](char c) {
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+';
  };
  const bool allowed = std::all_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return !part.empty() && is_upper(part.front()) &&
           std::all_of(part.begin(), part.end(), is_inner);
  });
  return allowed ? "" : kWanted;
}

}  // namespace ballast::api
