// Port DataPlaneFactory on this machine: one directory for the files of each instance and one for
// its sockets, both mounted into its container. Owner: controller/cmd; any thread.
//
//   <config_root>/lb/<name>/<n>/   haproxy.cfg, maps/...      mounted read-only at /etc/haproxy
//   <run_root>/lb/<name>/<n>/      admin.sock, master.sock    mounted at /run/haproxy
//                                  wake.sock, where the controller listens
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/meta.h"
#include "reconcilers/ports/data_plane_factory.h"
#include "reconcilers/ports/engine.h"

namespace ballast::haproxy {

struct HaproxyOptions {
  // Absolute paths that are the same for the controller and for Docker's daemon.
  std::string config_root = "/var/lib/ballast";
  // Not below /run: after a reboot Docker starts HAProxy before anybody makes a directory there.
  std::string run_root = "/var/lib/ballast/run";
  unsigned user = 99;  // HAProxy's in ballast/haproxy; -1: leave ownership alone (tests)
  unsigned group = 99;
  // HAProxy says that requests for this web app wait for a replica. Again each second while they
  // do, from a thread of the factory's own. Null: it is not listened to.
  std::function<void(const api::ObjectKey& app)> held;
};

// `engine` runs `haproxy -c` inside the instances' containers; it outlives the factory.
[[nodiscard]] std::unique_ptr<reconcilers::DataPlaneFactory> NewDataPlaneFactory(
    HaproxyOptions options, reconcilers::Engine& engine);

}  // namespace ballast::haproxy
