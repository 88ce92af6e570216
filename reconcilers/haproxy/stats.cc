// Implements stats.h.
#include "reconcilers/haproxy/stats.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/text.h"

namespace ballast::reconcilers::haproxy {
namespace {

// The first `count` fields of one CSV line; there are 200 of them, and nobody reads the last half.
// Quoted ones (texts of checks) lose their outer quotes and keep doubled inner ones: none of the
// columns read here is quoted.
void SplitCsv(std::string_view line, std::size_t count, std::vector<std::string_view>& fields) {
  fields.clear();
  while (fields.size() < count) {
    std::size_t end = 0;
    if (line.starts_with('"')) {
      end = 1;
      while (end < line.size()) {
        if (line[end] != '"') {
          ++end;
        } else if (end + 1 < line.size() && line[end + 1] == '"') {
          end += 2;
        } else {
          break;
        }
      }
      fields.push_back(line.substr(1, end - 1));
      end = std::min(line.find(',', end), line.size());
    } else {
      end = std::min(line.find(','), line.size());
      fields.push_back(line.substr(0, end));
    }
    if (end == line.size()) return;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::vector<StatRow>> ParseShowStat(std::string_view reply) {
  const std::vector<std::string_view> lines = Lines(reply);
  if (lines.empty() || !lines.front().starts_with("# pxname,svname,")) {
    return Error(Code::kInternal, "show stat: unknown format: " + Printable(reply.substr(0, 80)));
  }
  std::vector<std::string_view> fields;
  SplitCsv(lines.front().substr(2), std::string_view::npos, fields);
  const std::vector<std::string_view> header = fields;
  const auto column = [&header](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(header, name) - header.begin());
  };
  const std::size_t type_at = column("type"), status_at = column("status"),
                    addr_at = column("addr"), check_at = column("check_status"),
                    cookie_at = column("cookie"), scur_at = column("scur"),
                    qcur_at = column("qcur"), stot_at = column("stot"),
                    req_tot_at = column("req_tot"), act_at = column("act"),
                    weight_at = column("weight"), errors_at = column("hrsp_5xx"),
                    qtime_at = column("qtime"), ctime_at = column("ctime"),
                    rtime_at = column("rtime");
  for (const std::size_t needed : {type_at, status_at, scur_at, qcur_at, stot_at}) {
    if (needed == header.size()) return Error(Code::kInternal, "show stat: a column is missing");
  }
  std::size_t count = 0;
  for (const std::size_t wanted :
       {type_at, status_at, addr_at, check_at, cookie_at, scur_at, qcur_at, stot_at, req_tot_at,
        act_at, weight_at, errors_at, qtime_at, ctime_at, rtime_at}) {
    if (wanted < header.size()) count = std::max(count, wanted + 1);
  }
  std::vector<StatRow> rows;
  rows.reserve(lines.size());
  for (const std::string_view line : lines | std::views::drop(1)) {
    if (line.empty()) continue;
    SplitCsv(line, count, fields);
    const auto text = [&](std::size_t i) { return i < fields.size() ? fields[i] : ""; };
    const auto number = [&](std::size_t i) { return Number<std::int64_t>(text(i)).value_or(-1); };
    const std::int64_t type = number(type_at);
    if (type < 0 || type > 3) {
      return Error(Code::kInternal, "show stat: unknown line: " + Printable(line));
    }
    constexpr StatKind kKinds[] = {StatKind::kFrontend, StatKind::kBackend, StatKind::kServer,
                                   StatKind::kListener};
    rows.push_back({.proxy = text(0),
                    .name = text(1),
                    .kind = kKinds[type],
                    .status = text(status_at),
                    .address = text(addr_at),
                    .check_status = text(check_at),
                    .cookie = text(cookie_at),
                    .current_sessions = number(scur_at),
                    .queued = number(qcur_at),
                    .total_sessions = number(stot_at),
                    .requests = number(req_tot_at),
                    .errors = number(errors_at),
                    .active_servers = number(act_at),
                    .weight = number(weight_at),
                    .queue_time = number(qtime_at),
                    .connect_time = number(ctime_at),
                    .response_time = number(rtime_at)});
  }
  return rows;
}

}  // namespace ballast::reconcilers::haproxy
