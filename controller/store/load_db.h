// Port LoadHistory in a SQLite file of its own, so that what is measured every second never touches
// the store of objects. Does without the file where the disk lets it: calls answer errors then, and
// it is tried again. Owner: controller/cmd; any thread, one lock.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/store/sqlite.h"
#include "reconcilers/ports/clock.h"
#include "reconcilers/ports/load_history.h"

namespace ballast::store {

class LoadDb final : public reconcilers::LoadHistory {
 public:
  static constexpr std::int64_t kSecondsKept = 900;
  static constexpr std::int64_t kMinutesKept = std::int64_t{7} * 24 * 60;
  static constexpr std::uint64_t kDecisionsKept = 1000;
  static constexpr std::chrono::seconds kTryAgain{30};

  LoadDb(std::string path, const reconcilers::Clock& clock);
  ~LoadDb() override;

  using Samples = std::vector<std::pair<api::ObjectKey, reconcilers::LoadSample>>;

  Result<std::vector<reconcilers::LoadSample>> Seconds(const api::ObjectKey& app,
                                                       std::int64_t after) const override;
  Result<std::vector<reconcilers::LoadSample>> Minutes(const api::ObjectKey& app,
                                                       std::int64_t after) const override;
  Result<void> Append(const Samples& seconds, const Samples& minutes) override;
  Result<std::string> LoadState(const api::ObjectKey& autoscaler) const override;
  Result<void> SaveState(const api::ObjectKey& autoscaler, const std::string& json) override;
  Result<std::vector<reconcilers::DecisionRow>> Decisions(const api::ObjectKey& autoscaler,
                                                          std::size_t limit) const override;
  Result<void> SaveDecision(const api::ObjectKey& autoscaler,
                            reconcilers::DecisionRow& row) override;
  Result<void> Forget(const api::ObjectKey& key) override;

 private:
  struct File;  // one that is open, with its statements

  // Calls `work` with the open file; in a transaction, if it writes.
  enum class Access { kRead, kWrite };
  template <typename Work>
  auto With(Access access, const Work& work) const -> decltype(work(std::declval<File&>()));
  Result<File*> Opened() const;

  const std::string path_;
  const reconcilers::Clock& clock_;
  mutable std::mutex mutex_;
  // All guarded by mutex_.
  mutable std::unique_ptr<File> file_;     // null: there is none
  mutable std::optional<Status> problem_;  // why
  mutable reconcilers::Clock::Steady try_again_at_{};
};

}  // namespace ballast::store
