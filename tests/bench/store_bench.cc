// What the SQLite store does on this machine's disk, as a Markdown table:
//   store_bench [DIRECTORY]      default: the temporary directory; it must be on the disk in
//   question
// Not a test. Takes about a minute; removes what it made.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/system_clock.h"
#include "controller/store/sqlite_store.h"

namespace ballast::bench {
namespace {

using reconcilers::StoreKey;
using reconcilers::StoreValue;
using std::chrono::duration;
using std::chrono::seconds;
using store::SqliteStore;

constexpr int kObjects = 5000;
constexpr std::size_t kBytes = 2048;

const runtime::SystemClock kClock;

// A directory on the disk that is measured, removed at the end.
class Directory {
 public:
  explicit Directory(const std::string& parent) : path_(parent + "/store-bench.XXXXXX") {
    if (mkdtemp(path_.data()) == nullptr) {
      std::perror(path_.c_str());
      std::exit(1);  // NOLINT(concurrency-mt-unsafe): before any thread
    }
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

template <typename T>
T Must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "store_bench: {}\n", result.error().message);
    std::_Exit(1);
  }
  return std::move(*result);
}

std::unique_ptr<SqliteStore> Open(const std::string& path) {
  return Must(SqliteStore::Open({.path = path}, kClock));
}

StoreKey App(int i) { return {"webapps", "default", fmt::format("app-{:05}", i)}; }
StoreValue Value(int i) {
  return std::make_shared<const std::string>(fmt::format("{:8}", i) + std::string(kBytes - 8, 'x'));
}

double SecondsSince(reconcilers::Clock::Steady start) {
  return duration<double>(kClock.Now() - start).count();
}

// Milliseconds below which a share of them lies.
double Quantile(std::vector<double>& times, double share) {
  const auto at =
      times.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(times.size() - 1));
  std::nth_element(times.begin(), at, times.end());
  return *at * 1000;
}

double RssMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

void Row(const std::string& what, const std::string& figure, const std::string& bar = "") {
  fmt::print("| {} | {} | {} |\n", what, figure, bar);
  std::fflush(stdout);
}

// What the disk itself does: appending so many bytes and waiting for them, over and over.
void Disk(const Directory& directory, std::size_t bytes) {
  const std::string path = directory / "bare";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const std::string block(bytes, 'x');
  const off_t wrap = off_t{8} << 20;  // a log that is used again, as SQLite's is
  off_t offset = 0;
  std::vector<double> times;
  const auto start = kClock.Now();
  while (SecondsSince(start) < 4) {
    const auto began = kClock.Now();
    if (pwrite(fd, block.data(), block.size(), offset) < 0 || fdatasync(fd) != 0) std::_Exit(1);
    offset = (offset + static_cast<off_t>(bytes)) % wrap;
    times.push_back(SecondsSince(began));
  }
  const double rate = static_cast<double>(times.size()) / SecondsSince(start);
  close(fd);
  std::filesystem::remove(path);
  Row(fmt::format("the disk: write + fdatasync of {} KiB", bytes / 1024),
      fmt::format("{:.0f}/s, p50 {:.2f} ms, p99 {:.2f} ms", rate, Quantile(times, 0.5),
                  Quantile(times, 0.99)));
}

// Each submitter updates objects of its own and waits for each write.
void Writes(SqliteStore& store, int submitters) {
  const auto start = kClock.Now();
  constexpr seconds kTime(5);
  std::vector<std::vector<double>> times(static_cast<std::size_t>(submitters));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < submitters; ++t) {
      threads.emplace_back([&, t] {
        const auto end = start + kTime;
        for (int i = t; kClock.Now() < end; i = (i + submitters) % kObjects) {
          const auto at = Must(store.Get(App(i))).revision;
          const auto began = kClock.Now();
          const auto done = store.Commit({App(i), at, Value(i)});
          // Two submitters may meet at an object where their number does not divide the objects'.
          if (!done && done.error().code != Code::kConflict) Must(done);
          if (done) times[static_cast<std::size_t>(t)].push_back(SecondsSince(began));
        }
      });
    }
  }
  const double taken = SecondsSince(start);
  std::vector<double> all;
  for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
  Row(fmt::format("durable updates of 2 KiB, {} at a time", submitters),
      fmt::format("{:.0f}/s, p50 {:.2f} ms, p99 {:.2f} ms", static_cast<double>(all.size()) / taken,
                  Quantile(all, 0.5), Quantile(all, 0.99)),
      submitters >= 8 ? ">= 3000/s, or the disk's limit" : "");
}

void Lists(SqliteStore& store) {
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) {
    const auto began = kClock.Now();
    const auto page = Must(store.List({.resource = "webapps"}));
    times.push_back(SecondsSince(began));
    if (page.items.size() != kObjects) std::_Exit(1);
  }
  Row("LIST of 5 000 objects of 2 KiB",
      fmt::format("p50 {:.1f} ms, p99 {:.1f} ms", Quantile(times, 0.5), Quantile(times, 0.99)),
      "<= 50 ms");
}

void Gets(SqliteStore& store) {
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): the same order each time
  std::vector<double> times;
  for (int i = 0; i < 50'000; ++i) {
    const StoreKey key = App(static_cast<int>(random() % kObjects));
    const auto began = kClock.Now();
    Must(store.Get(key));
    times.push_back(SecondsSince(began));
  }
  Row("GET",
      fmt::format("p50 {:.3f} ms, p99 {:.3f} ms", Quantile(times, 0.5), Quantile(times, 0.99)));
}

// A thousand watches that follow one stream of changes, read one after the other.
void Watches(SqliteStore& store) {
  constexpr int kWatches = 1000;
  const std::uint64_t from = store.Revision();
  Must(store.Commit({App(0), Must(store.Get(App(0))).revision, Value(0)}));
  const auto began = kClock.Now();
  for (int i = 0; i < kWatches; ++i) Must(store.ReadChanges("webapps", from, 100));
  Row("one change read by 1 000 watches", fmt::format("{:.2f} ms", SecondsSince(began) * 1000));
}

void Backup(SqliteStore& store, const Directory& directory) {
  const auto began = kClock.Now();
  if (const auto done = store.Backup(directory / "backup"); !done) {
    fmt::print(stderr, "store_bench: {}\n", done.error().message);
    std::_Exit(1);
  }
  Row("backup", fmt::format("{:.0f} ms, {:.0f} MiB", SecondsSince(began) * 1000,
                            static_cast<double>(std::filesystem::file_size(directory / "backup")) /
                                (1 << 20)));
}

void Main(const std::string& parent) {
  const Directory directory(parent);
  const std::string path = directory / "state.db";
  fmt::print("\n| store (SQLite) | measured | bar |\n|---|---|---|\n");
  Disk(directory, 4 << 10);
  Disk(directory, 16 << 10);
  const double before = RssMib();
  auto store = Open(path);
  for (int i = 0; i < kObjects; ++i) {
    store->Submit({App(i), 0, Value(i)}, [](Result<std::uint64_t> done) { Must(done); });
  }
  store.reset();
  auto began = kClock.Now();
  store = Open(path);
  Row("opening it with 5 000 objects", fmt::format("{:.0f} ms", SecondsSince(began) * 1000));
  for (const int submitters : {1, 8, 64}) Writes(*store, submitters);
  Row("RSS that it added", fmt::format("{:.1f} MiB", RssMib() - before),
      "25 MiB for the whole controller");
  Gets(*store);
  Watches(*store);
  Lists(*store);
  Backup(*store, directory);
  const std::uint64_t history = store->Revision();
  store.reset();
  began = kClock.Now();
  store = Open(path);
  Row(fmt::format("opening it with {} changes of history as well", history),
      fmt::format("{:.0f} ms, {:.0f} MiB", SecondsSince(began) * 1000,
                  static_cast<double>(std::filesystem::file_size(path)) / (1 << 20)));
}

}  // namespace
}  // namespace ballast::bench

int main(int argc, char** argv) {
  ballast::bench::Main(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string());
}
