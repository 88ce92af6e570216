#include "controller/haproxy/socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "controller/haproxy/directory.h"

namespace ballast::haproxy {
namespace {

constexpr std::string_view kPrompt = "\n> ";
// HAProxy reads a line into one buffer; more than some of them at once only wait in the socket.
constexpr std::size_t kBatchBytes = 8 * 1024;
constexpr std::size_t kMaxReply = std::size_t{256} << 20;

// Not there yet, or any more: tried again, as when nobody listens.
std::unexpected<Status> NotThere(Status why) {
  if (why.code == Code::kNotFound) why.code = Code::kUnavailable;
  return std::unexpected(std::move(why));
}

std::string Errno(int error) { return std::generic_category().message(error); }

}  // namespace

UnixSocket& UnixSocket::operator=(UnixSocket&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = other.fd_;
    other.fd_ = -1;
  }
  return *this;
}

void UnixSocket::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void UnixSocket::HalfClose() { ::shutdown(fd_, SHUT_WR); }

Result<UnixSocket> UnixSocket::Connect(const std::string& path, Deadline deadline) {
  // HAProxy's user may put a link in its place, to a socket that only root may use.
  const std::size_t slash = path.rfind('/');
  const Result<Directory> directory = Directory::Open(path.substr(0, slash));
  if (!directory) return NotThere(directory.error());
  const Result<FileDescriptor> file = directory->FindSocket(path.substr(slash + 1));
  if (!file) return NotThere(file.error());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string same = PathOf(*file);
  std::memcpy(address.sun_path, same.data(), same.size());
  UnixSocket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.open()) return Error(Code::kUnavailable, "socket: " + Errno(errno));
  while (::connect(socket.fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN && error != EINPROGRESS) {
      return Error(error == EACCES ? Code::kPermissionDenied : Code::kUnavailable,
                   fmt::format("connect to {}: {}", path, Errno(error)));
    }
    // A full queue of connections: nothing tells when there is room.
    if (std::chrono::steady_clock::now() >= deadline) {
      return Error(Code::kTimeout, fmt::format("connect to {}: too many wait already", path));
    }
    ::poll(nullptr, 0, 1);
  }
  return socket;
}

Result<int> UnixSocket::Poll(int events, Deadline deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Error(Code::kTimeout, "HAProxy does not answer in time");
    pollfd entry{fd_, static_cast<std::int16_t>(events), 0};
    const int ready =
        ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0) return entry.revents;
    if (ready < 0 && errno != EINTR) return Error(Code::kUnavailable, "poll: " + Errno(errno));
  }
}

Result<void> UnixSocket::Write(std::string_view data, std::string& received, Deadline deadline) {
  while (!data.empty()) {
    const ssize_t written = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
    if (written > 0) {
      data.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno != EAGAIN) {
      return Error(Code::kUnavailable, "write to HAProxy: " + Errno(errno));
    }
    const Result<int> ready = Poll(POLLIN | POLLOUT, deadline);
    if (!ready) return std::unexpected(ready.error());
    if ((*ready & POLLIN) != 0) {
      const Result<bool> more = Read(received, deadline);
      if (!more) return std::unexpected(more.error());
      if (!*more) return Error(Code::kUnavailable, "HAProxy closed the connection");
    }
  }
  return {};
}

Result<bool> UnixSocket::Read(std::string& received, Deadline deadline) {
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t count = ::recv(fd_, chunk, sizeof chunk, 0);
    if (count > 0) {
      received.append(chunk, static_cast<std::size_t>(count));
      if (received.size() > kMaxReply) return Error(Code::kInternal, "HAProxy's reply is endless");
      return true;
    }
    if (count == 0) return false;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Error(Code::kUnavailable, "read from HAProxy: " + Errno(errno));
    if (const Result<int> ready = Poll(POLLIN, deadline); !ready) {
      return std::unexpected(ready.error());
    }
  }
}

Result<std::string> OneShot(const std::string& path, std::string_view command, AfterSend after,
                            Deadline deadline) {
  Result<UnixSocket> socket = UnixSocket::Connect(path, deadline);
  if (!socket) return std::unexpected(socket.error());
  std::string received;
  if (Result<void> sent = socket->Write(std::string(command) + "\n", received, deadline); !sent) {
    return std::unexpected(sent.error());
  }
  if (after == AfterSend::kHalfClose) socket->HalfClose();
  for (;;) {
    const Result<bool> more = socket->Read(received, deadline);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
  }
  if (received.ends_with("\n\n")) received.pop_back();
  return received;
}

Result<void> PromptConnection::Open(const std::string& path, Deadline deadline) {
  Close();
  Result<UnixSocket> socket = UnixSocket::Connect(path, deadline);
  if (!socket) return std::unexpected(socket.error());
  socket_ = std::move(*socket);
  Result<void> opened = socket_.Write("prompt\n", buffer_, deadline);
  if (opened) {
    if (const Result<std::string> greeting = ReadReply(deadline); !greeting) {
      opened = std::unexpected(greeting.error());
    } else if (!greeting->empty()) {
      opened = Error(Code::kInternal, "HAProxy does not know `prompt`: " + *greeting);
    }
  }
  if (!opened) Close();
  return opened;
}

void PromptConnection::Close() {
  socket_.Close();
  buffer_.clear();
}

Result<std::vector<std::string>> PromptConnection::Run(const std::vector<std::string>& commands,
                                                       Deadline deadline) {
  std::vector<std::string> replies;
  replies.reserve(commands.size());
  const auto read_until = [&](std::size_t count) -> Result<void> {
    while (replies.size() < count) {
      Result<std::string> reply = ReadReply(deadline);
      if (!reply) return std::unexpected(reply.error());
      // In a payload each line is asked for with "+ ".
      if (commands[replies.size()].find("<<") != std::string::npos) {
        while (reply->starts_with("+ ")) reply->erase(0, 2);
      }
      replies.push_back(std::move(*reply));
    }
    return {};
  };
  std::string batch;
  Result<void> done;
  for (std::size_t i = 0; i < commands.size() && done; ++i) {
    batch += commands[i] + "\n";
    if (i + 1 < commands.size() && batch.size() + commands[i + 1].size() < kBatchBytes) continue;
    done = socket_.Write(batch, buffer_, deadline);
    batch.clear();
    if (done) done = read_until(i + 1);
  }
  if (!done) {
    Close();
    return std::unexpected(done.error());
  }
  return replies;
}

Result<std::string> PromptConnection::ReadReply(Deadline deadline) {
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = buffer_.find(kPrompt, searched);
    if (end != std::string::npos) {
      std::string reply = buffer_.substr(0, end);
      buffer_.erase(0, end + kPrompt.size());
      return reply;
    }
    searched = buffer_.size() < kPrompt.size() ? 0 : buffer_.size() - kPrompt.size();
    const Result<bool> more = socket_.Read(buffer_, deadline);
    if (!more) return std::unexpected(more.error());
    if (!*more) return Error(Code::kUnavailable, "HAProxy closed the connection");
  }
}

}  // namespace ballast::haproxy
