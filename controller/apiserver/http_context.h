// What the connections of a server and of a listener share. Internal to apiserver; used on the
// thread that does input and output only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/apiserver/http_server.h"
#include "controller/apiserver/http_threads.h"

namespace ballast::apiserver {

class Session;

struct ServerContext {
  boost::asio::io_context& io;
  Workers& workers;
  const std::shared_ptr<Mailbox> mailbox;
  reconcilers::Metrics& metrics;
  // Where all connections read into, so that none keeps a buffer while it waits.
  std::vector<char> scratch = std::vector<char>(std::size_t{64} << 10);
  std::map<std::string, std::size_t> streams;  // by client
};

struct ListenerContext {
  ServerContext& server;
  const std::string name;  // the label of its metrics: ListenSocket::name
  const HttpHandler handler;
  const ListenerOptions options;
  std::set<std::shared_ptr<Session>> sessions;  // owns them until they close
  std::size_t streams = 0;
  std::size_t body_bytes = 0;  // towards limits.bodies_bytes
};

}  // namespace ballast::apiserver
