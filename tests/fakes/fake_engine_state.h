// The inside of FakeEngine: the world under a lock, who listens, and the faults. Only for
// fake_engine.cc (what tests do) and fake_engine_port.cc (what the code under test does).
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/fakes/fake_engine.h"
#include "tests/fakes/fake_world.h"

namespace ballast::fakes {

struct FakeStream {
  std::deque<reconcilers::EngineEvent> queue;
  bool broken = false;
  bool open = false;  // its on_open has returned
};

struct FakeEngine::State {
  explicit State(const reconcilers::Clock* clock) : world(clock) {}

  mutable std::mutex mutex;
  std::condition_variable_any changed;
  FakeWorld world;
  std::vector<std::string> calls;
  std::vector<std::string> writes;
  std::map<std::string, std::deque<Status>> failures;
  std::optional<Status> down;
  std::vector<std::shared_ptr<FakeStream>> streams;
  std::vector<EventHandler> subscribers;
  std::function<std::optional<Status>(const std::string&, const std::string&)> hook;
  std::function<std::vector<reconcilers::EngineEvent>(const reconcilers::EngineEvent&)> filter;
  std::function<Result<reconcilers::ExecResult>(const std::string&,
                                                const std::vector<std::string>&)>
      exec;
  Result<reconcilers::EngineVersion> version =
      reconcilers::EngineVersion{.version = "20.10.24",
                                 .api_version = "1.41",
                                 .os_type = "linux",
                                 .data_root = "/var/lib/docker"};

  // With the lock held: queues what happened for the streams and returns it for the subscribers.
  std::vector<reconcilers::EngineEvent> Publish();

  void BreakStreams() {
    for (const auto& stream : streams) stream->broken = true;
    streams.clear();
    changed.notify_all();
  }

  // Changes the world under the lock, then tells the subscribers without it.
  template <typename Body>
  auto Change(Body body) {
    std::unique_lock lock(mutex);
    auto result = body();
    const std::vector<reconcilers::EngineEvent> events = Publish();
    const std::vector<EventHandler> handlers =
        events.empty() ? std::vector<EventHandler>{} : subscribers;
    lock.unlock();
    for (const reconcilers::EngineEvent& event : events) {
      for (const EventHandler& handler : handlers) handler(event);
    }
    return result;
  }

  // Something that happens to the container of that name, which a test says is there.
  template <typename Body>
  void Happen(const std::string& name, Body body) {
    Change([&] {
      if (FakeContainer* container = world.FindContainer(name)) body(*container);
      return 0;
    });
  }

  // Notes a call and asks the faults whether it may go on.
  std::optional<Status> Enter(const std::string& method, const std::string& argument);

  std::string NameOf(const std::string& id) {
    const std::lock_guard lock(mutex);
    return world.NameOf(id);
  }

  // A call of the port: notes it, asks the faults, runs `body` under the lock.
  template <typename T, typename Body>
  Result<T> Call(const std::string& method, const std::string& argument, Body body) {
    if (auto fault = Enter(method, argument)) return std::unexpected(*fault);
    return Change([&]() -> Result<T> { return body(); });
  }
  // The same for a container that must exist.
  template <typename T, typename Body>
  Result<T> CallOn(const std::string& method, const std::string& id, const std::string& more,
                   Body body) {
    std::string argument = NameOf(id);
    if (!more.empty()) argument += " " + more;
    return Call<T>(method, argument, [&]() -> Result<T> {
      FakeContainer* container = world.FindContainer(id);
      if (container == nullptr) return Error(Code::kNotFound, "no such container: " + id);
      return body(*container);
    });
  }
};

}  // namespace ballast::fakes
