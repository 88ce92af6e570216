#include "controller/store/load_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace ballast::store {
namespace {

using reconcilers::LoadSample;

std::uint64_t Unsigned(std::int64_t value) { return static_cast<std::uint64_t>(value); }
std::int64_t Signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

constexpr char kColumns[] =
    "first, last, request_rate, concurrency, queued, response_seconds, error_rate, in_service";

// SQLite has no NaN, and nobody has a use for one.
bool Finite(const LoadSample& sample) {
  return std::isfinite(sample.request_rate) && std::isfinite(sample.concurrency) &&
         std::isfinite(sample.queued) && std::isfinite(sample.response_seconds) &&
         std::isfinite(sample.error_rate);
}

}  // namespace

Result<void> LoadRuns::Prepare(Database& database, const std::string& table) {
  const std::pair<Statement*, std::string> all[] = {
      {&newest_, fmt::format("SELECT {} FROM {} WHERE object=? ORDER BY first DESC LIMIT 1",
                             kColumns, table)},
      {&put_,
       fmt::format("REPLACE INTO {}(object, {}) VALUES(?,?,?,?,?,?,?,?,?)", table, kColumns)},
      {&cut_newer_, fmt::format("DELETE FROM {} WHERE object=? AND last>=?", table)},
      {&read_,
       fmt::format("SELECT {} FROM {} WHERE object=? AND last>? ORDER BY first", kColumns, table)},
      {&clean_, fmt::format("DELETE FROM {} WHERE last<=?", table)}};
  for (const auto& [statement, sql] : all) {
    auto prepared = database.Prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

LoadRuns::Run LoadRuns::ReadRun(const Statement& row) {
  Run run{.first = Signed(row.Int(0)), .sample = {}};
  LoadSample& sample = run.sample;
  sample.second = Signed(row.Int(1));
  sample.request_rate = row.Real(2);
  sample.concurrency = row.Real(3);
  sample.queued = row.Real(4);
  sample.response_seconds = row.Real(5);
  sample.error_rate = row.Real(6);
  sample.in_service = static_cast<int>(Signed(row.Int(7)));
  return run;
}

Result<std::optional<LoadRuns::Run>> LoadRuns::Newest(std::uint64_t object) {
  const AutoReset reset(newest_);
  const Result<bool> row = newest_.Bind(1, object).Step();
  if (!row) return std::unexpected(row.error());
  if (!*row) return std::nullopt;
  return ReadRun(newest_);
}

Result<std::vector<LoadSample>> LoadRuns::Read(std::uint64_t object, std::int64_t after) {
  std::vector<LoadSample> samples;
  const Result<std::optional<Run>> newest = Newest(object);
  if (!newest) return std::unexpected(newest.error());
  if (!*newest) return samples;
  after = std::max(after, (*newest)->sample.second - kept_);
  const AutoReset reset(read_);
  read_.Bind(1, object).Bind(2, Unsigned(after));
  while (true) {
    const Result<bool> row = read_.Step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return samples;
    const Run run = ReadRun(read_);
    std::int64_t second = run.first;
    if (second <= after) second += ((after - second) / step_ + 1) * step_;
    for (; second <= run.sample.second; second += step_) {
      samples.push_back(run.sample);
      samples.back().second = second;
    }
  }
}

Result<void> LoadRuns::Append(std::uint64_t object, const std::vector<const LoadSample*>& samples) {
  const Result<std::optional<Run>> newest = Newest(object);
  if (!newest) return std::unexpected(newest.error());
  std::optional<Run> run = *newest;
  bool changed = false;
  for (const LoadSample* sample : samples) {
    if (!Finite(*sample)) continue;
    if (run) {
      LoadSample next = run->sample;
      next.second += step_;
      if (next == *sample) {
        run->sample = next;
        changed = true;
        continue;
      }
    }
    if (changed) {
      if (auto put = Put(object, *run); !put) return put;
    }
    if (run && sample->second <= run->sample.second) {
      cut_newer_.Bind(1, object).Bind(2, Unsigned(sample->second));
      if (auto cut = cut_newer_.Run(); !cut) return cut;
    }
    run = Run{sample->second, *sample};
    changed = true;
  }
  return changed ? Put(object, *run) : Result<void>{};
}

Result<void> LoadRuns::Put(std::uint64_t object, const Run& run) {
  const LoadSample& sample = run.sample;
  put_.Bind(1, object)
      .Bind(2, Unsigned(run.first))
      .Bind(3, Unsigned(sample.second))
      .BindReal(4, sample.request_rate)
      .BindReal(5, sample.concurrency)
      .BindReal(6, sample.queued)
      .BindReal(7, sample.response_seconds)
      .BindReal(8, sample.error_rate)
      .Bind(9, Unsigned(sample.in_service));
  return put_.Run();
}

Result<void> LoadRuns::Clean(std::int64_t newest) {
  clean_.Bind(1, Unsigned(newest - kept_));
  return clean_.Run();
}

}  // namespace ballast::store
