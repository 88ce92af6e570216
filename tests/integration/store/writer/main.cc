// store_writer PATH SEED: writes to a store from several threads until it is killed, and says on
// standard output what was acknowledged, one line each, as soon as it is: REVISION KEY ID, where ID
// is the beginning of the value up to a blank, or "-" for a delete. Exits with 3 after an error.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "controller/runtime/system_clock.h"
#include "controller/store/sqlite_store.h"

namespace ballast::store {
namespace {

constexpr int kThreads = 6;
constexpr unsigned kKeys = 4;
constexpr unsigned kMaxBytes = 6000;

[[noreturn]] void Fail(const Status& status) {
  fmt::print(stderr, "store_writer: {}\n", status.message);
  std::_Exit(3);
}

void Say(const std::string& line) {
  // Short enough that the kernel does not mix the lines of two threads.
  if (write(STDOUT_FILENO, line.data(), line.size()) < 0) std::_Exit(4);
}

void WriteForEver(SqliteStore& store, int thread, unsigned seed) {
  std::mt19937 random(seed * kThreads + static_cast<unsigned>(thread));
  for (int i = 0;; ++i) {
    // Each thread has keys of its own, so that at most one write of a key is under way.
    const std::string name = fmt::format("{}-{}", thread, random() % kKeys);
    const reconcilers::StoreKey key{random() % 2 == 0 ? "webapps" : "secrets", "default", name};
    const auto there = store.Get(key);
    if (!there && there.error().code != Code::kNotFound) Fail(there.error());
    std::string id = "-";
    reconcilers::StoreValue value;
    if (!there || random() % 5 > 0) {
      id = fmt::format("{}.{}.{}", seed, thread, i);
      value =
          std::make_shared<const std::string>(id + " " + std::string(random() % kMaxBytes, 'x'));
    }
    const auto done = store.Commit({key, there ? there->revision : 0, std::move(value)});
    if (!done) Fail(done.error());
    Say(fmt::format("{} {}/{} {}\n", *done, key.resource, key.name, id));
  }
}

int Main(const std::string& path, unsigned seed) {
  const runtime::SystemClock clock;
  // A short history, so that it is trimmed all the time as well.
  auto store = SqliteStore::Open(
      {.path = path, .history = {.keep_age = std::chrono::milliseconds(0), .keep_changes = 500}},
      clock);
  if (!store) Fail(store.error());
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store, t, seed] { WriteForEver(**store, t, seed); });
  }
  threads.clear();
  return 0;
}

}  // namespace
}  // namespace ballast::store

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return ballast::store::Main(argv[1], static_cast<unsigned>(std::atoi(argv[2])));
}
