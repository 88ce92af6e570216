#include "controller/haproxy/wake_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/loadbalancer/target.h"

namespace ballast::haproxy {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t kMaxConnections = 64;
constexpr std::size_t kMaxMessage = 4096;
constexpr std::chrono::seconds kPatience{2};
constexpr int kBacklog = 128;

std::unexpected<Status> Failed(std::string_view what, const std::string& path, int error) {
  return Error(error == ENOENT ? Code::kNotFound : Code::kUnavailable,
               fmt::format("{} {}: {}", what, path, std::generic_category().message(error)));
}

std::string SocketName() {
  return std::filesystem::path(reconcilers::haproxy::kWakeSocket).filename().string();
}

// Somebody who sends.
struct Connection {
  FileDescriptor fd;
  std::string text;
  Steady::time_point until;

  // The lines that are complete; false: it is over.
  bool Read(std::vector<std::string>& lines) {
    char chunk[1024];
    const ssize_t count = ::recv(fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    if (count == 0) return false;
    text.append(chunk, static_cast<std::size_t>(count));
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      lines.push_back(text.substr(0, end));
      text.erase(0, end + 1);
    }
    return text.size() < kMaxMessage;
  }
};

}  // namespace

WakeListener::WakeListener(Held held)
    : held_(std::move(held)), interrupt_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WakeListener::~WakeListener() {
  thread_.request_stop();
  Interrupt();
}

void WakeListener::Interrupt() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(interrupt_.get(), &one, sizeof one);
}

// HAProxy's user may write in the run directory, where what is made may be replaced before it got
// its owner. So it is made in the one above, which is the controller's alone, and moved there.
Result<void> WakeListener::Listen(const std::string& run_dir, const Ownership& owner) {
  constexpr int kOpenDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const std::filesystem::path path(run_dir);
  const std::string above = path.parent_path().string();
  const std::string name = SocketName();
  const std::string temporary = fmt::format(".{}-{}", path.filename().string(), name);
  const FileDescriptor parent(::open(above.c_str(), kOpenDirectory));
  const FileDescriptor directory(::open(run_dir.c_str(), kOpenDirectory));
  if (!parent.open() || !directory.open()) return Failed("open directory", run_dir, errno);

  const std::lock_guard lock(mutex_);
  struct stat status{};
  if (const auto known = sockets_.find(run_dir);
      known != sockets_.end() &&
      ::fstatat(directory.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      status.st_ino == known->second->inode) {
    return {};
  }
  Socket made;
  made.fd = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.fd.open()) return Failed("make a socket for", run_dir, errno);
  // By the opened directory: the whole path may be too long for an address.
  const std::string place = fmt::format("{}/{}", PathOf(parent), temporary);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.size() >= sizeof address.sun_path) return Failed("listen at", place, ENAMETOOLONG);
  std::memcpy(address.sun_path, place.c_str(), place.size() + 1);
  ::unlinkat(parent.get(), temporary.c_str(), 0);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): sockets' way
  if (::bind(made.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Failed("listen at", place, errno);
  }
  const bool ready =
      ::fchmodat(parent.get(), temporary.c_str(), 0600, 0) == 0 &&
      (!owner.change ||
       ::fchownat(parent.get(), temporary.c_str(), owner.user, owner.group, 0) == 0) &&
      ::listen(made.fd.get(), kBacklog) == 0 &&
      ::fstatat(parent.get(), temporary.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      ::renameat(parent.get(), temporary.c_str(), directory.get(), name.c_str()) == 0;
  if (!ready) {
    const int error = errno;
    ::unlinkat(parent.get(), temporary.c_str(), 0);
    return Failed("listen at", run_dir + "/" + name, error);
  }
  made.inode = status.st_ino;
  sockets_[run_dir] = std::make_shared<const Socket>(std::move(made));
  if (!thread_.joinable()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  Interrupt();
  return {};
}

void WakeListener::Close(const std::string& run_dir) {
  const std::lock_guard lock(mutex_);
  if (sockets_.erase(run_dir) > 0) Interrupt();
}

void WakeListener::Run(const std::stop_token& stop) {
  std::vector<Connection> connections;
  while (!stop.stop_requested()) {
    std::vector<std::shared_ptr<const Socket>> sockets;  // those that are waited for
    if (connections.size() < kMaxConnections) {
      const std::lock_guard lock(mutex_);
      for (const auto& [run_dir, socket] : sockets_) sockets.push_back(socket);
    }
    std::vector<pollfd> polled{{interrupt_.get(), POLLIN, 0}};
    for (const auto& socket : sockets) polled.push_back({socket->fd.get(), POLLIN, 0});
    for (const Connection& connection : connections) {
      polled.push_back({connection.fd.get(), POLLIN, 0});
    }
    const auto timeout =
        connections.empty() ? -1 : static_cast<int>(kPatience / std::chrono::milliseconds(1));
    if (::poll(polled.data(), polled.size(), timeout) < 0) continue;
    std::uint64_t ignored = 0;
    if (polled.front().revents != 0 && ::read(interrupt_.get(), &ignored, sizeof ignored) < 0 &&
        errno != EAGAIN) {
      return;
    }
    std::vector<std::string> lines;
    const auto now = Steady::now();
    std::size_t at = 1 + sockets.size();
    std::erase_if(connections, [&](Connection& connection) {
      const bool readable = polled[at++].revents != 0;
      return (readable && !connection.Read(lines)) || now >= connection.until;
    });
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      if (polled[1 + i].revents == 0) continue;
      FileDescriptor accepted(
          ::accept4(sockets[i]->fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (accepted.open()) connections.push_back({std::move(accepted), "", now + kPatience});
    }
    for (const std::string& line : lines) {
      if (reconcilers::haproxy::CheckName(line)) held_(reconcilers::AppOfBackend(line));
    }
  }
}

}  // namespace ballast::haproxy
