// The sections `global` and `defaults`. Why each line is there: reference/haproxy.md, sections 0-7.
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"

namespace ballast::reconcilers::haproxy {
namespace {

// Mozilla's "intermediate" profile: TLS 1.2 and 1.3, forward secrecy; the client chooses, since all
// of them are fine.
void WriteTlsDefaults(ConfigWriter& out) {
  out.Line("ssl-default-bind-options prefer-client-ciphers ssl-min-ver TLSv1.2 no-tls-tickets");
  out.Line("ssl-default-bind-curves X25519:prime256v1:secp384r1");
  out.Line(
      "ssl-default-bind-ciphers "
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
      "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
      "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305");
  out.Line(
      "ssl-default-bind-ciphersuites "
      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
}

}  // namespace

void WriteGlobal(const LoadBalancerModel& model, ConfigWriter& out) {
  const api::LoadBalancerSpec& spec = model.spec;
  out.Section("global");
  out.Line("stats socket").Checked(kAdminSocket).Add("mode 660 level admin");
  out.Comment("The default of 10 s also ends a command that waits.");
  out.Line("stats timeout 1h");
  out.Line("stats maxconn 200");
  out.Comment("An old worker lives until its last client leaves, but no longer than this.");
  out.Line("hard-stop-after 1h");
  out.Comment("maxconn follows from the limit of open files, at most from this one.");
  out.Line("fd-hard-limit 20000");
  out.Line("stats-file").Checked(kStatsFile);
  out.Line("server-state-file").Checked(kStateFile);
  if (model.holds) out.Line("lua-load").Checked(kHoldScriptPath);
  if (ServesHttps(model)) WriteTlsDefaults(out);
  if (spec.threads > 0) out.Line("nbthread").Number(spec.threads);
  if (spec.syslog.empty()) {
    out.Line("log stdout format raw local0 info");
  } else {
    out.Line("log").Checked(CheckHostPort(spec.syslog)).Add("format rfc5424 local0 info");
  }
  for (const std::string& line : spec.snippets.global) out.Snippet(line);
}

void WriteDefaults(const api::LoadBalancerSpec& spec, ConfigWriter& out) {
  out.Section("defaults");
  out.Line("mode http");
  out.Line("log global");
  out.Line("option httplog");
  // A line for each request costs Docker's log driver more than the request costs HAProxy.
  if (spec.syslog.empty()) out.Line("option dontlog-normal");
  const api::TrafficTimeouts traffic;
  out.Line("timeout connect").Time(traffic.connect);
  out.Line("timeout client").Time(spec.timeouts.client);
  out.Line("timeout server").Time(traffic.server);
  out.Line("timeout queue").Time(traffic.queue);
  out.Line("timeout tunnel").Time(traffic.tunnel);
  out.Line("timeout http-request").Time(spec.timeouts.http_request);
  out.Line("timeout http-keep-alive").Time(spec.timeouts.keep_alive);
  out.Comment("Without it a POST on a kept connection fails at a reload.");
  out.Line("option idle-close-on-response");
  out.Line("load-server-state-from-file global");
  out.Line("retries 3");
  out.Line("option redispatch 1");
  out.Line("retry-on conn-failure empty-response");
  for (const std::string& line : spec.snippets.defaults) out.Snippet(line);
}

}  // namespace ballast::reconcilers::haproxy
