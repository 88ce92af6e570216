// One web app: balancing, stickiness, retries, limits, and its servers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"
#include "reconcilers/haproxy/server_line.h"

namespace ballast::reconcilers::haproxy {
namespace {

// What HAProxy 3.0 can retry on.
constexpr int kRetryCodes[] = {401, 403, 404, 408, 425, 429, 500, 501, 502, 503, 504};

void WriteBalance(const api::Traffic& traffic, ConfigWriter& out) {
  switch (traffic.balance) {
    case api::Balance::kLeastconn:
      out.Line("balance leastconn");
      return;
    case api::Balance::kRoundrobin:
      out.Line("balance roundrobin");
      return;
    case api::Balance::kRandom:
      out.Line("balance random");
      return;
    case api::Balance::kFirst:
      out.Line("balance first");
      return;
    case api::Balance::kSource:
      out.Line("balance source");
      break;
    case api::Balance::kUri:
      out.Line("balance uri");
      break;
  }
  // A map-based hash takes no servers at run time.
  out.Line("hash-type consistent");
}

void WriteRetries(const api::Traffic& traffic, ConfigWriter& out) {
  out.Line("retries").Number(traffic.retries);
  out.Line("retry-on conn-failure empty-response");
  for (const int code : traffic.retry_on) {
    if (std::ranges::find(kRetryCodes, code) == std::end(kRetryCodes)) {
      out.Checked(Error(Code::kInvalidArgument, fmt::format("HAProxy cannot retry on {}", code)));
      continue;
    }
    out.Number(code);
  }
  // A request that changes something is never sent twice.
  out.Line("http-request disable-l7-retry unless METH_GET or METH_HEAD");
}

void WriteLimits(const api::Traffic& traffic, ConfigWriter& out) {
  // By Content-Length. Of a body without one (chunked, HTTP/2) HAProxy 3.0 sees here only what came
  // with the headers; the rest it streams, and has no directive that would count it.
  if (traffic.max_body_bytes > 0) {
    out.Line("http-request deny status 413 if { req.body_size gt")
        .Number(traffic.max_body_bytes)
        .Add("}");
  }
  if (traffic.compression) {
    // Not text/event-stream: events would wait in the compressor.
    out.Line("compression algo gzip");
    out.Line("compression type text/html text/plain text/css text/csv text/javascript text/xml")
        .Add("application/javascript application/json application/ld+json application/xml")
        .Add("application/xhtml+xml application/wasm application/manifest+json image/svg+xml");
  }
}

// After everything that may refuse the request.
void WriteHold(const api::Traffic& traffic, ConfigWriter& out) {
  out.Comment("The only server is tried again, and not given up for none; cookies are as ever.");
  out.Line("force-persist if { nbsrv le 1 }")
      .Checked(fmt::format("{{ be_name,map_str_int({}) -m found }}", kHoldMapPath));
  if (traffic.sticky_session) out.Add("!{ req.cook_cnt gt 0 }");
  out.Line("http-request set-var(txn.hold)")
      .Checked(fmt::format("be_name,map_str_int({})", kHoldMapPath))
      .Add("if { nbsrv eq 0 }");
  out.Line("http-request lua.hold if { var(txn.hold) -m found }");
}

void WriteServer(const BackendModel& backend, const ServerModel& server, ConfigWriter& out) {
  out.Line("server");
  if (const Result<void> checked = CheckServer(server); !checked) {
    out.Checked(std::unexpected(checked.error()));
    return;
  }
  out.Name(server.name).Checked(fmt::format("{}:{}", server.address, server.port));
  std::vector<std::string> options = ServerOptions(backend, server);
  if (server.admin == ServerAdmin::kDrain) {
    const auto weight = std::ranges::find(options, "weight");
    *std::next(weight) = "0";
  }
  for (const std::string& word : options) out.Checked(word);
  if (server.admin == ServerAdmin::kMaint) out.Add("disabled");
}

}  // namespace

void WriteBackend(const BackendModel& backend, bool holds, ConfigWriter& out) {
  const api::Traffic& traffic = backend.traffic;
  out.Section("backend").Name(backend.name);
  out.Line("guid").Checked(CheckName(backend.name), "be:");
  if (!traffic.basic_auth_secret.empty()) WriteAuthentication(backend.name, backend.users, out);
  WriteBalance(traffic, out);
  out.Line("timeout connect").Time(traffic.timeouts.connect);
  out.Line("timeout server").Time(traffic.timeouts.server);
  out.Line("timeout queue").Time(traffic.timeouts.queue);
  out.Line("timeout tunnel").Time(traffic.timeouts.tunnel);
  // A quiet event stream is no dead server.
  out.Line("http-response set-timeout server")
      .Time(traffic.timeouts.tunnel)
      .Add("if { res.hdr(content-type) -m beg text/event-stream }");
  WriteRetries(traffic, out);
  if (traffic.sticky_session) {
    const Result<std::string> name = CheckCookieName(traffic.sticky_session->cookie_name);
    out.Line("cookie").Checked(name ? Quote(*name) : name);
    out.Add("insert indirect nocache httponly");
    if (traffic.sticky_session->ttl_seconds > 0) {
      out.Add("maxidle").Time(std::chrono::seconds(traffic.sticky_session->ttl_seconds));
    }
  }
  WriteLimits(traffic, out);
  if (holds) WriteHold(traffic, out);
  for (const ServerModel& server : backend.servers) WriteServer(backend, server, out);
}

}  // namespace ballast::reconcilers::haproxy
