#include "controller/apiserver/http_listener.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "controller/apiserver/http_session.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {

namespace net = boost::asio;

namespace {

constexpr std::chrono::milliseconds kAcceptPause{100};  // after "too many open files"
constexpr int kAcceptTurn = 32;                         // then others have theirs
// Connections beyond the limit that are told so.
constexpr std::size_t kRefused = 16;

}  // namespace

Listener::Listener(ServerContext& server, ListenSocket socket, HttpHandler handler,
                   ListenerOptions options, const TlsIdentity* identity)
    : context_{.server = server,
               .name = socket.name,
               .handler = std::move(handler),
               .options = std::move(options)},
      acceptor_(server.io, socket.fd.Release()),
      pause_(server.io),
      path_(socket.inode != 0 ? socket.name : ""),
      inode_(socket.inode),
      identity_(identity) {}

Listener::~Listener() {
  if (!path_.empty()) RemoveUnix(path_, inode_);
}

void Listener::Start() { Accept(); }

void Listener::EndSoon() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  const std::vector<std::shared_ptr<Session>> sessions(context_.sessions.begin(),
                                                       context_.sessions.end());
  for (const auto& session : sessions) session->EndSoon();
}

void Listener::Close() {
  while (!context_.sessions.empty()) (*context_.sessions.begin())->Close();
}

void Listener::Accept() {
  acceptor_.async_wait(
      net::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
        if (error || !acceptor_.is_open()) return;
        bool more = false;
        try {
          more = AcceptSome();
        } catch (const std::exception& thrown) {  // no memory; it must not be the last connection
          runtime::Log(runtime::LogLevel::kError, "A connection could not be taken",
                       {{"listener", context_.name}, {"error", thrown.what()}});
        }
        more ? Accept() : AcceptLater();
      });
}

bool Listener::AcceptSome() {
  for (int i = 0; i < kAcceptTurn; ++i) {
    FileDescriptor fd(
        accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd.get() >= 0) {
      Admit(std::move(fd));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    // Clients that went away while they waited are no reason to pause.
    if (errno != EINTR && errno != ECONNABORTED && errno != EPROTO) return false;
  }
  return true;
}

// No descriptors or no memory: the connection stays in the queue, and we would come here at once.
void Listener::AcceptLater() {
  context_.server.metrics.Add("ballast_http_accept_errors_total", 1, {});
  MakeRoom(false);
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](boost::system::error_code error) {
    if (!error && acceptor_.is_open()) Accept();
  });
}

void Listener::Admit(FileDescriptor fd) {
  const std::size_t limit = context_.options.limits.connections;
  bool refuse = false;
  if (context_.sessions.size() >= limit && !MakeRoom(false)) {
    // All are being answered. A few are told; beyond that the oldest of those makes room.
    CountRefused();
    refuse = true;
    if (context_.sessions.size() >= limit + kRefused && !MakeRoom(true)) return;
  }
  Peer peer = PeerOf(fd.get());
  SetOptions(fd.get(), peer);
  auto transport = identity_ == nullptr ? NewPlainTransport(fd.get())
                                        : NewTlsTransport(*identity_->Get(), fd.get());
  Session::Descriptor descriptor(context_.server.io);
  boost::system::error_code error;
  descriptor.assign(fd.get(), error);
  if (error) return CountRefused();  // out of memory, or of what epoll may watch
  static_cast<void>(fd.Release());
  const auto session = std::make_shared<Session>(context_, std::move(descriptor),
                                                 std::move(transport), std::move(peer), refuse);
  context_.sessions.insert(session);
  context_.server.metrics.Set("ballast_http_connections",
                              static_cast<double>(context_.sessions.size()),
                              {{"listener", context_.name}});
  session->Start();
}

bool Listener::MakeRoom(bool refused) {
  std::shared_ptr<Session> longest;
  std::optional<Session::Time> since;
  for (const auto& session : context_.sessions) {
    if (session->refuses() != refused) continue;
    const auto silent = session->SilentSince();
    if (silent && (!since || *silent < *since)) {
      since = silent;
      longest = session;
    }
  }
  if (longest == nullptr) return false;
  if (!refused) CountRefused();
  longest->Close();
  return true;
}

void Listener::CountRefused() {
  context_.server.metrics.Add("ballast_http_connections_refused_total", 1, {});
}

}  // namespace ballast::apiserver
