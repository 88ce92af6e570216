// A request and its answer, without any HTTP library, so that handlers are plain functions: values,
// and the two functions between server and handler. Who calls what, and on which thread, stands
// beside each.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::apiserver {

// Who is at the other end of the connection, as far as the connection itself shows it.
struct Peer {
  bool unix_socket = false;
  // Of the process that connected, when it began to; for a unix socket only, else nobody's.
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;
  std::string address;  // "127.0.0.1:53122", "[::1]:53122"; "unix"
  // From a client certificate that was verified; else empty.
  std::string common_name;
  std::vector<std::string> organizations;
  // Until when that certificate counts. It was looked at when the connection began, which may live
  // longer.
  std::chrono::system_clock::time_point certificate_end;

  // Whose connection it is, for what is counted by client: certificate, else user, else IP address.
  [[nodiscard]] std::string Key() const;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // percent-decoded, without the query: "/status"
  std::map<std::string, std::string> query;
  // By lower-case name; the values of repeated ones joined with ", ".
  std::map<std::string, std::string> headers;
  std::string body;
  Peer peer;

  // The header's value; empty when there is none. `name` in lower case.
  [[nodiscard]] std::string_view Header(std::string_view name) const;
};

// A body without an end of its own, such as a watch: the server pulls it, piece by piece, as fast
// as the client reads. Start, Fill and the destructor are called on worker threads of the server,
// never two at once (the destructor elsewhere too, where the handler keeps a reference of its own,
// or the server is gone).
class BodySource {
 public:
  virtual ~BodySource() = default;
  enum class Next {
    kMore,  // call Fill again when this was sent
    kWait,  // nothing more for now: call it after `wake`
    kEnd,   // that was all
  };
  // Once, before the first Fill. `wake` may be called from any thread and at any time, also inside
  // of Fill, and when the client or the server is gone (then it does nothing). It never blocks;
  // that it is called often costs little. A wake between two calls of Fill is never lost.
  virtual void Start(std::function<void()> wake) = 0;
  // Appends to `out` (empty when called) what there is, at most about 64 KiB.
  virtual Next Fill(std::string& out) = 0;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::map<std::string, std::string> headers;  // further ones
  // Then the body is what it gives, chunked, and `body` is ignored. A HEAD does not start it.
  std::shared_ptr<BodySource> stream;
  // Whose stream it is, for the limit of streams per client; empty: the peer's key.
  std::string client;
  // The label "path" of the metric of requests. Empty: the request's path; a handler whose paths
  // carry names must set it, or each name becomes a time series.
  std::string route;
};

// Answers one request. From any thread, now or later; the second call is ignored, and so is one
// after the client or the server is gone. Dropped without a call, it answers 500.
using Respond = std::function<void(HttpResponse)>;

// Called on a worker thread of the server, for several requests at once; may take its time, but
// there are only a few such threads. What it throws is a 500.
using HttpHandler = std::function<void(HttpRequest, Respond)>;

// A handler that answers at once.
using SyncHandler = std::function<HttpResponse(const HttpRequest&)>;
[[nodiscard]] HttpHandler Synchronous(SyncHandler handler);

// An error as plain text.
[[nodiscard]] HttpResponse TextResponse(int status, std::string_view text);

// "/a%20b?x=1+2&y" -> path and query ("+" is a space in the query only). False: not a path, or bad
// percent-encoding.
[[nodiscard]] bool ParseTarget(std::string_view target, HttpRequest& request);

}  // namespace ballast::apiserver
