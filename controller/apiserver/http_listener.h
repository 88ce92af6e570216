// Accepts the connections of one socket and keeps their number within bounds. Internal to
// apiserver; owned by HttpServer; once started, on the thread that does input and output.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "controller/apiserver/http_context.h"
#include "controller/apiserver/http_listen_socket.h"
#include "controller/apiserver/http_tls.h"

namespace ballast::apiserver {

class Listener {
 public:
  // `identity`: null without TLS; outlives this.
  Listener(ServerContext& server, ListenSocket socket, HttpHandler handler, ListenerOptions options,
           const TlsIdentity* identity);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void Start();
  // Accepts no more; connections end as Session::EndSoon says.
  void EndSoon();
  // Cuts what is left.
  void Close();
  [[nodiscard]] bool idle() const { return context_.sessions.empty(); }

 private:
  void Accept();
  // Those that wait. False: there may be more, but not now.
  bool AcceptSome();
  void AcceptLater();
  void Admit(FileDescriptor fd);
  // Closes the connection that has been silent longest. False: none is. `refused`: among those
  // whose answer will be 503 anyway.
  bool MakeRoom(bool refused);
  void CountRefused();

  ListenerContext context_;
  boost::asio::posix::stream_descriptor acceptor_;
  boost::asio::steady_timer pause_;
  const std::string path_;  // of the socket's file
  const ino_t inode_;
  const TlsIdentity* const identity_;
};

}  // namespace ballast::apiserver
