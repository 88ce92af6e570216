// Implements instance.h.
#include "tests/integration/haproxy_model/instance.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "reconcilers/haproxy/paths.h"
#include "tests/integration/haproxy_model/net.h"

namespace ballast::testing {

namespace hap = reconcilers::haproxy;

std::string Shell(const std::string& command, int& code) {
  std::string output;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) std::abort();
  std::array<char, 4096> bytes{};
  while (const std::size_t n = std::fread(bytes.data(), 1, bytes.size(), pipe)) {
    output.append(bytes.data(), n);
  }
  const int status = ::pclose(pipe);
  code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return output;
}

Instance::Instance(const reconcilers::ConfigFiles& files) {
  std::string directory = "/tmp/ballast-haproxy-XXXXXX";
  directory_ = ::mkdtemp(directory.data());
  for (const char* const below : {"/etc/maps", "/etc/lua"}) {
    std::filesystem::create_directories(directory_ + below);
  }
  std::filesystem::create_directories(directory_ + "/run");
  Publish(files);
  Start();
}

Instance::Instance(const hap::LoadBalancerModel& model)
    : Instance(hap::Render(model).value_or(reconcilers::ConfigFiles{})) {}

Instance::~Instance() {
  int code = 0;
  if (!id_.empty()) {
    if (::testing::Test::HasFailure()) {
      std::fputs(Shell("docker logs --tail 50 " + id_, code).c_str(), stderr);
    }
    Shell("docker rm -f " + id_, code);
  }
  std::error_code error;
  std::filesystem::remove_all(directory_, error);
}

void Instance::Start() {
  int code = 0;
  id_ = Shell(
      fmt::format("docker run -d --network host --user {0}:{1} --read-only --cap-drop ALL "
                  "-v {2}/etc:{3}:ro -v {2}/run:{4} --entrypoint haproxy ballast/haproxy:latest "
                  "-W -S {5},mode,660 -f {6}",
                  ::getuid(), ::getgid(), directory_, hap::kConfigDir, hap::kRuntimeDir,
                  hap::kMasterSocket, hap::kConfigPath),
      code);
  while (id_.ends_with('\n')) id_.pop_back();
  if (code != 0) {
    ADD_FAILURE() << id_ << "\n(`hack/images haproxy` makes the image)";
    id_.clear();
    return;
  }
  if (!Eventually([this] { return Command("show info").starts_with("Name: HAProxy"); })) {
    ADD_FAILURE() << "HAProxy does not answer";
  }
}

std::string Instance::Ask(const std::string& socket, const std::string& text) const {
  const Connection connection = Connection::Unix(directory_ + "/run/" + socket);
  if (connection.fd() < 0 || !connection.Send(text + "\n")) return "no connection";
  // The master keeps the connection open, but for a reload.
  if (text.starts_with("@") || text == "show proc") ::shutdown(connection.fd(), SHUT_WR);
  return connection.ReadAll();
}

std::string Instance::Command(const std::string& text) const {
  std::string reply = Ask("admin.sock", text);
  if (reply.ends_with('\n')) reply.pop_back();
  return reply;
}

std::vector<std::string> Instance::OldWorkers(const std::string& text) const {
  const auto processes = hap::ParseShowProc(Ask("master.sock", "show proc"));
  EXPECT_TRUE(processes) << processes.error().message;
  std::vector<std::string> replies;
  for (const auto& process : processes.value_or(std::vector<reconcilers::WorkerProcess>{})) {
    if (!process.old) continue;
    replies.push_back(Ask("master.sock", fmt::format("@!{} {}", process.pid, text)));
  }
  return replies;
}

void Instance::Run(const std::vector<hap::RuntimeCommand>& commands) const {
  for (const hap::RuntimeCommand& command : commands) {
    const std::string reply = Command(command.text);
    EXPECT_TRUE(hap::Succeeded(command, reply)) << command.text << " -> '" << reply << "'";
  }
}

void Instance::Publish(const reconcilers::ConfigFiles& files) const {
  for (const auto& [name, text] : files) std::ofstream(directory_ + "/etc/" + name) << text;
}

void Instance::Reload() const {
  std::ofstream(directory_ + "/run/stats") << Ask("admin.sock", "dump stats-file");
  std::ofstream(directory_ + "/run/state") << Ask("admin.sock", "show servers state");
  // The master listens to nobody for some ms while it executes itself anew.
  std::string reply;
  Eventually([&] {
    reply = Ask("master.sock", "reload");
    return !reply.empty() && reply != "no connection";
  });
  EXPECT_TRUE(reply.starts_with("Success=1\n")) << reply;
  EXPECT_TRUE(Eventually([this] { return Command("show info").starts_with("Name: HAProxy"); }));
}

std::vector<hap::ServerStateRow> Instance::Servers() const {
  const auto rows = hap::ParseServersState(Command("show servers state"));
  EXPECT_TRUE(rows) << rows.error().message;
  return rows.value_or(std::vector<hap::ServerStateRow>{});
}

std::optional<hap::ServerStateRow> Instance::Server(const std::string& backend,
                                                    const std::string& server) const {
  for (const hap::ServerStateRow& row : Servers()) {
    if (row.backend == backend && row.server == server) return row;
  }
  return std::nullopt;
}

std::vector<std::string> Instance::Map(const std::string& path) const {
  std::vector<std::string> entries;
  std::istringstream reply(Command("show map " + path));
  for (std::string line; std::getline(reply, line);) {
    // "0x7f... key value"
    if (const std::size_t space = line.find(' '); space != std::string::npos) {
      entries.push_back(line.substr(space + 1));
    }
  }
  std::ranges::sort(entries);
  return entries;
}

}  // namespace ballast::testing
