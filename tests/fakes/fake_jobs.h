// Jobs that run when a test says so, on its own thread. Back-off as the real pool's: 1, 2, 4 ... 60
// s by the clock that was given. One thread at a time.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/ports/jobs.h"
#include "reconcilers/ports/reconciler.h"

namespace ballast::fakes {

class FakeJobs final : public reconcilers::Jobs {
 public:
  // `enqueuer` may be null.
  explicit FakeJobs(const reconcilers::Clock& clock, reconcilers::Enqueuer* enqueuer = nullptr)
      : clock_(clock), enqueuer_(enqueuer) {}

  bool Start(const api::ObjectKey& key, const std::string& id,
             std::function<Result<void>()> work) override {
    if (Running(id)) return false;
    const auto failure = failures_.find(id);
    if (failure != failures_.end() && clock_.Now() < failure->second.retry_at) return false;
    started_.push_back(id);
    waiting_.push_back({key, id, std::move(work)});
    return true;
  }

  [[nodiscard]] bool Running(const std::string& id) const override {
    return std::ranges::any_of(waiting_, [&id](const Job& job) { return job.id == id; });
  }

  [[nodiscard]] std::optional<reconcilers::JobFailure> LastFailure(
      const std::string& id) const override {
    const auto found = failures_.find(id);
    if (found == failures_.end()) return std::nullopt;
    return found->second;
  }

  void Forget(const std::string& prefix) override {
    std::erase_if(failures_,
                  [&prefix](const auto& entry) { return entry.first.starts_with(prefix); });
  }

  // Runs the job that was started first; false: there is none.
  bool RunNext() { return !waiting_.empty() && Run(waiting_.front().id); }
  // Runs until none is left, also those that jobs start. Returns how many.
  int RunAll() {
    int count = 0;
    while (RunNext()) ++count;
    return count;
  }
  bool Run(std::string id) {  // by value: the job that it may come from is erased
    const auto found =
        std::ranges::find_if(waiting_, [&id](const Job& job) { return job.id == id; });
    if (found == waiting_.end()) return false;
    Job job = *found;
    const Result<void> result = job.work();
    job.work = nullptr;  // what it holds goes with it, as in the real pool
    std::erase_if(waiting_, [&id](const Job& other) { return other.id == id; });
    if (result) {
      failures_.erase(id);
    } else {
      reconcilers::JobFailure& failure = failures_[id];
      failure.status = result.error();
      const int doublings = std::min(failure.failures++, 6);
      failure.retry_at =
          clock_.Now() + std::min(std::chrono::seconds(60), std::chrono::seconds(1 << doublings));
    }
    if (enqueuer_ != nullptr) enqueuer_->Enqueue(job.key);
    return true;
  }
  // As after kill -9: what was under way never ends, and nothing is remembered.
  void Crash() {
    waiting_.clear();
    failures_.clear();
  }

  [[nodiscard]] std::vector<std::string> Waiting() const {
    std::vector<std::string> ids;
    ids.reserve(waiting_.size());
    for (const Job& job : waiting_) ids.push_back(job.id);
    return ids;
  }
  // Every id that was ever accepted, in order.
  [[nodiscard]] const std::vector<std::string>& Started() const { return started_; }

 private:
  struct Job {
    api::ObjectKey key;
    std::string id;
    std::function<Result<void>()> work;
  };
  const reconcilers::Clock& clock_;
  reconcilers::Enqueuer* enqueuer_;
  std::vector<Job> waiting_;
  std::vector<std::string> started_;
  std::map<std::string, reconcilers::JobFailure> failures_;
};

}  // namespace ballast::fakes
