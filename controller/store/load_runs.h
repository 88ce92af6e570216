// A table of samples, one row for equal ones in a row: a web app that nobody visits costs one row
// however long. Of one connection, and used as that is: one thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "controller/store/sqlite.h"
#include "reconcilers/autoscaler/load.h"

namespace ballast::store {

class LoadRuns {
 public:
  // A sample every `step` seconds; the newest `kept` seconds of each object are read.
  LoadRuns(std::int64_t step, std::int64_t kept) : step_(step), kept_(kept) {}

  // Before all others.
  Result<void> Prepare(Database& database, const std::string& table);

  Result<std::vector<reconcilers::LoadSample>> Read(std::uint64_t object, std::int64_t after);
  // Ascending. One that is not newer than what is there begins anew from there: the clock was set
  // back.
  Result<void> Append(std::uint64_t object,
                      const std::vector<const reconcilers::LoadSample*>& samples);
  // Of all objects, what is older than is kept.
  Result<void> Clean(std::int64_t newest);

 private:
  struct Run {
    std::int64_t first = 0;
    reconcilers::LoadSample sample;  // the last one
  };
  static Run ReadRun(const Statement& row);
  Result<std::optional<Run>> Newest(std::uint64_t object);
  Result<void> Put(std::uint64_t object, const Run& run);

  const std::int64_t step_;
  const std::int64_t kept_;
  Statement newest_;
  Statement put_;
  Statement cut_newer_;
  Statement read_;
  Statement clean_;
};

}  // namespace ballast::store
