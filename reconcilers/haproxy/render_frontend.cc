// The listeners: forwarded headers, routing by maps, the stats page.
#include <fmt/format.h>

#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"

namespace ballast::reconcilers::haproxy {
namespace {

// X-Forwarded-* are Ballast's. What came with the request counts only from a trusted proxy, whose
// list of addresses goes on. With '_' too: CGI-like gateways give both spellings the same name.
void WriteForwardedHeaders(const api::Listener& listener, ConfigWriter& out) {
  constexpr std::size_t kNetworksPerLine = 16;
  const bool trusts = !listener.trusted_proxies.empty();
  for (std::size_t i = 0; i < listener.trusted_proxies.size(); ++i) {
    if (i % kNetworksPerLine == 0) out.Line("acl trusted-proxy src");
    out.Checked(CheckNetwork(listener.trusted_proxies[i]));
  }
  out.Line("http-request del-header '^(x[-_]forwarded[-_]|forwarded$|x[-_]real[-_]ip$)' -m reg");
  if (trusts) out.Add("unless trusted-proxy");
  if (trusts) {
    out.Line("http-request set-header X-Forwarded-For")
        .Add("\"%[req.fhdr(X-Forwarded-For)], %[src]\" if { req.fhdr_cnt(X-Forwarded-For) eq 1 }");
    out.Line("http-request add-header X-Forwarded-For %[src]")
        .Add("unless { req.fhdr_cnt(X-Forwarded-For) eq 1 }");
    out.Line("http-request set-header X-Forwarded-Proto http")
        .Add("unless { req.hdr(X-Forwarded-Proto) -m found }");
    out.Line("http-request set-header X-Forwarded-Port %[dst_port]")
        .Add("unless { req.hdr(X-Forwarded-Port) -m found }");
    out.Line("http-request set-header X-Forwarded-Host %[req.hdr(host)]")
        .Add("if { req.hdr(host) -m found } !{ req.hdr(X-Forwarded-Host) -m found }");
  } else {
    out.Line("http-request set-header X-Forwarded-For %[src]");
    out.Line("http-request set-header X-Forwarded-Proto http");
    out.Line("http-request set-header X-Forwarded-Port %[dst_port]");
    out.Line("http-request set-header X-Forwarded-Host %[req.hdr(host)]")
        .Add("if { req.hdr(host) -m found }");
  }
}

// txn.be becomes the backend for `host` + path, unless it is known already: exact, then the longest
// prefix. `first` leaves the condition off.
void WriteLookup(Literal host, bool first, ConfigWriter& out) {
  constexpr Literal kUnlessFound = "if !{ var(txn.be) -m found }";
  out.Line("http-request set-var-fmt(txn.key)").Add(host);
  if (!first) out.Add(kUnlessFound);
  out.Line("http-request set-var(txn.be)")
      .Checked(fmt::format("var(txn.key),map_str({})", kExactMapPath));
  if (!first) out.Add(kUnlessFound);
  out.Line("http-request set-var-fmt(txn.key) \"%[var(txn.key)]/\"").Add(kUnlessFound);
  out.Line("http-request set-var(txn.be)")
      .Checked(fmt::format("var(txn.key),map_beg({})", kPrefixMapPath))
      .Add(kUnlessFound);
}

void WriteRouting(ConfigWriter& out) {
  out.Comment("The host's routes, then those of its wildcard (one label), then those of any host.");
  out.Line("http-request set-var(txn.host) req.hdr(host),host_only,lower");
  WriteLookup("\"%[var(txn.host)]%[path]\"", true, out);
  out.Line("http-request set-var(txn.host) var(txn.host),regsub(^[^.]+,*)")
      .Add("if !{ var(txn.be) -m found }");
  WriteLookup("\"%[var(txn.host)]%[path]\"", false, out);
  WriteLookup("%[path]", false, out);
  out.Line("use_backend %[var(txn.be)] if { var(txn.be) -m found }");
  out.Line("default_backend").Name(kNoRouteBackend);
}

}  // namespace

void WriteListener(const api::LoadBalancerSpec& spec, const api::Listener& listener,
                   ConfigWriter& out) {
  const Result<std::string> name = CheckListenerName(listener.name);
  out.Section("frontend").Checked(name);
  out.Line("guid").Checked(name, "fe:");
  if (listener.protocol != "HTTP") {
    out.Checked(Error(Code::kInvalidArgument,
                      "protocol " + Printable(listener.protocol) + ": only HTTP is implemented"));
  }
  if (listener.port == 0) out.Checked(Error(Code::kInvalidArgument, "port 0"));
  out.Line("bind").Checked(std::to_string(listener.port), "*:");
  if (listener.accept_proxy) out.Add("accept-proxy");
  WriteForwardedHeaders(listener, out);
  for (const std::string& line : spec.snippets.frontend) out.Snippet(line);
  WriteRouting(out);
}

void WriteOwnFrontends(const api::LoadBalancerSpec& spec, ConfigWriter& out) {
  if (spec.stats_port != 0) {
    out.Section("frontend").Name(kStatsFrontend);
    // Bridged, the port is published on the host's loopback.
    out.Line("bind");
    if (spec.host_network) {
      out.Checked(std::to_string(spec.stats_port), "127.0.0.1:");
    } else {
      out.Checked(std::to_string(spec.stats_port), "*:");
    }
    out.Line("option dontlog-normal");
    out.Line("stats enable");
    out.Line("stats uri /");
    out.Line("stats refresh 5s");
    return;
  }
  if (!spec.listeners.empty()) return;
  // Without any listener HAProxy does not start.
  out.Section("frontend").Name(kIdleFrontend);
  out.Line("bind").Checked(std::string(kRuntimeDir), "unix@", "/idle.sock");
  out.Line("default_backend").Name(kNoRouteBackend);
}

void WriteNoRouteBackend(ConfigWriter& out) {
  out.Section("backend").Name(kNoRouteBackend);
  out.Line("guid").Checked(std::string(kNoRouteBackend), "be:");
  out.Line("http-request return status 404 content-type text/plain string \"no route\\n\"");
}

}  // namespace ballast::reconcilers::haproxy
