#include "tests/fault/harness/stack.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>

namespace ballast::fault {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// One command over a unix socket, read to the end.
std::string Ask(const std::string& path, const std::string& command) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    return "";
  }
  const std::string line = command + "\n";
  std::string reply;
  if (write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    // HAProxy's master socket stays open otherwise; an HTTP server may take it for a client gone.
    if (!command.starts_with("GET ")) shutdown(fd, SHUT_WR);
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = read(fd, buffer.data(), buffer.size())) > 0;) {
      reply.append(buffer.data(), static_cast<std::size_t>(n));
    }
  }
  close(fd);
  return reply;
}

const json* Find(const json& status, const std::string& app) {
  const auto apps = status.find("webapps");
  if (apps == status.end()) return nullptr;
  for (const json& entry : *apps) {
    if (entry.value("name", "") == app) return &entry;
  }
  return nullptr;
}

}  // namespace

std::string Stack::Unavailable() {
  if (Run({"docker", "version", "--format", "{{.Server.Version}}"}).exit_code != 0) {
    return "no Docker Engine answers: run hack/test, which starts one";
  }
  for (const char* image : {"ballast/hello:latest", "ballast/haproxy:latest"}) {
    if (Run({"docker", "image", "inspect", image}).exit_code != 0) {
      return std::string("image ") + image + " is missing: run hack/images";
    }
  }
  return "";
}

Stack::Stack(StackOptions options) : options_(std::move(options)) {
  std::random_device random;
  char suffix[16];
  std::snprintf(suffix, sizeof(suffix), "%06x", random() & 0xffffffU);
  instance_ = std::string("t") + suffix;
  dir_ = "/tmp/ballast-" + instance_;
  for (const char* sub : {"", "/manifests", "/state", "/run"}) fs::create_directory(dir_ + sub);
  // HAProxy runs as another user and must reach its directories below.
  for (const char* sub : {"", "/state", "/run"}) fs::permissions(dir_ + sub, fs::perms(0755));
  port_ = FreePort();
  do {
    stats_port_ = FreePort();
  } while (stats_port_ == port_);
  ApplyLoadBalancer();
}

Stack::~Stack() {
  try {
    RemoveEverything();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cleaning up %s: %s\n", instance_.c_str(), error.what());
  }
}

void Stack::RemoveEverything() {
  controller_.Kill();
  if (container_started_) {
    TryDocker({"rm", "-f", "ballast-controller-" + instance_});
  }
  const std::string owner = "label=ballast.dev/owner=" + instance_;
  for (const char* kind : {"container", "network", "volume"}) {
    std::vector<std::string> list{kind, "ls", "-q", "--filter", owner};
    if (std::string(kind) == "container") list.insert(list.begin() + 2, "-a");
    for (const std::string& id : Lines(TryDocker(list).output)) {
      std::vector<std::string> remove{kind, "rm", id};
      if (std::string(kind) == "container") remove.insert(remove.begin() + 2, {"-f", "-v"});
      TryDocker(remove);
    }
  }
  if (std::getenv("BALLAST_KEEP") == nullptr) fs::remove_all(dir_);
}

void Stack::StartController() {
  std::vector<std::string> flags{"controller",
                                 "--instance=" + instance_,
                                 "--manifests=" + manifests(),
                                 "--state-dir=" + dir_ + "/state",
                                 "--run-dir=" + dir_ + "/run",
                                 "--socket=" + socket(),
                                 "--docker-host=unix://" + options_.docker_host,
                                 "--metrics-address="};
  flags.insert(flags.end(), options_.more_flags.begin(), options_.more_flags.end());
  if (!options_.controller_in_container) {
    flags.insert(flags.begin(), BALLAST_BINARY);
    controller_ = Child(flags, dir_ + "/controller.log");
    return;
  }
  const std::string name = "ballast-controller-" + instance_;
  if (container_started_) {
    Docker({"start", name});
    return;
  }
  std::vector<std::string> run{"run", "-d", "--name", name, "--network", "host",
                               // The binary under test, not the one of the image.
                               "-v", std::string(BALLAST_BINARY) + ":/usr/local/bin/ballast:ro",
                               "-v", options_.docker_host + ":" + options_.docker_host, "-v",
                               dir_ + ":" + dir_, "ballast/controller:latest"};
  run.insert(run.end(), flags.begin(), flags.end());
  Docker(run);
  container_started_ = true;
}

void Stack::KillController() {
  if (options_.controller_in_container) {
    Docker({"kill", "-s", "KILL", "ballast-controller-" + instance_});
  } else {
    controller_.Kill();
  }
}

void Stack::StopController() {
  if (options_.controller_in_container) {
    Docker({"stop", "ballast-controller-" + instance_});
  } else {
    controller_.Signal(SIGTERM);
    controller_.Wait();
  }
}

bool Stack::ControllerRunning() { return controller_.Running(); }

void Stack::Write(const std::string& file, const std::string& text) {
  const std::string next = manifests() + "/.next";  // beside it: the directory may be a mount
  std::ofstream(next) << text;
  fs::rename(next, manifests() + "/" + file);
}

void Stack::Delete(const std::string& file) { fs::remove(manifests() + "/" + file); }

void Stack::ApplyLoadBalancer(const std::string& more_spec) {
  std::ostringstream out;
  out << "apiVersion: ballast.dev/v1alpha1\nkind: LoadBalancer\nmetadata: {name: default}\nspec:\n"
      << "  hostNetwork: " << (options_.host_network ? "true" : "false") << "\n"
      << "  listeners: [{name: http, port: " << port_ << ", protocol: HTTP}]\n"
      << "  stats: {port: " << stats_port_ << "}\n"
      << more_spec;
  Write("load-balancer.yaml", out.str());
}

void Stack::Apply(const App& app) {
  std::ostringstream out;
  out << "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: " << app.name
      << "}\nspec:\n  replicas: " << app.replicas << "\n"
      << app.more_spec << "  template:\n    spec:\n"
      << app.more_template << "      containers:\n      - name: web\n        image: " << app.image
      << "\n        ports: [{containerPort: 8080}]\n";
  if (app.readiness_probe) {
    out << "        readinessProbe: {httpGet: {path: /healthz}, periodSeconds: 1}\n";
  }
  if (!app.env.empty()) {
    out << "        env:\n";
    for (const auto& [name, value] : app.env) {
      out << "        - {name: " << name << ", value: \"" << value << "\"}\n";
    }
  }
  out << app.more_container << "  routes:\n  - {host: " << app.host << ", path: " << app.path
      << "}\n";
  Write(app.name + ".yaml", out.str());
}

json Stack::Status() {
  const CommandResult result =
      Run({BALLAST_BINARY, "status", "-o", "json", "--socket=" + socket()});
  if (result.exit_code != 0) return nullptr;
  return json::parse(result.output, nullptr, false);
}

std::string Stack::Metrics() {
  return Ask(socket(), "GET /metrics HTTP/1.1\r\nHost: ballast\r\nConnection: close\r\n\r");
}

bool Stack::WaitSettled(const std::string& app, int replicas, std::chrono::seconds deadline) {
  return Eventually(
      [&] {
        const json status = Status();
        if (!status.is_object()) return false;
        const json* entry = Find(status, app);
        if (entry == nullptr) return false;
        const json& s = entry->at("status");
        if (s.value("replicas", -1) != replicas || s.value("inServiceReplicas", -1) != replicas ||
            s.value("updatedReplicas", -1) != replicas) {
          return false;
        }
        return Inconsistency(app, replicas).empty();
      },
      deadline, std::chrono::milliseconds(100));
}

std::string Stack::Revision(const std::string& app) {
  const json status = Status();
  const json* entry = status.is_object() ? Find(status, app) : nullptr;
  return entry == nullptr ? "" : entry->at("status").value("currentRevision", "");
}

bool Stack::WaitRolledOut(const std::string& app, int replicas, const std::string& old_revision,
                          std::chrono::seconds deadline) {
  return Eventually(
      [&] {
        const std::string now = Revision(app);
        if (now.empty() || now == old_revision) return false;
        return Inconsistency(app, replicas).empty() &&
               std::ranges::all_of(Containers(app), [&](const std::string& name) {
                 return name.find("-" + now + "-") != std::string::npos;
               });
      },
      deadline, std::chrono::milliseconds(100));
}

CommandResult Stack::TryDocker(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{"docker", "-H", "unix://" + options_.docker_host};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Run(argv);
}

std::string Stack::Docker(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{"docker", "-H", "unix://" + options_.docker_host};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return MustRun(argv);
}

std::vector<std::string> Stack::Containers(const std::string& app, bool running_only) {
  std::vector<std::string> argv{"ps",
                                "--format",
                                "{{.Names}}",
                                "--filter",
                                "label=ballast.dev/owner=" + instance_,
                                "--filter",
                                "label=ballast.dev/webapp=" + app};
  if (!running_only) argv.emplace_back("-a");
  std::vector<std::string> names = Lines(Docker(argv));
  std::ranges::sort(names);
  return names;
}

std::string Stack::HaproxyContainer() {
  const auto names = Lines(
      Docker({"ps", "--format", "{{.Names}}", "--filter", "label=ballast.dev/owner=" + instance_,
              "--filter", "label=ballast.dev/loadbalancer-role=haproxy"}));
  return names.empty() ? "" : names.front();
}

std::string Stack::HaproxySocket(const std::string& file) {
  // The newest instance that has one: <state-dir>/run/lb/default/<n>/.
  std::string best;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(dir_ + "/state", ignored)) {
    if (entry.path().filename() == file && entry.path().string() > best) {
      best = entry.path().string();
    }
  }
  return best;
}

std::string Stack::Haproxy(const std::string& command) {
  return Ask(HaproxySocket("admin.sock"), command);
}

std::map<std::string, std::string> Stack::Servers(const std::string& app) {
  std::map<std::string, std::string> servers;
  for (const std::string& line : Lines(Haproxy("show servers state default_" + app))) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    if (words.size() < 8 || words[0] == "#" || words[0] == "1") {
      if (words.size() < 8 || words[1] != "default_" + app) continue;
    }
    if (words[1] != "default_" + app) continue;
    servers[words[3]] = words[6] + "/" + words[5];
  }
  return servers;
}

int Stack::Reloads() {
  // "7 master 3 [failed: 0] ...": how often the master has reloaded.
  for (const std::string& line : Lines(Ask(HaproxySocket("master.sock"), "show proc"))) {
    std::istringstream in(line);
    std::string pid;
    std::string type;
    int reloads = 0;
    if (in >> pid >> type >> reloads && type == "master") return reloads;
  }
  return -1;
}

std::string Stack::Inconsistency(const std::string& app, int replicas) {
  const std::vector<std::string> containers = Containers(app);
  std::string what;
  if (static_cast<int>(containers.size()) != replicas) {
    what += std::to_string(containers.size()) + " containers instead of " +
            std::to_string(replicas) + "; ";
  }
  const auto servers = Servers(app);
  std::set<std::string> expected;
  for (const std::string& name : containers) {  // <instance>.default.<replica>.<attempt>
    const std::size_t first = name.find('.', name.find('.') + 1);
    expected.insert(name.substr(first + 1, name.rfind('.') - first - 1));
  }
  for (const std::string& server : expected) {
    if (!servers.contains(server)) what += "no server " + server + "; ";
  }
  for (const auto& [server, state] : servers) {
    if (!expected.contains(server)) what += "server " + server + " without a container; ";
    // Up and ready; bit 4 (`disabled` in the file once) does not count.
    if (state != "0/2" && state != "4/2") what += server + " is " + state + "; ";
  }
  return what;
}

std::string Stack::Log(int lines) {
  std::vector<std::string> all;
  if (options_.controller_in_container) {
    all = Lines(
        TryDocker({"logs", "--tail", std::to_string(lines), "ballast-controller-" + instance_})
            .output);
  } else {
    std::ifstream in(dir_ + "/controller.log");
    for (std::string line; std::getline(in, line);) all.push_back(line);
  }
  std::string text;
  const std::size_t begin = all.size() > static_cast<std::size_t>(lines)
                                ? all.size() - static_cast<std::size_t>(lines)
                                : 0;
  for (std::size_t i = begin; i < all.size(); ++i) text += all[i] + "\n";
  return text;
}

std::string Stack::HaproxyLog(int lines) {
  const std::string name = HaproxyContainer();
  if (name.empty()) return "no container\n";
  return TryDocker({"logs", "--timestamps", "--tail", std::to_string(lines), name}).output;
}

}  // namespace ballast::fault
