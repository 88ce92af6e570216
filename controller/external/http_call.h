// One HTTP request by cpprestsdk: bounded in time and size, no redirects, no proxy, no exception.
// Its .cc is the only file that sees cpprestsdk, whose tasks and connections run on two threads for
// the whole process. Any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "api/status.h"
#include "controller/external/prometheus_answer.h"

namespace ballast::external {

struct HttpReply {
  int status = 0;
  std::string body;
};

struct HttpLimits {
  std::chrono::milliseconds silence{3'000};  // of each step: connect, write, read
  std::size_t max_body = std::size_t{1} << 20;
};

class HttpCall {
 public:
  // Called once, on a thread of cpprestsdk's or within Start. Any HTTP status is a success; errors
  // go on after the server's name ("does not answer").
  using Done = std::function<void(Result<HttpReply>)>;

  HttpCall(QueryRequest request, HttpLimits limits, Done done);
  ~HttpCall();  // does not end it
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

  void Start();
  // Ends it soon; only a name that is being looked up is waited for.
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ballast::external
