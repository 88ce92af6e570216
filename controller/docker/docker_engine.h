// Port Engine over the Docker Engine API (HTTP on a unix socket). Owner: controller/cmd. The engine
// returned may be called from any thread; each call blocks its caller until Docker answered or the
// deadline passed, on a connection of its own out of a small pool. No thread of its own.
//
// Beyond the port's comments, errors mean:
//   Unavailable         nobody answers on the socket, or the answer was cut (retry)
//   Conflict            an IP address or a subnet is taken, a network or volume is in use
//   FailedPrecondition  a host port is taken, the disk is full, Docker too old or rootless
//   PermissionDenied    the socket may not be opened, or a registry refused the credentials
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/metrics.h"

namespace ballast::docker {

struct DockerOptions {
  std::string socket_path = "/var/run/docker.sock";
  std::string registry_config;  // Docker's config.json with `auths`; "" = pull without credentials

  std::chrono::milliseconds connect_timeout{2'000};
  std::chrono::milliseconds request_timeout{30'000};  // from the first byte sent to the last read
  std::chrono::milliseconds slow_request_timeout{60'000};  // create, start, remove
  std::chrono::milliseconds stats_timeout{5'000};
  std::size_t max_stats_at_once = 100;                     // connections
  std::chrono::milliseconds pull_silence_timeout{60'000};  // a pull may last, but not be silent

  std::chrono::milliseconds idle_timeout{10'000};  // an idle connection older than this is not used
  std::size_t max_idle_connections = 8;
  std::size_t max_body_bytes = std::size_t{128} << 20;
  std::size_t max_log_bytes = std::size_t{1} << 20;  // TailLogs keeps the last of these

  // ballast_docker_requests_total{operation,result}, ballast_docker_events_skipped_total;
  // not owned, may be null.
  reconcilers::Metrics* metrics = nullptr;
};

// Connects lazily: the engine need not answer yet.
[[nodiscard]] std::unique_ptr<reconcilers::Engine> NewDockerEngine(DockerOptions options);

}  // namespace ballast::docker
