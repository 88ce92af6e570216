#include "tests/integration/dataplane/live.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "controller/docker/docker_engine.h"
#include "controller/haproxy/data_plane_factory.h"

namespace ballast::live {
namespace {

using std::chrono::milliseconds;

const api::ObjectKey kKey{"LoadBalancer", "", "lb"};

int Connect(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  ::close(fd);
  return -1;
}

}  // namespace

std::string Shell(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string output;
  std::array<char, 4096> chunk{};
  while (std::fgets(chunk.data(), chunk.size(), pipe) != nullptr) output += chunk.data();
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << output;
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

int StatusOf(std::uint16_t port, const std::string& host, milliseconds patience) {
  const int fd = Connect(port);
  if (fd < 0) return 0;
  const std::string request = "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  std::string reply;
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> chunk{};
    pollfd entry{fd, POLLIN, 0};
    while (reply.size() < 12 && ::poll(&entry, 1, static_cast<int>(patience.count())) > 0) {
      const ssize_t count = ::recv(fd, chunk.data(), chunk.size(), 0);
      if (count <= 0) break;
      reply.append(chunk.data(), static_cast<std::size_t>(count));
    }
  }
  ::close(fd);
  return reply.size() < 12 ? 0 : std::atoi(reply.c_str() + 9);
}

std::uint16_t FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ::close(fd);
  return ntohs(address.sin_port);
}

App::App(const std::string& name) : name_(name), port_(FreePort()) {
  const std::string program = std::string(BALLAST_BINARY_DIR) + "/bin/hello";
  const std::string port = fmt::format("--port={}", port_);
  std::array<char*, 3> arguments{const_cast<char*>(program.c_str()),
                                 const_cast<char*>(port.c_str()), nullptr};
  EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ), 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int fd = -1; fd < 0 && std::chrono::steady_clock::now() < deadline;) {
    fd = Connect(port_);
    if (fd >= 0) {
      ::close(fd);
    } else {
      ::poll(nullptr, 0, 10);
    }
  }
}

App::~App() { Kill(); }

void App::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

reconcilers::Endpoint App::endpoint() const {
  return {.server = name_,
          .container_id = fmt::format("process-{}", port_),
          .address = "127.0.0.1",
          .port = port_,
          .network = "ballast"};
}

void Live::SetUp() {
  engine = docker::NewDockerEngine({});
  if (const auto version = engine->Version(); !version) {
    GTEST_SKIP() << "SKIPPED: " << version.error().message;
  }
  if (const auto image = engine->InspectImage(kImage); !image) {
    GTEST_SKIP() << "SKIPPED: " << image.error().message << "; run hack/images";
  }
  static int count = 0;
  owner = fmt::format("it{}-{}", ::getpid(), ++count);
  root = "/tmp/" + owner;
  planes = haproxy::NewDataPlaneFactory(
      {.config_root = root, .run_root = root + "/r", .held = held}, *engine);
  lister = std::make_unique<fakes::FakeContainerLister>(engine.get());
  spec.listeners = {{.name = "http", .port = FreePort()}};
  spec.stats_port = FreePort();
  Restart();
}

void Live::Restart() {
  jobs = std::make_unique<fakes::FakeJobs>(clock, &enqueuer);
  manager = std::make_unique<reconcilers::TrafficManager>(
      reconcilers::TrafficDependencies{clock, desired, *lister, *planes, enqueuer, events, metrics,
                                       secrets},
      owner);
  reconciler = std::make_unique<reconcilers::LoadBalancerReconciler>(
      reconcilers::LoadBalancerDependencies{desired, *lister, *engine, *manager, *planes, *jobs,
                                            status, events, clock},
      owner);
}

void Live::TearDown() {
  if (owner.empty()) return;
  if (HasFailure()) {
    for (const auto& event : events.Events()) {
      std::fprintf(stderr, "event %s: %s\n", event.reason.c_str(), event.message.c_str());
    }
    for (const auto& c : status.load_balancers["lb"].conditions) {
      std::fprintf(stderr, "condition %s %s\n", c.type.c_str(), c.message.c_str());
    }
  }
  const auto mine = engine->ListContainers(std::string(api::kLabelOwner) + "=" + owner);
  if (mine) {
    for (const auto& info : *mine) EXPECT_TRUE(engine->RemoveContainer(info.id));
  }
  if (const auto networks = engine->ListNetworks()) {
    for (const auto& network : *networks) {
      if (network.name.find(owner) != std::string::npos) {
        EXPECT_TRUE(engine->RemoveNetwork(network.name));
      }
    }
  }
  std::filesystem::remove_all(root);
}

void Live::Step() {
  lister->Sync();
  auto object = std::make_shared<api::LoadBalancer>();
  object->meta.name = "lb";
  object->meta.ns = "";
  object->spec = spec;
  desired.load_balancers["lb"] = object;
  const auto outcome = reconciler->Reconcile(kKey);
  EXPECT_TRUE(outcome);
  drive_again = outcome && outcome->requeue_after ? *outcome->requeue_after : milliseconds(1000);
  RunJobs();
}

// Also those that jobs start.
void Live::RunJobs() {
  for (auto waiting = jobs->Waiting(); !waiting.empty(); waiting = jobs->Waiting()) {
    jobs->Run(waiting.front());
  }
}

bool Live::Until(const std::function<bool()>& holds) {
  const auto deadline = clock.Now() + std::chrono::seconds(30);
  while (clock.Now() < deadline) {
    Step();
    if (holds()) return true;
    ::poll(nullptr, 0, static_cast<int>(std::min(drive_again, milliseconds(20)).count()));
  }
  return false;
}

void Live::Settle() {
  EXPECT_TRUE(Until([&] { return drive_again > milliseconds(600) && jobs->Waiting().empty(); }));
}

bool Live::Serves(const std::string& host, int wanted) {
  return StatusOf(spec.listeners.front().port, host) == wanted;
}

Result<void> Live::Publish(const std::string& app, std::vector<reconcilers::Endpoint> endpoints,
                           std::vector<std::string> dead, api::Traffic traffic) {
  std::ranges::sort(endpoints, {}, &reconcilers::Endpoint::server);
  const std::vector<api::Route> routes{{.host = app + ".test", .load_balancer = "lb"}};
  desired.Add(app, routes);
  return manager->Publish({.app = reconcilers::App(app),
                           .routes = routes,
                           .traffic = std::move(traffic),
                           .endpoints = std::move(endpoints),
                           .dead = std::move(dead),
                           .hold_seconds = hold_seconds});
}

std::string Live::Condition(const std::string& type) {
  for (const api::Condition& condition : Status().conditions) {
    if (condition.type == type) return condition.message;
  }
  return "";
}

std::vector<std::string> Live::Containers() {
  lister->Sync();
  std::vector<std::string> names;
  for (const auto& view : reconcilers::InstancesOf("lb", owner, lister->ForLoadBalancer("lb"))) {
    if (view.info->state == reconcilers::ContainerState::kRunning) names.push_back(view.info->name);
  }
  return names;
}

}  // namespace ballast::live
