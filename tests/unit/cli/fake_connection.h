// A server for the tests of commands: canned answers, and the calls that were made. Streams tell
// what they were given and end, or stay open until Run is interrupted.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/cli.h"
#include "controller/cli/connection.h"

namespace ballast::cli {

// What the test wrote down; outlives the connections.
struct FakeServer {
  struct Answer {
    Reply reply;
    std::vector<std::string> pieces;  // of a stream; whole answers come from `reply`
    bool stays_open = false;
    bool breaks = false;  // the connection is lost after the pieces
  };

  // `what`: "GET /path?query", or the same without a query. Several: one after the other, the last
  // one again and again.
  void On(const std::string& what, std::string body, int status = 200) {
    answers[what].push_back({.reply = {status, std::move(body), ""}, .pieces = {}});
  }
  void OnStream(const std::string& what, std::vector<std::string> pieces, bool stays_open = false) {
    answers[what].push_back(
        {.reply = {200, "", ""}, .pieces = std::move(pieces), .stays_open = stays_open});
  }
  void OnLost(const std::string& what, std::vector<std::string> pieces) {
    answers[what].push_back({.reply = {200, "", ""}, .pieces = std::move(pieces), .breaks = true});
  }
  Answer Next(const HttpCall& call) {
    calls.push_back(call.method + " " + call.target + (call.body.empty() ? "" : " " + call.body));
    for (const std::string& key :
         {call.method + " " + call.target,
          call.method + " " + call.target.substr(0, call.target.find('?'))}) {
      const auto found = answers.find(key);
      if (found == answers.end()) continue;
      Answer answer = found->second.front();
      if (found->second.size() > 1) found->second.pop_front();
      return answer;
    }
    return {.reply = {404,
                      R"({"kind":"Status","status":"Failure","code":404,"reason":"NotFound",)"
                      R"("message":"no answer for )" +
                          call.target + "\"}",
                      ""},
            .pieces = {}};
  }

  std::map<std::string, std::deque<Answer>> answers;
  std::vector<std::string> calls;
  bool away = false;  // nobody answers
};

class FakeConnection : public Connection {
 public:
  explicit FakeConnection(FakeServer& server) : server_(server) {}

  Result<Reply> Send(const HttpCall& call) override {
    if (server_.away) return Error(Code::kUnavailable, "no controller answers on fake.sock");
    FakeServer::Answer answer = server_.Next(call);
    for (const std::string& piece : answer.pieces) answer.reply.body += piece;
    return answer.reply;
  }
  void Open(Stream stream) override { streams_.push_back(std::move(stream)); }
  void After(std::chrono::milliseconds, std::function<void()> then) override {
    later_.push_back(std::move(then));
  }
  Result<void> Run(std::optional<std::chrono::milliseconds> limit) override {
    stopped_ = false;
    bool open = false;
    while (!stopped_ && (!streams_.empty() || !later_.empty())) {
      if (streams_.empty()) {
        auto then = std::move(later_.front());
        later_.pop_front();
        then();
        continue;
      }
      const Stream stream = std::move(streams_.front());
      streams_.pop_front();
      open = Play(stream) || open;
    }
    streams_.clear();
    later_.clear();
    if (stopped_ || !open) return {};
    if (limit) return Error(Code::kTimeout, "not in time");
    return Error(Code::kCancelled, "interrupted");
  }
  void Stop() override { stopped_ = true; }

 private:
  // True: it stays open.
  bool Play(const Stream& stream) {
    const FakeServer::Answer answer = server_.Next(stream.call);
    for (const std::string& piece : answer.pieces) {
      if (stopped_) return false;
      if (!stream.on_data(piece)) {
        stream.on_end(answer.reply);
        return false;
      }
    }
    if (answer.stays_open) return true;
    if (stopped_) return false;
    if (answer.breaks) {
      stream.on_end(Error(Code::kUnavailable, "the controller closed the connection"));
    } else {
      stream.on_end(answer.reply);
    }
    return false;
  }

  FakeServer& server_;
  std::deque<Stream> streams_;
  std::deque<std::function<void()>> later_;
  bool stopped_ = false;
};

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

// `ballast ARGUMENTS` against the server; it is 2026-11-21T10:42:00Z.
inline Outcome RunOn(FakeServer& server, const std::vector<std::string>& arguments,
                     const std::string& input = "", bool color = false) {
  std::ostringstream out;
  std::ostringstream err;
  Environment environment{.version = "1.2.3", .color = color};
  environment.now = [] { return std::chrono::system_clock::from_time_t(1795257720); };
  environment.read_input = [input] { return input; };
  environment.connect = [&server](const std::string&) {
    return std::make_unique<FakeConnection>(server);
  };
  const int code = Run(arguments, environment, out, err);
  return {code, out.str(), err.str()};
}

// What discovery answers.
inline void AddDiscovery(FakeServer& server) {
  server.On("GET /api/v1", R"({"kind":"APIResourceList","groupVersion":"v1","resources":[
    {"name":"events","singularName":"event","namespaced":true,"kind":"Event",
     "verbs":["get","list","watch"],"shortNames":["ev"]},
    {"name":"namespaces","singularName":"namespace","namespaced":false,"kind":"Namespace",
     "verbs":["create","get","list"],"shortNames":["ns"]},
    {"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod",
     "verbs":["get","list","watch"],"shortNames":["po"],"categories":["all"]},
    {"name":"pods/log","singularName":"","namespaced":true,"kind":"Pod","verbs":["get"]},
    {"name":"secrets","singularName":"secret","namespaced":true,"kind":"Secret",
     "verbs":["create","get","list"]}]})");
  server.On("GET /apis/ballast.dev/v1alpha1",
            R"({"kind":"APIResourceList","groupVersion":"ballast.dev/v1alpha1","resources":[
    {"name":"autoscalers","singularName":"autoscaler","namespaced":true,"kind":"Autoscaler",
     "verbs":["create","get","list"],"shortNames":["as"]},
    {"name":"loadbalancers","singularName":"loadbalancer","namespaced":false,"kind":"LoadBalancer",
     "verbs":["create","get","list"],"shortNames":["lb"]},
    {"name":"webapps","singularName":"webapp","namespaced":true,"kind":"WebApp",
     "verbs":["create","delete","get","list","patch","watch"],
     "shortNames":["wa"],"categories":["all"]},
    {"name":"webapps/scale","singularName":"","namespaced":true,"kind":"Scale",
     "verbs":["get","patch"]}]})");
}

}  // namespace ballast::cli
