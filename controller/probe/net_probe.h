// One probe over the network: connect, and for HTTP one GET. Lives until it has called back and the
// connection is closed. Included by .cc files of this folder only; the io_context's thread only.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/webapp.h"

namespace ballast::probe {

// kNone: the prober itself could not ask (the engine is away, no file is left to open): nothing is
// known of the container, as if it had not been probed.
enum class Verdict { kFailure, kSuccess, kNone };

struct ProbeResult {
  Verdict verdict = Verdict::kFailure;
  std::string message;  // of what is no success
};

class NetProbe : public std::enable_shared_from_this<NetProbe> {
 public:
  using Callback = std::function<void(ProbeResult)>;

  // Runs the HTTP or TCP action of `probe` (never exec) and calls back once, never from within.
  static void Run(boost::asio::io_context& io, const api::Probe& probe, const std::string& address,
                  std::uint16_t default_port, Callback callback);

 private:
  using Tcp = boost::asio::ip::tcp;

  NetProbe(boost::asio::io_context& io, std::chrono::seconds timeout, Callback callback)
      : socket_(io), timer_(io), timeout_(timeout), callback_(std::move(callback)) {}

  void Connect(const std::string& address, std::uint16_t port);
  void Send();
  void ReadHead();
  void OnHeadBytes();
  void DiscardBody();
  void Finish(Verdict verdict, std::string message);
  void Close();

  Tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::chrono::seconds timeout_;
  Callback callback_;
  std::string request_;  // empty: connecting is all
  std::string what_;     // "GET /healthz", "connect to 10.0.0.5:8080"
  std::string head_;
  std::size_t body_left_ = 0;
  std::array<char, 4096> buffer_{};
};

}  // namespace ballast::probe
