#include "controller/cli/event_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

#include "controller/cli/render.h"
#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

std::string LastTime(const json& event) {
  return Text(event, "lastTimestamp",
              Text(Field(event, "metadata"), "creationTimestamp", "").c_str());
}

std::string ObjectName(const json& event) {
  const json& object = Field(event, "involvedObject");
  std::string kind = Text(object, "kind");
  for (char& c : kind) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return kind + "/" + Text(object, "name");
}

}  // namespace

std::string AgeOf(const std::string& since, api::Time now) {
  std::tm time{};
  const char* const end = strptime(since.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (end == nullptr) return "-";
  const auto then = std::chrono::system_clock::from_time_t(timegm(&time));
  return FormatAge(std::chrono::duration_cast<std::chrono::seconds>(now - then).count());
}

void SortEvents(std::vector<json>& events) { std::ranges::stable_sort(events, {}, LastTime); }

std::string EventTable::Render(const std::vector<json>& events, api::Time now) {
  std::vector<std::vector<Cell>> rows;
  if (events.empty()) return "";
  if (!titled_) {
    std::vector<std::string> titles = {"LAST SEEN", "TYPE", "REASON"};
    if (options_.with_namespace) titles.insert(titles.begin(), "NAMESPACE");
    if (options_.with_object) titles.emplace_back("OBJECT");
    titles.emplace_back("MESSAGE");
    rows.push_back(TitleRow(titles));
    titled_ = true;
  }
  for (const json& event : events) {
    const bool warning = Text(event, "type") == "Warning";
    const std::int64_t count = Number(event, "count");
    std::vector<Cell> row;
    if (options_.with_namespace) row.push_back({Text(Field(event, "metadata"), "namespace")});
    row.push_back({AgeOf(LastTime(event), now)});
    row.push_back({Text(event, "type"), warning ? Style::kWarning : Style::kPlain});
    row.push_back({Text(event, "reason"), warning ? Style::kWarning : Style::kPlain});
    if (options_.with_object) row.push_back({ObjectName(event)});
    row.push_back({Text(event, "message", "") + (count > 1 ? fmt::format(" (x{})", count) : "")});
    rows.push_back(std::move(row));
  }
  return printer_.Print(rows);
}

}  // namespace ballast::cli
