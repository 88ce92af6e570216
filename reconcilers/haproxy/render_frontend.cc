// The listeners: forwarded headers, routing by maps, the stats page.
#include <fmt/format.h>

#include <algorithm>

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
  const bool https = listener.protocol == kHttps;
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
    out.Line("http-request set-header X-Forwarded-Proto")
        .Add(https ? Literal("https") : Literal("http"))
        .Add("unless { req.hdr(X-Forwarded-Proto) -m found }");
    out.Line("http-request set-header X-Forwarded-Port %[dst_port]")
        .Add("unless { req.hdr(X-Forwarded-Port) -m found }");
    out.Line("http-request set-header X-Forwarded-Host %[req.hdr(host)]")
        .Add("if { req.hdr(host) -m found } !{ req.hdr(X-Forwarded-Host) -m found }");
  } else {
    out.Line("http-request set-header X-Forwarded-For %[src]");
    out.Line("http-request set-header X-Forwarded-Proto")
        .Add(https ? Literal("https") : Literal("http"));
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

// What a trusted proxy got by HTTPS is where it belongs already.
void WriteRedirect(const api::LoadBalancerSpec& spec, ConfigWriter& out) {
  const std::uint16_t port = HttpsPort(spec);
  if (port == 0) {
    out.Checked(Error(Code::kInvalidArgument, "redirectToHttps needs an HTTPS listener"));
    return;
  }
  out.Line("http-request return status 400 unless { req.hdr(host) -m found }");
  out.Line("http-request redirect code 308 location");
  if (port == 443) {
    out.Add("\"https://%[req.hdr(host),host_only]%[pathq]\"");
  } else {
    out.Checked(std::to_string(port), "\"https://%[req.hdr(host),host_only]:", "%[pathq]\"");
  }
  out.Add("unless { req.hdr(X-Forwarded-Proto) -i https }");
}

}  // namespace

void WriteListener(const api::LoadBalancerSpec& spec, const api::Listener& listener,
                   ConfigWriter& out) {
  const Result<std::string> name = CheckListenerName(listener.name);
  const bool https = listener.protocol == kHttps;
  out.Section("frontend").Checked(name);
  out.Line("guid").Checked(name, "fe:");
  if (!https && listener.protocol != "HTTP") {
    out.Checked(Error(Code::kInvalidArgument,
                      "protocol " + Printable(listener.protocol) + ": only HTTP and HTTPS are"));
  }
  if (listener.port == 0) out.Checked(Error(Code::kInvalidArgument, "port 0"));
  out.Line("bind").Checked(std::to_string(listener.port), "*:");
  if (listener.accept_proxy) out.Add("accept-proxy");
  if (https) {
    // Without strict-sni the first one in the list is for names that none of them has.
    out.Add("ssl crt-list")
        .Checked(fmt::format("{}/{}", kConfigDir, CertificateListFile(listener.name)));
    out.Add(listener.http2 ? Literal("alpn h2,http/1.1") : Literal("alpn http/1.1"));
  }
  WriteForwardedHeaders(listener, out);
  for (const std::string& line : spec.snippets.frontend) out.Snippet(line);
  if (listener.redirect_to_https && !https) WriteRedirect(spec, out);
  WriteRouting(out);
}

void WriteOwnFrontends(const LoadBalancerModel& model, ConfigWriter& out) {
  const api::LoadBalancerSpec& spec = model.spec;
  if (spec.stats_port != 0) {
    out.Section("frontend").Name(kStatsFrontend);
    // Bridged, the port is published on the host's loopback; with users everywhere.
    out.Line("bind");
    if (spec.host_network && !spec.stats_auth) {
      out.Checked(std::to_string(spec.stats_port), "127.0.0.1:");
    } else {
      out.Checked(std::to_string(spec.stats_port), "*:");
    }
    out.Line("option dontlog-normal");
    if (spec.stats_auth) WriteAuthentication(kStatsFrontend, model.stats_users, out);
    out.Line("stats enable");
    out.Line("stats uri /");
    out.Line("stats refresh 5s");
    return;
  }
  if (std::ranges::any_of(spec.listeners,
                          [&](const api::Listener& one) { return IsServed(model, one); })) {
    return;
  }
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
