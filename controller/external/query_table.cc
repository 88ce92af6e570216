#include "controller/external/query_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace ballast::external {
namespace {

using reconcilers::ExternalReading;

ExternalReading NoReading(std::string problem) { return {std::nullopt, std::move(problem)}; }

}  // namespace

QueryKey KeyOf(const api::PrometheusQuery& query) { return {query.url, query.query}; }

QueryTable::Reading QueryTable::Read(const api::PrometheusQuery& query, Steady now) {
  const QueryKey key = KeyOf(query);
  auto found = entries_.find(key);
  if (found == entries_.end() && entries_.size() >= limits_.queries) {
    return {
        NoReading(fmt::format("more than {} Prometheus queries are in use; this one is not asked",
                              limits_.queries)),
        false};
  }
  const bool is_new = found == entries_.end();
  if (is_new) {
    found = entries_.emplace(key, Entry()).first;
    found->second.server = RequestOf(query, 0).server;
    found->second.due = now;
  }
  Entry& entry = found->second;
  entry.read = now;
  if (entry.ever && now - entry.answered <= limits_.max_age) {
    if (entry.last.value) return {{entry.last.value, ""}, is_new};
    return {NoReading(fmt::format("{} {}", query.url, entry.last.problem)), is_new};
  }
  if (!entry.failure.empty()) {
    return {NoReading(fmt::format("{} {}", query.url, entry.failure)), is_new};
  }
  return {NoReading(fmt::format("{} has not been asked yet", query.url)), is_new};
}

void QueryTable::Expire(Steady now) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    return !entry.sent && now - entry.read >= limits_.interest;
  });
}

std::vector<api::PrometheusQuery> QueryTable::Take(Steady now) {
  // Whoever waits longest comes first.
  std::vector<std::pair<Steady, const QueryKey*>> due;
  for (const auto& [key, entry] : entries_) {
    if (!entry.sent && entry.due <= now) due.emplace_back(entry.due, &key);
  }
  std::ranges::stable_sort(due, {}, &std::pair<Steady, const QueryKey*>::first);
  std::vector<api::PrometheusQuery> taken;
  for (const auto& [time, key] : due) {
    Entry& entry = entries_.at(*key);
    if (!HasRoom(entry.server)) continue;
    entry.sent = now;
    entry.overdue = false;
    ++under_way_[entry.server];
    ++all_under_way_;
    taken.push_back({.url = key->first, .query = key->second});
  }
  return taken;
}

std::vector<QueryKey> QueryTable::TakeOverdue(Steady now) {
  std::vector<QueryKey> overdue;
  for (auto& [key, entry] : entries_) {
    if (!entry.sent || entry.overdue || now - *entry.sent < limits_.patience) continue;
    entry.overdue = true;
    entry.failure = fmt::format("does not answer within {} s", limits_.patience.count());
    overdue.push_back(key);
  }
  return overdue;
}

void QueryTable::Record(const QueryKey& key, const PrometheusAnswer& answer, Steady now) {
  const auto found = entries_.find(key);
  if (found == entries_.end() || !found->second.sent) return;
  Entry& entry = found->second;
  const auto took = now - *entry.sent;
  entry.sent.reset();
  if (--under_way_[entry.server] == 0) under_way_.erase(entry.server);
  --all_under_way_;
  // One that hangs, say in the look-up of its name, is not at it most of the time.
  entry.due = now + std::max<Steady::duration>(limits_.interval - took, took);
  if (answer.evaluated) {
    entry.last = answer;
    entry.answered = now;
    entry.ever = true;
    entry.failure.clear();
  } else if (!entry.overdue) {
    entry.failure = answer.problem;
  }
}

std::optional<QueryTable::Steady> QueryTable::NextDue() const {
  std::optional<Steady> next;
  const auto at = [&next](Steady time) { next = next ? std::min(*next, time) : time; };
  for (const auto& [key, entry] : entries_) {
    if (entry.sent) {
      if (!entry.overdue) at(*entry.sent + limits_.patience);
      continue;
    }
    at(entry.read + limits_.interest);
    if (HasRoom(entry.server)) at(entry.due);
  }
  return next;
}

bool QueryTable::HasRoom(const std::string& server) const {
  const auto found = under_way_.find(server);
  return all_under_way_ < limits_.at_once &&
         (found == under_way_.end() || found->second < limits_.at_once_per_server);
}

}  // namespace ballast::external
