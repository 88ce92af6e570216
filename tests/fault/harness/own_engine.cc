#include "tests/fault/harness/own_engine.h"

#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace ballast::fault {
namespace {

int Connect(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

bool WriteAll(int fd, const char* data, ssize_t size) {
  while (size > 0) {
    const ssize_t n = send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    size -= n;
  }
  return true;
}

}  // namespace

OwnEngine::OwnEngine(const std::string& directory)
    : directory_(directory), bridge_("btest" + std::to_string(getpid())) {
  std::filesystem::create_directories(directory_);
  // A default bridge of its own: `--bridge=none` would delete docker0, which is the machine's.
  MustRun({"ip", "link", "add", bridge_, "type", "bridge"});
  MustRun({"ip", "addr", "add", "10.251.251.1/24", "dev", bridge_});
}

OwnEngine::~OwnEngine() {
  Stop();
  containerd_.Signal(SIGTERM);
  containerd_.Wait();
  ballast::fault::Run({"ip", "link", "del", bridge_});
  // What it mounted goes with it; a busy mount would keep the directory.
  std::ifstream mounts("/proc/self/mounts");
  std::vector<std::string> targets;
  for (std::string device, target, rest;
       mounts >> device >> target && std::getline(mounts, rest);) {
    if (target.starts_with(directory_)) targets.push_back(target);
  }
  for (auto it = targets.rbegin(); it != targets.rend(); ++it) umount2(it->c_str(), MNT_DETACH);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void OwnEngine::Start() {
  const std::string containerd = directory_ + "/containerd.sock";
  if (!containerd_.Running()) {
    std::ofstream(directory_ + "/containerd.toml")
        << "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\", "
           "\"io.containerd.internal.v1.opt\"]\n";
    containerd_ = Child({"containerd", "--config", directory_ + "/containerd.toml", "--root",
                         directory_ + "/containerd", "--state", directory_ + "/containerd-state",
                         "--address", containerd},
                        directory_ + "/containerd.log");
  }
  std::filesystem::remove(directory_ + "/docker.pid");
  dockerd_ =
      Child({"dockerd", "--data-root", directory_ + "/data", "--exec-root", directory_ + "/exec",
             "--containerd", containerd, "--pidfile", directory_ + "/docker.pid", "-H",
             "unix://" + socket(), "--bridge=" + bridge_, "--iptables=false", "--ip-masq=false"},
            directory_ + "/dockerd.log");
  const bool answers = Eventually(
      [&] { return Run({"docker", "-H", "unix://" + socket(), "version"}).exit_code == 0; },
      std::chrono::seconds(60), std::chrono::milliseconds(100));
  if (!answers) {
    throw std::runtime_error("dockerd does not answer: " +
                             Run({"tail", "-n", "20", directory_ + "/dockerd.log"}).output);
  }
}

void OwnEngine::Stop() {
  dockerd_.Signal(SIGTERM);
  dockerd_.Wait();
}

void OwnEngine::Kill() { dockerd_.Kill(); }

void OwnEngine::CopyImages(const std::vector<std::string>& images) {
  const std::string file = directory_ + "/images.tar";
  std::vector<std::string> save{"docker", "save", "-o", file};
  save.insert(save.end(), images.begin(), images.end());
  MustRun(save);
  MustRun({"docker", "-H", "unix://" + socket(), "load", "-i", file});
  std::filesystem::remove(file);
}

struct SocketProxy::Impl {
  std::string path;
  std::string upstream;
  int listener = -1;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  bool cut = false;          // guarded by mutex
  std::map<int, int> peers;  // guarded by mutex: each end to the other
  std::jthread thread;

  void CloseAll() {
    for (const auto& [fd, peer] : peers) close(fd);
    peers.clear();
  }

  void Step() {
    std::vector<pollfd> fds{{listener, POLLIN, 0}};
    {
      const std::lock_guard lock(mutex);
      for (const auto& [fd, peer] : peers) fds.push_back({fd, POLLIN, 0});
    }
    if (poll(fds.data(), fds.size(), 20) <= 0) return;
    const std::lock_guard lock(mutex);
    if (fds[0].revents != 0) {
      const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      const int server = cut || client < 0 ? -1 : Connect(upstream);
      if (server < 0) {
        if (client >= 0) close(client);
      } else {
        peers[client] = server;
        peers[server] = client;
      }
    }
    for (std::size_t i = 1; i < fds.size(); ++i) {
      const auto it = peers.find(fds[i].fd);
      if (fds[i].revents == 0 || it == peers.end()) continue;
      std::array<char, 16384> buffer{};
      const ssize_t n = recv(it->first, buffer.data(), buffer.size(), 0);
      if (n > 0 && WriteAll(it->second, buffer.data(), n)) continue;
      const int peer = it->second;
      close(it->first);
      close(peer);
      peers.erase(it);
      peers.erase(peer);
    }
  }
};

SocketProxy::SocketProxy(std::string path, std::string upstream) : impl_(new Impl) {
  impl_->path = std::move(path);
  impl_->upstream = std::move(upstream);
  impl_->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  impl_->path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  if (bind(impl_->listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      listen(impl_->listener, 64) != 0) {
    throw std::runtime_error("cannot listen on " + impl_->path);
  }
  impl_->thread = std::jthread([this] {
    while (!impl_->stop) impl_->Step();
  });
}

SocketProxy::~SocketProxy() {
  impl_->stop = true;
  impl_->thread.join();
  impl_->CloseAll();
  close(impl_->listener);
  unlink(impl_->path.c_str());
  delete impl_;
}

void SocketProxy::Cut() {
  const std::lock_guard lock(impl_->mutex);
  impl_->cut = true;
  impl_->CloseAll();
}

void SocketProxy::Restore() {
  const std::lock_guard lock(impl_->mutex);
  impl_->cut = false;
}

}  // namespace ballast::fault
