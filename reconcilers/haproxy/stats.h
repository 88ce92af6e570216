// `show stat` (CSV), read in place: what `status` shows and what decides how many replicas.
// Columns are found by their name in the header. Pure; the rows point into the reply.
//
// What HAProxy 3.0 counts, by experiment: `stot` of a backend or server grows when a request comes
// there, `req_tot` and `hrsp_*` when its answer ends; `scur` of a backend has in it those that wait
// (`qcur`, or held by Lua), `scur` of a server has not. The times are averages of the last 512
// answers, or of all while there were fewer, and begin at 0 with each process; the counters go on
// over a reload.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "api/status.h"

namespace ballast::reconcilers::haproxy {

enum class StatKind { kFrontend, kBackend, kServer, kListener };

struct StatRow {
  std::string_view proxy;  // "default_shop"
  std::string_view name;   // "shop-7f3a-2", "BACKEND", "FRONTEND"
  StatKind kind = StatKind::kServer;
  std::string_view status;        // "UP", "DOWN 1/3", "MAINT", "DRAIN", "no check"
  std::string_view address;       // "172.18.0.5:3000"
  std::string_view check_status;  // "L7OK", "L4CON", "" = none yet
  std::string_view cookie;
  // -1: not given for this kind of row.
  std::int64_t current_sessions = -1;  // scur: requests in progress
  std::int64_t queued = -1;            // qcur
  std::int64_t total_sessions = -1;    // stot
  std::int64_t requests = -1;          // req_tot
  std::int64_t errors = -1;            // hrsp_5xx
  std::int64_t active_servers = -1;    // act
  std::int64_t weight = -1;
  // Milliseconds: waiting for a server, connecting to it, waiting for its answer's head.
  std::int64_t queue_time = -1;     // qtime
  std::int64_t connect_time = -1;   // ctime
  std::int64_t response_time = -1;  // rtime
};
[[nodiscard]] Result<std::vector<StatRow>> ParseShowStat(std::string_view reply);

}  // namespace ballast::reconcilers::haproxy
