#include "controller/cli/client.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <utility>

namespace ballast::cli {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t kMaxReply = std::size_t{256} << 20;

std::unexpected<Status> Explain(const std::string& socket, beast::error_code error) {
  if (error == net::error::access_denied) {
    return Error(Code::kPermissionDenied,
                 fmt::format("{} may not be opened by you: run this as root, or as a member of the "
                             "group that owns the socket",
                             socket));
  }
  if (error == beast::error::timeout) {
    return Error(Code::kTimeout, fmt::format("the controller on {} does not answer", socket));
  }
  if (error == net::error::connection_refused ||
      error == beast::error_code(ENOENT, boost::system::system_category()) ||
      error == beast::error_code(ENOTDIR, boost::system::system_category())) {
    return Error(Code::kUnavailable,
                 fmt::format("no controller answers on {}: is it running? start it with `ballast "
                             "controller --manifests DIR`",
                             socket));
  }
  return Error(Code::kUnavailable,
               fmt::format("no controller answers on {}: {}", socket, error.message()));
}

}  // namespace

Result<Reply> Get(const std::string& socket, const std::string& path,
                  std::chrono::milliseconds timeout) {
  using Protocol = net::local::stream_protocol;
  constexpr std::size_t kMaxPath = 107;
  if (socket.empty() || socket.size() > kMaxPath) {
    return Error(Code::kInvalidArgument,
                 fmt::format("the socket's path must have 1 to {} characters", kMaxPath));
  }
  net::io_context io;
  beast::basic_stream<Protocol> stream(io);
  http::request<http::empty_body> request(http::verb::get, path, 11);
  request.set(http::field::host, "ballast");
  request.set(http::field::connection, "close");
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxReply);
  beast::flat_buffer buffer;
  beast::error_code result;
  stream.expires_after(timeout);
  stream.async_connect(Protocol::endpoint(socket), [&](beast::error_code connected) {
    result = connected;
    if (connected) return;
    http::async_write(stream, request, [&](beast::error_code written, std::size_t) {
      result = written;
      if (written) return;
      http::async_read(stream, buffer, parser,
                       [&](beast::error_code read, std::size_t) { result = read; });
    });
  });
  io.run();
  if (result) return Explain(socket, result);
  return Reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
}

}  // namespace ballast::cli
