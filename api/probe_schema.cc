#include <fmt/format.h>

#include "api/schemas.h"

namespace ballast::api {
namespace {

using Header = std::pair<std::string, std::string>;

// A port by number, or by its name, which ResolveProbePort turns into the number.
Type<std::uint16_t> PortReference() {
  return {.name = "integer or string",
          .allowed = "1 to 65535, or the name of a port of this container",
          .read =
              [](const Cursor& at, std::uint16_t& out) {
                const Value& node = at.node();
                if (node.kind == Value::Kind::kString) {
                  if (!RulePortName(node.text).empty()) {
                    at.ErrorWanted("a number between 1 and 65535 or the name of a port");
                  }
                  return;
                }
                std::int64_t value = 0;
                if (ReadInteger(at, 1, 65535, value)) out = static_cast<std::uint16_t>(value);
              },
          .write = [](const std::uint16_t& value, Style) { return Value::Int(value); },
          .is_empty = [](const std::uint16_t& value) { return value == 0; },
          .describe = nullptr};
}

Schema<Header> HeaderSchema() {
  Schema<Header> schema;
  schema
      .Required("name", &Header::first, Text("a token of RFC 9110", RuleHeaderName),
                "The header's name", "X-Probe")
      .Required("value", &Header::second, Text("printable ASCII", RuleHeaderValue),
                "The header's value", "ballast");
  return schema;
}

Schema<HttpGetAction> HttpGetSchema() {
  Schema<HttpGetAction> schema;
  schema
      .Add("path", &HttpGetAction::path,
           Text("starts with /; no spaces or control characters", RuleProbePath),
           "The path asked for; 200 to 399 is success", "/healthz")
      .Add("port", &HttpGetAction::port, PortReference(),
           "The port asked; left out: the container's first", "http")
      .Add("host", &HttpGetAction::host, Text("a host name", RuleHeaderHost),
           "The Host header; left out: the replica's address", "shop.example.com")
      .Add("httpHeaders", &HttpGetAction::headers, List(MapOf("header", HeaderSchema()), 0, 50),
           "Further headers", "[{name: X-Probe, value: ballast}]")
      .Refuse("scheme", "is not built yet: probes speak HTTP", "\"HTTP\"");
  return schema;
}

Schema<TcpSocketAction> TcpSocketSchema() {
  Schema<TcpSocketAction> schema;
  schema
      .Add("port", &TcpSocketAction::port, PortReference(),
           "The port that must accept a connection; left out: the container's first", "5432")
      .Refuse("host", "is not allowed: a probe goes to its own replica");
  return schema;
}

Schema<ExecAction> ExecSchema() {
  Schema<ExecAction> schema;
  schema.Required("command", &ExecAction::command, List(Text("", RuleArgument), 1, 1000),
                  "Run in the container, without a shell; exit code 0 is success",
                  "[/bin/check, --quick]");
  return schema;
}

const Member* PortMember(const Cursor& at) { return at.node().Find("port"); }

}  // namespace

Schema<Probe> ProbeSchema() {
  Schema<Probe> schema;
  schema
      .Alternative<HttpGetAction>("httpGet", &Probe::action, MapOf("map", HttpGetSchema()),
                                  "Asks by HTTP. One of httpGet, tcpSocket and exec is needed",
                                  "{path: /healthz}")
      .Alternative<TcpSocketAction>("tcpSocket", &Probe::action, MapOf("map", TcpSocketSchema()),
                                    "Opens a TCP connection", "{port: 8080}")
      .Alternative<ExecAction>("exec", &Probe::action, MapOf("map", ExecSchema()),
                               "Runs a command in the container", "{command: [/bin/check]}")
      .Add("initialDelaySeconds", &Probe::initial_delay_seconds, Integer<int>(0, 3600),
           "Time from the start of the container to the first probe", "5")
      .Add("periodSeconds", &Probe::period_seconds, Integer<int>(1, 3600),
           "Time from one probe to the next", "1")
      .Add("timeoutSeconds", &Probe::timeout_seconds, Integer<int>(1, 3600),
           "A probe that takes longer has failed", "2")
      .Add("successThreshold", &Probe::success_threshold, Integer<int>(1, 100),
           "Successes in a row after a failure until it counts as passed; 1 for liveness and "
           "startup",
           "1")
      .Add("failureThreshold", &Probe::failure_threshold, Integer<int>(1, 1000),
           "Failures in a row until it counts as failed", "60")
      .Refuse("grpc", "is not built yet: use tcpSocket or exec")
      .Refuse("terminationGracePeriodSeconds", "is not built yet: the template's applies")
      .Check([](const Cursor& at, Probe&) { CheckOneOf(at, {"httpGet", "tcpSocket", "exec"}); });
  return schema;
}

void ResolveProbePort(const Cursor& probe_at, const std::vector<ContainerPort>& ports,
                      Probe& probe) {
  auto* http = std::get_if<HttpGetAction>(&probe.action);
  auto* tcp = std::get_if<TcpSocketAction>(&probe.action);
  if (http == nullptr && tcp == nullptr) return;
  std::uint16_t& port = http != nullptr ? http->port : tcp->port;
  const Member* action = probe_at.node().Find(http != nullptr ? "httpGet" : "tcpSocket");
  if (action == nullptr) return;
  const Cursor action_at = probe_at.At(*action);
  const Member* member = PortMember(action_at);
  if (member == nullptr) {
    if (ports.empty()) {
      action_at.DerivedError("port", "is required, since the container has no ports");
    }
    return;
  }
  if (member->value.kind != Value::Kind::kString) return;
  for (const ContainerPort& candidate : ports) {
    if (candidate.name == member->value.text) port = candidate.container_port;
  }
  if (port == 0) {
    action_at.DerivedError(
        "port", fmt::format("no port of this container is called {}", Quote(member->value.text)));
  }
}

}  // namespace ballast::api
