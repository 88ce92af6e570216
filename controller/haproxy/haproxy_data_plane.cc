#include "controller/haproxy/haproxy_data_plane.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/replies.h"

namespace ballast::haproxy {
namespace {

namespace model = reconcilers::haproxy;

constexpr std::string_view kOldWorker = "Proxy is disabled.";
constexpr char kCheckDir[] = ".check";
// As HAProxy's user, who alone reads the files: on the host's network the container's own is root,
// without the right to read what belongs to others.
constexpr char kAsHaproxy[] =
    "[ \"$(id -u)\" != 0 ] || "
    "exec setpriv --reuid 99 --regid 99 --clear-groups \"$@\"; exec \"$@\"";

std::string FileName(const char* path) { return std::filesystem::path(path).filename().string(); }

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

HaproxyDataPlane::HaproxyDataPlane(Options options, reconcilers::Engine& engine)
    : options_(std::move(options)),
      admin_path_(options_.run_dir + "/" + FileName(model::kAdminSocket)),
      master_path_(options_.run_dir + "/" + FileName(model::kMasterSocket)),
      files_(options_.config_dir, options_.owner),
      engine_(engine) {}

Deadline HaproxyDataPlane::In(std::chrono::milliseconds timeout) const {
  return std::chrono::steady_clock::now() + timeout;
}

Result<std::vector<std::string>> HaproxyDataPlane::Commands(
    const std::vector<std::string>& commands) {
  const Deadline deadline = In(options_.command_timeout);
  // A newline in a command would be a command of its own; only payloads have them.
  for (const std::string& command : commands) {
    if (command.find('\n') != std::string::npos && command.find("<<") == std::string::npos) {
      return Error(Code::kInvalidArgument, "a runtime command has a line break");
    }
  }
  if (!admin_.open()) {
    if (Result<void> opened = admin_.Open(admin_path_, deadline); !opened) {
      return std::unexpected(opened.error());
    }
  }
  Result<std::vector<std::string>> replies = admin_.Run(commands, deadline);
  if (!replies) return replies;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const bool old =
        (*replies)[i].starts_with(kOldWorker) ||
        (commands[i] == "show info" && (*replies)[i].find("\nStopping: 1\n") != std::string::npos);
    if (!old) continue;
    admin_.Close();
    return Error(Code::kUnavailable, "HAProxy was reloaded by somebody else");
  }
  return replies;
}

Result<std::string> HaproxyDataPlane::Master(std::string_view command) {
  const Deadline deadline = In(options_.command_timeout);
  const Deadline retry_until = In(std::chrono::milliseconds(100));
  for (;;) {
    Result<std::string> reply = OneShot(master_path_, command, AfterSend::kHalfClose, deadline);
    // The master re-executes itself for some milliseconds.
    if (reply || reply.error().code != Code::kUnavailable) return reply;
    if (std::chrono::steady_clock::now() >= retry_until) return reply;
    ::poll(nullptr, 0, 5);
  }
}

Result<std::vector<reconcilers::WorkerProcess>> HaproxyDataPlane::Processes() {
  const Result<std::string> reply = Master("show proc");
  if (!reply) return std::unexpected(reply.error());
  return model::ParseShowProc(*reply);
}

Result<std::string> HaproxyDataPlane::OnWorker(int pid, std::string_view command) {
  Result<std::string> reply = Master(fmt::format("@!{} {}", pid, command));
  if (reply && reply->starts_with("Can't find the target")) {
    return Error(Code::kNotFound, fmt::format("worker {} has ended", pid));
  }
  return reply;
}

Result<std::vector<std::string>> HaproxyDataPlane::OldWorkers(std::string_view command) {
  const auto processes = Processes();
  if (!processes) return std::unexpected(processes.error());
  std::vector<std::string> replies;
  for (const reconcilers::WorkerProcess& process : *processes) {
    if (!process.old) continue;
    Result<std::string> reply = OnWorker(process.pid, command);
    if (reply && reply->empty()) {
      // It ended while it was asked, or it says nothing: ask who is still there.
      const auto now = Processes();
      if (!now) return std::unexpected(now.error());
      const bool there = std::ranges::any_of(
          *now, [&](const reconcilers::WorkerProcess& other) { return other.pid == process.pid; });
      if (!there) continue;
    }
    if (reply) {
      replies.push_back(std::move(*reply));
    } else if (reply.error().code != Code::kNotFound) {
      return std::unexpected(reply.error());
    }
  }
  return replies;
}

Result<void> HaproxyDataPlane::Publish(const reconcilers::ConfigFiles& files) {
  return files_.Publish(files);
}

Result<std::string> HaproxyDataPlane::ReadFile(const std::string& name) {
  return files_.Read(name);
}

// The files are written beside the real ones, with the paths of the others in them changed to
// match. They do not stay: there are keys among them.
Result<void> HaproxyDataPlane::Check(const reconcilers::ConfigFiles& files) {
  const ConfigDirectory directory(options_.config_dir + "/" + kCheckDir, options_.owner);
  const Result<Directory> config_dir = Directory::Open(options_.config_dir);
  if (!config_dir) return std::unexpected(config_dir.error());
  if (const auto made = config_dir->MakeBelow(kCheckDir, options_.owner, 0755); !made) {
    return std::unexpected(made.error());
  }
  const std::string inside = fmt::format("{}/{}", model::kConfigDir, kCheckDir);
  reconcilers::ConfigFiles copies = files;
  for (auto& [name, text] : copies) {
    if (name.ends_with(".pem")) continue;
    for (const char* const below : {"maps/", model::kCertificateDir, model::kScriptDir}) {
      ReplaceAll(text, fmt::format("{}/{}", model::kConfigDir, below), inside + "/" + below);
    }
  }
  Result<void> written = directory.Publish(copies);
  const Result<reconcilers::ExecResult> run =
      written ? engine_.Exec(options_.container_id,
                             {"sh", "-c", kAsHaproxy, "sh", "haproxy", "-c", "-f",
                              fmt::format("{}/{}", inside, model::kConfigFile)},
                             options_.check_timeout)
              : std::unexpected(written.error());
  if (const Result<void> removed = directory.Publish({}); !removed && written) written = removed;
  if (!written) return written;
  if (!run) return Wrap("check the configuration", run.error());
  if (run->exit_code == 0) return {};
  std::string alerts = model::ExtractAlerts(run->output);
  ReplaceAll(alerts, fmt::format("{}/", kCheckDir), "");
  return Error(Code::kInvalidArgument, alerts);
}

// Counters and the servers' states go on over the reload; without them it is a reload all the same.
void HaproxyDataPlane::SaveState() {
  const Deadline deadline = In(options_.command_timeout);
  const Result<Directory> directory = Directory::Open(options_.run_dir);
  if (!directory) return;
  const auto save = [&](std::string_view command, const char* path) {
    const Result<std::string> text = OneShot(admin_path_, command, AfterSend::kHalfClose, deadline);
    // An old one is worse than none: it could put servers into maintenance.
    if (!text || text->empty() || !directory->Write(FileName(path), *text, options_.owner)) {
      static_cast<void>(directory->Remove(FileName(path)));
    }
  };
  save("dump stats-file", model::kStatsFile);
  save("show servers state", model::kStateFile);
}

Result<void> HaproxyDataPlane::Reload() {
  SaveState();
  const Result<std::string> reply =
      OneShot(master_path_, "reload", AfterSend::kWait, In(options_.reload_timeout));
  // The state was right for this reload only; a start after a crash goes by haproxy.cfg alone,
  // which is current at all times.
  if (const Result<Directory> directory = Directory::Open(options_.run_dir); directory) {
    static_cast<void>(directory->Remove(FileName(model::kStateFile)));
  }
  if (!reply) return Wrap("reload", reply.error());
  if (reply->starts_with("Success=0\n")) {
    return Error(Code::kInvalidArgument, model::ExtractAlerts(*reply));
  }
  if (!reply->starts_with("Success=1\n")) {
    return Error(Code::kInternal, "HAProxy answered '" + model::HideSecrets(reply->substr(0, 200)) +
                                      "' to 'reload'");
  }
  // The connection in use still talks to the worker before.
  admin_.Close();
  const auto processes = Processes();
  if (!processes) return std::unexpected(processes.error());
  if (!std::ranges::any_of(*processes, [](const auto& process) { return !process.old; })) {
    return Error(Code::kUnavailable, "no HAProxy worker after the reload");
  }
  Result<std::vector<std::string>> answers = Commands({"show info"});
  if (!answers) return std::unexpected(answers.error());
  return {};
}

}  // namespace ballast::haproxy
