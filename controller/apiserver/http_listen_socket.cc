#include "controller/apiserver/http_listen_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

namespace ballast::apiserver {

namespace {

std::string Reason(int error) { return std::generic_category().message(error); }

// What to do about a socket path: nothing there or nobody answers is fine.
Result<void> CheckSocketPath(const std::string& path) {
  sockaddr_un address{};
  if (path.empty() || path.size() + sizeof(".new") > sizeof address.sun_path) {
    return Error(Code::kInvalidArgument,
                 fmt::format("the socket's path must have 1 to {} characters: {}",
                             sizeof address.sun_path - sizeof(".new"), path));
  }
  struct stat info{};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return Error(Code::kPermissionDenied, fmt::format("socket {}: {}", path, Reason(errno)));
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Error(
        Code::kAlreadyExists,
        fmt::format("{} exists and is no socket; remove it, or choose another --socket", path));
  }
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return Error(Code::kInternal, "socket: " + Reason(errno));
  const bool connected =
      connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  if (!connected && (errno == ECONNREFUSED || errno == ENOENT)) return {};
  // EAGAIN: its queue is full, so somebody listens.
  if (!connected && errno != EAGAIN) {
    return Error(Code::kAlreadyExists,
                 fmt::format("whether somebody answers on {} cannot be seen ({}); remove it if it "
                             "is stale, or choose another --socket",
                             path, Reason(errno)));
  }
  return Error(Code::kAlreadyExists,
               fmt::format("another controller answers on {}; stop it first, or choose another "
                           "--instance, --socket and --state-dir",
                           path));
}

Result<FileDescriptor> Listen(int family, const void* address, socklen_t size, mode_t* mode,
                              const std::string& file) {
  FileDescriptor fd(socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (fd.get() < 0 ||
      (family != AF_UNIX && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
      bind(fd.get(), static_cast<const sockaddr*>(address), size) != 0 ||
      (mode != nullptr && chmod(file.c_str(), *mode) != 0) || listen(fd.get(), SOMAXCONN) != 0) {
    const int error = errno;
    return Error(error == EADDRINUSE ? Code::kAlreadyExists : Code::kFailedPrecondition,
                 Reason(error));
  }
  return fd;
}

std::string FormatAddress(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return fmt::format("[{}]:{}", text.data(), ntohs(v6.sin6_port));
}

}  // namespace

Result<ListenSocket> BindUnix(const std::string& path, mode_t mode) {
  if (auto checked = CheckSocketPath(path); !checked) return std::unexpected(checked.error());
  std::error_code created;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), created);
  // Bound beside and renamed: it never exists with another mode, and replaces a stale one.
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  fresh.copy(address.sun_path, sizeof address.sun_path - 1);
  auto fd = Listen(AF_UNIX, &address, sizeof address, &mode, fresh);
  if (fd && std::rename(fresh.c_str(), path.c_str()) != 0) {
    fd = Error(Code::kFailedPrecondition, Reason(errno));
  }
  if (!fd) {
    unlink(fresh.c_str());
    return Error(
        Code::kFailedPrecondition,
        fmt::format("listen on {}: {}; is its directory writable?", path, fd.error().message));
  }
  ListenSocket made{.fd = std::move(*fd), .name = path};
  if (struct stat info{}; lstat(path.c_str(), &info) == 0) made.inode = info.st_ino;
  return made;
}

void RemoveUnix(const std::string& path, ino_t inode) {
  struct stat info{};
  if (lstat(path.c_str(), &info) == 0 && info.st_ino == inode) unlink(path.c_str());
}

Result<ListenSocket> BindTcp(const std::string& address, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = boost::asio::ip::make_address(address, error);
  if (error) {
    return Error(Code::kInvalidArgument, fmt::format("{} is not an IP address", address));
  }
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (ip.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(ip.to_v4().to_uint());
    size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    const auto bytes = ip.to_v6().to_bytes();
    std::ranges::copy(bytes, v6.sin6_addr.s6_addr);
    v6.sin6_scope_id = static_cast<std::uint32_t>(ip.to_v6().scope_id());
    size = sizeof v6;
  }
  auto fd = Listen(storage.ss_family, &storage, size, nullptr, "");
  if (!fd) {
    return Error(fd.error().code,
                 fmt::format("listen on {}:{}: {}", address, port, fd.error().message));
  }
  size = sizeof storage;
  getsockname(fd->get(), reinterpret_cast<sockaddr*>(&storage), &size);
  const std::string name = FormatAddress(storage);
  const std::uint16_t actual =
      ntohs(storage.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(storage).sin_port
                                         : reinterpret_cast<sockaddr_in6&>(storage).sin6_port);
  return ListenSocket{.fd = std::move(*fd), .name = name, .port = actual};
}

Peer PeerOf(int fd) {
  Peer peer;
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
      address.ss_family != AF_UNIX) {
    peer.address = FormatAddress(address);
    return peer;
  }
  peer.unix_socket = address.ss_family == AF_UNIX;
  peer.address = "unix";
  ucred credentials{};
  size = sizeof credentials;
  if (!peer.unix_socket || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return peer;  // gone already, or nobody we know: nobody's rights
  }
  peer.uid = credentials.uid;
  peer.gid = credentials.gid;
  peer.pid = credentials.pid;
  return peer;
}

void SetOptions(int fd, const Peer& peer) {
  if (peer.unix_socket) return;
  const auto set = [fd](int level, int option, int value) {
    setsockopt(fd, level, option, &value, sizeof value);  // what fails only makes it less good
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  // A client whose machine is gone is noticed, also by a stream that only waits; one that does not
  // read is left alone for as long as HttpLimits::stall.
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 300'000);
  // What a slow reader has not taken waits with us, piece by piece, not in the kernel.
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 64 << 10);
}

}  // namespace ballast::apiserver
