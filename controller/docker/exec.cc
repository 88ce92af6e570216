// Commands in containers, and those that did not end in time.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/docker/demux.h"
#include "controller/docker/encode.h"
#include "controller/docker/engine.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kMaxOutput = std::size_t{64} << 10;
constexpr std::size_t kMaxRemembered = 1000;
constexpr milliseconds kFirstLook{5};
constexpr milliseconds kLaterLooks{100};

bool Runs(const Json& exec) { return GetBool(exec, {"Running"}); }
// Docker says null until there is one.
bool HasExitCode(const Json& exec) {
  const Json* const code = Find(exec, {"ExitCode"});
  return !Runs(exec) && code != nullptr && code->is_number_integer();
}

// Docker has no call for it. Its number is one of this machine's, unless the controller sees other
// numbers than Docker does: so the process must be in the container's own control group.
bool Kill(const Json& exec) {
  const auto pid = static_cast<pid_t>(GetInt(exec, {"Pid"}));
  const std::string container = GetString(exec, {"ContainerID"});
  if (pid <= 1 || container.empty()) return false;
  std::ifstream file(fmt::format("/proc/{}/cgroup", pid));
  const std::string groups{std::istreambuf_iterator<char>(file), {}};
  if (groups.find(container) == std::string::npos) return false;
  // With what it started: Docker makes it the leader of a group.
  return ::kill(::getpgid(pid) == pid ? -pid : pid, SIGKILL) == 0;
}

}  // namespace

// The exec of the same command that did not end in time, if it still runs.
Result<bool> DockerEngine::StillRuns(const ExecKey& key, const std::string& what) {
  std::string exec;
  {
    const std::lock_guard lock(exec_mutex_);
    const auto it = unended_.find(key);
    if (it == unended_.end()) return false;
    exec = it->second;
  }
  const auto json = client_.GetJson("exec_inspect", what, "/exec/" + Escape(exec) + "/json");
  if (!json && json.error().code != Code::kNotFound) return std::unexpected(json.error());
  if (json && Runs(*json)) {
    Kill(*json);
    return true;
  }
  const std::lock_guard lock(exec_mutex_);
  unended_.erase(key);
  return false;
}

Status DockerEngine::DidNotEnd(const ExecKey& key, const std::string& exec, const Json& json,
                               const std::string& what) {
  {
    const std::lock_guard lock(exec_mutex_);
    // Those of containers that are gone are never asked for again.
    if (unended_.size() >= kMaxRemembered) unended_.clear();
    unended_[key] = exec;
  }
  if (!Runs(json)) return {Code::kUnavailable, what + ": Docker has not started it in time"};
  return {Code::kTimeout, what + (Kill(json) ? ": it did not end in time and was killed"
                                             : ": it did not end in time and still runs")};
}

Result<reconcilers::ExecResult> DockerEngine::Exec(const std::string& id,
                                                   const std::vector<std::string>& command,
                                                   milliseconds timeout) {
  if (auto valid = CheckName("container", id); !valid) return std::unexpected(valid.error());
  if (command.empty()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("run a command in container {}: the command is empty", id));
  }
  const std::string what =
      fmt::format("run \"{}\" in container {}", command.front().substr(0, 80), id);
  // An engine that does not answer has nothing to do with the command's own time.
  const auto of_engine = [](Status error) {
    if (error.code == Code::kTimeout) error.code = Code::kUnavailable;
    return std::unexpected(std::move(error));
  };
  const ExecKey key{id, command};
  const Result<bool> still_runs = StillRuns(key, what);
  if (!still_runs) return of_engine(still_runs.error());
  if (*still_runs) {
    return Error(Code::kTimeout, what + ": the one before has not ended yet, no other is started");
  }
  const auto exec = DoForId(
      "exec", what,
      {.method = "POST",
       .target = "/containers/" + Escape(id) + "/exec",
       .body = DumpJson(Json{{"AttachStdout", true}, {"AttachStderr", true}, {"Cmd", command}}),
       .idempotent = false,
       .timeout = options_.request_timeout},
      "Id");
  if (!exec) return of_engine(exec.error());

  const auto end = std::chrono::steady_clock::now() + timeout;
  BoundedText output(BoundedText::Keep::kFirst, kMaxOutput);
  Demux demux(output, /*framed=*/true);
  const BodySink sink{.on_data = [&](std::string_view chunk) -> Result<void> {
    demux.Feed(chunk);
    return {};
  }};
  const auto response = client_.Call("exec_start",
                                     {.method = "POST",
                                      .target = "/exec/" + Escape(*exec) + "/start",
                                      .body = R"({"Detach":false,"Tty":false})",
                                      .idempotent = false,
                                      .timeout = timeout},
                                     &sink);
  if (!response && response.error().code != Code::kTimeout) return Wrap(what, response.error());
  if (response && !response->ok()) {
    return of_engine(ToStatus(what, response->status, response->body));
  }
  // The output may be held open by something that the command left behind, and it may end before
  // the command does: only this tells how it ended.
  for (milliseconds pause = kFirstLook;; pause = std::min(2 * pause, kLaterLooks)) {
    const auto json = client_.GetJson("exec_inspect", what, "/exec/" + Escape(*exec) + "/json");
    if (!json) return of_engine(json.error());
    if (HasExitCode(*json)) {
      return reconcilers::ExecResult{.exit_code = static_cast<int>(std::clamp<std::int64_t>(
                                         GetInt(*json, {"ExitCode"}), -1, 1 << 20)),
                                     .output = std::move(output).Take()};
    }
    if (std::chrono::steady_clock::now() >= end) {
      return std::unexpected(DidNotEnd(key, *exec, *json, what));
    }
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
}

}  // namespace ballast::docker
