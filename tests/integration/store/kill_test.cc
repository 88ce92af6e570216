// A process that writes is killed at random instants: all that it said was acknowledged is there.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <random>
#include <sstream>
#include <vector>

#include "controller/runtime/system_clock.h"
#include "tests/integration/store/fixture.h"

namespace ballast::store {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

class Child {
 public:
  Child(const std::string& path, unsigned seed) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const std::string number = std::to_string(seed);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execl(BALLAST_STORE_WRITER, BALLAST_STORE_WRITER, path.c_str(), number.c_str(), nullptr);
      _exit(5);
    }
    close(ends[1]);
    fd_ = ends[0];
  }
  ~Child() {
    Kill();
    close(fd_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Reads what it says for so long, or until it ends.
  void ReadFor(microseconds time) {
    const auto end = clock_.Now() + time;
    while (true) {
      const auto left = std::chrono::duration_cast<microseconds>(end - clock_.Now());
      if (left <= microseconds(0)) return;
      pollfd waits{.fd = fd_, .events = POLLIN};
      const timespec timeout{.tv_sec = left.count() / 1'000'000,
                             .tv_nsec = left.count() % 1'000'000 * 1000};
      if (ppoll(&waits, 1, &timeout, nullptr) > 0 && !ReadSome()) return;
    }
  }
  // SIGKILL, and what it said until then.
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, &status_, 0);
    pid_ = -1;
    while (ReadSome()) {
    }
  }
  [[nodiscard]] bool killed() const { return WIFSIGNALED(status_); }
  // Complete lines: one that was cut off may not have been acknowledged.
  [[nodiscard]] std::string said() const { return said_.substr(0, said_.rfind('\n') + 1); }

 private:
  bool ReadSome() {
    char buffer[65536];
    const ssize_t got = read(fd_, buffer, sizeof buffer);
    if (got > 0) said_.append(buffer, static_cast<std::size_t>(got));
    return got > 0;
  }

  const runtime::SystemClock clock_;
  pid_t pid_ = -1;
  int fd_ = -1;
  int status_ = 0;
  std::string said_;
};

struct Acknowledged {
  std::uint64_t revision = 0;
  std::string id;  // "-": deleted
};

class KillNine : public StoreTest {
 protected:
  // "webapps/0-1" -> the last that was acknowledged.
  std::map<std::string, Acknowledged> last_;
  std::map<std::uint64_t, std::string> ids_;  // of the round, by revision

  void Note(const std::string& said) {
    ids_.clear();
    std::istringstream lines(said);
    std::uint64_t revision = 0;
    for (std::string key, id; lines >> revision >> key >> id;) {
      ids_[revision] = fmt::format("{} {}", key, id);
      if (last_[key].revision < revision) last_[key] = {revision, id};
    }
  }

  static std::string IdOf(const std::string& value) { return value.substr(0, value.find(' ')); }

  // Each key is written by one thread, so after its last acknowledged write at most one more.
  void CheckObjects() {
    for (const auto& [key, acknowledged] : last_) {
      const std::string resource = key.substr(0, key.find('/'));
      const auto read = store_->Get({resource, "default", key.substr(key.find('/') + 1)});
      if (!read) {
        ASSERT_EQ(read.error().code, Code::kNotFound) << read.error().message;
        // Deleted by the acknowledged write, or by the one under way: then the history has it.
        if (acknowledged.id != "-") {
          ASSERT_EQ(deleted_[key], acknowledged.revision) << key << " is lost";
        }
      } else if (read->revision == acknowledged.revision) {
        ASSERT_EQ(IdOf(*read->value), acknowledged.id) << key;
      } else {
        ASSERT_GT(read->revision, acknowledged.revision) << key << " is an older one";
      }
    }
  }

  // The history that is kept agrees with what was said, and has no gap.
  void CheckHistory(const std::string& resource) {
    const auto newest = store_->Revision();
    std::uint64_t after = newest > 500 ? newest - 500 : 0;
    while (after < newest) {
      const auto page = store_->ReadChanges(resource, after, 1000);
      ASSERT_OK(page);
      for (const auto& change : page->items) {
        ++changes_seen_;
        const std::string key = resource + "/" + change->key.name;
        if (change->deleted) deleted_[key] = change->previous_revision;
        const auto said = ids_.find(change->revision);
        if (said == ids_.end()) continue;
        const std::string id = change->deleted ? "-" : IdOf(*change->value);
        ASSERT_EQ(said->second, fmt::format("{} {}", key, id)) << "revision " << change->revision;
      }
      after = page->through;
    }
  }

  std::map<std::string, std::uint64_t> deleted_;  // key -> the revision that a delete replaced
  std::uint64_t changes_seen_ = 0;
};

TEST_F(KillNine, LosesNothingThatWasAcknowledged) {
  options_.history = {.keep_age = milliseconds(0), .keep_changes = 500};
  const runtime::SystemClock clock;
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  const auto end = clock.Now() + seconds(20);
  int rounds = 0;
  std::size_t acknowledged = 0;
  for (; clock.Now() < end; ++rounds) {
    SCOPED_TRACE(fmt::format("seed {} round {}", seed, rounds));
    Child child(options_.path, static_cast<unsigned>(rounds));
    // Some are killed while they open the store, or repair what the one before left.
    child.ReadFor(microseconds(random() % 300'000));
    child.Kill();
    ASSERT_TRUE(child.killed()) << "it ended by itself: " << child.said();
    Note(child.said());
    acknowledged += ids_.size();

    Open();
    ASSERT_GE(store_->Revision(), ids_.empty() ? 0 : ids_.rbegin()->first);
    changes_seen_ = 0;
    CheckHistory("webapps");
    CheckHistory("secrets");
    ASSERT_EQ(changes_seen_, std::min<std::uint64_t>(store_->Revision(), 500)) << "a gap";
    CheckObjects();
    if (HasFatalFailure()) return;
    // The newest state is the truth of the next round, acknowledged or not.
    for (const std::string resource : {"webapps", "secrets"}) {
      for (const auto& [name, object] : ListOf(*store_, resource)) {
        last_[fmt::format("{}/{}", resource, name)] = {object.first, IdOf(object.second)};
      }
    }
    Close();
  }
  fmt::print("{} rounds, {} acknowledged writes\n", rounds, acknowledged);
  EXPECT_GT(rounds, 20);
  EXPECT_GT(acknowledged, 1000U);
}

// Whoever restores a backup beside the log of the database that crashed, and has it crash again.
TEST_F(KillNine, ARestoreThatIsCutShortIsDoneAgain) {
  Open();
  for (int i = 0; i < 100; ++i) Put(App(fmt::format("app-{:03}", i)), 0, std::string(3000, 'b'));
  ASSERT_OK(store_->Backup(dir_.path("backup")));
  const Contents wanted = ListOf(*store_, "webapps");
  for (int i = 0; i < 100; ++i) {
    Put(App(fmt::format("app-{:03}", i)), wanted.at(fmt::format("app-{:03}", i)).first,
        std::string(3000, 'c'));
  }
  const std::string log = dir_.Read("state.db-wal");
  ASSERT_GT(log.size(), 100'000U);
  const unsigned seed = std::random_device{}();
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(fmt::format("seed {} round {}", seed, round));
    const TempDir target;
    target.Write("state.db", dir_.Read("backup"));
    target.Write("state.db-wal", log);
    std::filesystem::copy_file(dir_.path("secrets.key"), target.path("secrets.key"));
    {
      Child child(target.path("state.db"), static_cast<unsigned>(round));
      child.ReadFor(microseconds(random() % 60'000));
    }
    SqliteStoreOptions options = options_;
    options.path = target.path("state.db");
    const auto restored = SqliteStore::Open(options, clock_);
    ASSERT_OK(restored);
    EXPECT_GT((*restored)->Revision(), 1'000'000'000U);
    Contents there = ListOf(**restored, "webapps");
    std::erase_if(there, [](const auto& object) { return !object.first.starts_with("app-"); });
    ASSERT_EQ(there, wanted);
  }
}

}  // namespace
}  // namespace ballast::store
