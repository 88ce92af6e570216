// The connections of one load: sends a request on a kept-alive or a new one, reads the answer, says
// how it went. Used by load.cc only, on that load's thread; no locks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tests/fault/loadgen/load.h"
#include "tests/fault/loadgen/report.h"

namespace ballast::loadgen {

class Exchange;

struct Result {
  Outcome outcome = Outcome::kOk;
  std::chrono::steady_clock::time_point begun;
  std::chrono::steady_clock::time_point ended;
  int status = 0;
  bool reused = false;
  int local_port = 0;
  std::string replica;
  std::string error;
};

class Pool {
 public:
  using OnResult = std::function<void(const Result&)>;

  // Throws std::invalid_argument for an address that is none.
  Pool(boost::asio::io_context* io, const Options& options, OnResult on_result);
  ~Pool();

  void Send();
  // Ends the requests that are past their time; call it every few milliseconds.
  void Expire(std::chrono::steady_clock::time_point now);
  // Closes the idle connections and uses none again.
  void CloseIdle();

  std::size_t in_flight() const { return in_flight_.size(); }
  std::uint64_t connections() const { return connections_; }
  std::uint64_t idle_closed() const { return idle_closed_; }

 private:
  friend class Exchange;
  using InFlight = std::list<std::shared_ptr<Exchange>>;

  std::shared_ptr<Exchange> TakeIdle();
  void Finished(Exchange* exchange, const Result& result, bool reusable);

  boost::asio::io_context* const io_;
  const boost::asio::ip::tcp::endpoint endpoint_;
  const std::string bytes_;  // the request, the same each time
  const bool keep_alive_;
  const bool head_;
  const std::chrono::milliseconds timeout_;
  const OnResult on_result_;
  InFlight in_flight_;  // oldest first: all have the same timeout
  std::vector<std::shared_ptr<Exchange>> idle_;
  std::uint64_t connections_ = 0;
  std::uint64_t idle_closed_ = 0;
};

}  // namespace ballast::loadgen
