// What PrometheusQueries knows: the queries that somebody asks about, when each is due, and what
// was answered. It never asks a server and never waits. One thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/autoscaler.h"
#include "controller/external/prometheus_answer.h"
#include "reconcilers/autoscaler/decide.h"
#include "reconcilers/ports/clock.h"

namespace ballast::external {

struct QueryLimits {
  std::chrono::seconds interval{5};   // between two requests; longer for a server that is slow
  std::chrono::seconds interest{30};  // that a Read keeps them going
  std::chrono::seconds max_age{30};   // older answers do not count
  std::chrono::seconds patience{4};   // with one request
  std::size_t queries = 256;
  std::size_t at_once = 16;
  std::size_t at_once_per_server = 4;  // so that a server which hangs holds up no other
};

using QueryKey = std::pair<std::string, std::string>;  // URL, query
[[nodiscard]] QueryKey KeyOf(const api::PrometheusQuery& query);

class QueryTable {
 public:
  using Steady = reconcilers::Clock::Steady;

  explicit QueryTable(QueryLimits limits) : limits_(limits) {}

  struct Reading {
    reconcilers::ExternalReading reading;
    bool is_new = false;  // nobody had asked lately
  };
  Reading Read(const api::PrometheusQuery& query, Steady now);
  // Forgets what nobody asks about any more.
  void Expire(Steady now);
  // Queries to ask now; a Record is owed for each.
  [[nodiscard]] std::vector<api::PrometheusQuery> Take(Steady now);
  // Those whose time is over, each once: to be cancelled. Their Record is still owed.
  [[nodiscard]] std::vector<QueryKey> TakeOverdue(Steady now);
  void Record(const QueryKey& key, const PrometheusAnswer& answer, Steady now);
  // When there is something to do next, unless somebody reads or an answer comes.
  [[nodiscard]] std::optional<Steady> NextDue() const;

 private:
  struct Entry {
    std::string server;  // for people: the URL
    Steady read{};       // last
    Steady due{};
    std::optional<Steady> sent;  // under way since
    bool overdue = false;
    PrometheusAnswer last;  // that was evaluated
    Steady answered{};
    bool ever = false;    // `last` is one
    std::string failure;  // since then, if it cannot be asked
  };
  [[nodiscard]] bool HasRoom(const std::string& server) const;

  const QueryLimits limits_;
  std::map<QueryKey, Entry> entries_;
  std::map<std::string, std::size_t> under_way_;  // by server
  std::size_t all_under_way_ = 0;
};

}  // namespace ballast::external
