#include "controller/apiserver/http_server.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <list>
#include <thread>
#include <vector>

#include "controller/apiserver/http_session.h"

namespace ballast::apiserver {

namespace net = boost::asio;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};  // after "too many open files"

class ListenerBase {
 public:
  virtual ~ListenerBase() = default;
  virtual void Start() = 0;
  virtual void Close() = 0;
};

template <typename Protocol>
class Listener final : public ListenerBase {
 public:
  Listener(net::io_context& io, HttpLimits limits, HttpHandler handler,
           reconcilers::Metrics& metrics)
      : acceptor(io),
        pause_(io),
        limits_(limits),
        handler_(std::move(handler)),
        metrics_(metrics) {}

  void Start() override { Accept(); }

  void Close() override {
    boost::system::error_code ignored;
    acceptor.close(ignored);
    pause_.cancel();
    for (const auto& weak : sessions_) {
      if (const auto session = weak.lock()) session->Close();
    }
  }

  typename Protocol::acceptor acceptor;

 private:
  void Accept() {
    acceptor.async_accept(
        [this](boost::system::error_code error, typename Protocol::socket socket) {
          if (!acceptor.is_open()) return;
          if (error) return AcceptLater();
          Admit(std::move(socket));
          Accept();
        });
  }

  void AcceptLater() {
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([this](boost::system::error_code error) {
      if (!error && acceptor.is_open()) Accept();
    });
  }

  void Admit(typename Protocol::socket socket) {
    sessions_.remove_if([](const auto& weak) { return weak.expired(); });
    if (sessions_.size() >= limits_.connections && !MakeRoom()) {
      metrics_.Add("ballast_http_connections_refused_total", 1, {});
      return;  // closes it
    }
    const auto session =
        std::make_shared<Session<Protocol>>(std::move(socket), limits_, handler_, metrics_);
    sessions_.push_back(session);
    session->Read();
  }

  bool MakeRoom() {
    auto longest = sessions_.end();
    std::optional<std::chrono::steady_clock::time_point> since;
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
      const auto session = it->lock();
      const auto silent = session ? session->SilentSince() : std::nullopt;
      if (silent && (!since || *silent < *since)) {
        since = silent;
        longest = it;
      }
    }
    if (longest == sessions_.end()) return false;
    metrics_.Add("ballast_http_connections_refused_total", 1, {});
    if (const auto session = longest->lock()) session->Close();
    sessions_.erase(longest);
    return true;
  }

  net::steady_timer pause_;
  const HttpLimits limits_;
  const HttpHandler handler_;
  reconcilers::Metrics& metrics_;
  std::list<std::weak_ptr<SessionBase>> sessions_;
};

std::string Reason(int error) { return std::strerror(error); }  // NOLINT(concurrency-mt-unsafe)

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
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Error(Code::kInternal, "socket: " + Reason(errno));
  const int connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  close(fd);
  // EAGAIN: its queue is full, so somebody listens.
  if (connected != 0 && connected != EAGAIN) return {};
  return Error(Code::kAlreadyExists,
               fmt::format("another controller answers on {}; stop it first, or choose another "
                           "--instance, --socket and --state-dir",
                           path));
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(reconcilers::Metrics& metrics, HttpLimits limits) : metrics_(metrics), limits_(limits) {}
  ~Impl() { Stop(); }

  Result<void> ListenUnix(const std::string& path, mode_t mode, HttpHandler handler) {
    if (auto checked = CheckSocketPath(path); !checked) return checked;
    std::error_code created;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), created);
    auto listener = std::make_unique<Listener<net::local::stream_protocol>>(
        io_, limits_, std::move(handler), metrics_);
    // Bound beside and renamed: it never exists with another mode, and replaces a stale one.
    const std::string fresh = path + ".new";
    unlink(fresh.c_str());
    boost::system::error_code error;
    listener->acceptor.open({}, error);
    if (!error) listener->acceptor.bind(net::local::stream_protocol::endpoint(fresh), error);
    if (!error && chmod(fresh.c_str(), mode) != 0) {
      error = boost::system::error_code(errno, boost::system::system_category());
    }
    if (!error) listener->acceptor.listen(net::socket_base::max_listen_connections, error);
    if (!error && std::rename(fresh.c_str(), path.c_str()) != 0) {
      error = boost::system::error_code(errno, boost::system::system_category());
    }
    if (error) {
      unlink(fresh.c_str());
      return Error(
          Code::kFailedPrecondition,
          fmt::format("listen on {}: {}; is its directory writable?", path, error.message()));
    }
    if (struct stat info{}; lstat(path.c_str(), &info) == 0) {
      sockets_.emplace_back(path, info.st_ino);
    }
    listeners_.push_back(std::move(listener));
    return {};
  }

  Result<std::uint16_t> ListenTcp(const std::string& address, std::uint16_t port,
                                  HttpHandler handler) {
    boost::system::error_code error;
    const auto ip = net::ip::make_address(address, error);
    if (error) {
      return Error(Code::kInvalidArgument, fmt::format("{} is not an IP address", address));
    }
    auto listener =
        std::make_unique<Listener<net::ip::tcp>>(io_, limits_, std::move(handler), metrics_);
    auto& acceptor = listener->acceptor;
    const net::ip::tcp::endpoint endpoint(ip, port);
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(net::socket_base::max_listen_connections, error);
    if (error) {
      return Error(
          error == net::error::address_in_use ? Code::kAlreadyExists : Code::kFailedPrecondition,
          fmt::format("listen on {}:{}: {}", address, port, error.message()));
    }
    const std::uint16_t actual = acceptor.local_endpoint(error).port();
    listeners_.push_back(std::move(listener));
    return actual;
  }

  void Start() {
    if (thread_.joinable()) return;
    for (const auto& listener : listeners_) listener->Start();
    thread_ = std::thread([this] { io_.run(); });
  }

  void Stop() {
    if (thread_.joinable()) {
      net::post(io_, [this] {
        for (const auto& listener : listeners_) listener->Close();
        io_.stop();
      });
      thread_.join();
    }
    for (const auto& [path, inode] : sockets_) {
      struct stat info{};
      if (lstat(path.c_str(), &info) == 0 && info.st_ino == inode) unlink(path.c_str());
    }
    sockets_.clear();
  }

 private:
  reconcilers::Metrics& metrics_;
  const HttpLimits limits_;
  net::io_context io_{1};  // goes last, with what still waits in it
  std::vector<std::unique_ptr<ListenerBase>> listeners_;
  std::vector<std::pair<std::string, ino_t>> sockets_;
  std::thread thread_;
};

HttpServer::HttpServer(reconcilers::Metrics& metrics, HttpLimits limits)
    : impl_(std::make_unique<Impl>(metrics, limits)) {}
HttpServer::~HttpServer() = default;

Result<void> HttpServer::ListenUnix(const std::string& path, mode_t mode, HttpHandler handler) {
  return impl_->ListenUnix(path, mode, std::move(handler));
}
Result<std::uint16_t> HttpServer::ListenTcp(const std::string& address, std::uint16_t port,
                                            HttpHandler handler) {
  return impl_->ListenTcp(address, port, std::move(handler));
}
void HttpServer::Start() { impl_->Start(); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace ballast::apiserver
