// Implements writable.h.
#include "reconcilers/haproxy/writable.h"

#include <algorithm>
#include <set>
#include <utility>

#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"
#include "reconcilers/haproxy/routes.h"
#include "reconcilers/haproxy/server_line.h"

namespace ballast::reconcilers::haproxy {
namespace {

// The backend as it is written, without servers.
Result<void> CheckBackend(const BackendModel& backend) {
  ConfigWriter out;
  WriteBackend({backend.name, backend.traffic, {}}, false, out);
  const Result<std::string> text = out.Finish();
  if (!text) return std::unexpected(text.error());
  return {};
}

}  // namespace

std::map<std::string, std::string> LeaveOutUnwritable(LoadBalancerModel& model) {
  std::map<std::string, std::string> why;
  const auto refused = [&why](const std::string& backend, const std::string& what,
                              const Result<void>& checked) {
    if (!checked) why.try_emplace(backend, what + checked.error().message);
    return !checked;
  };
  const Result<void> twice = Error(Code::kInvalidArgument, "named twice");
  std::set<std::string> names;
  std::set<std::string> gone;
  std::erase_if(model.backends, [&](BackendModel& backend) {
    if (!names.insert(backend.name).second) return refused(backend.name, "", twice);
    if (refused(backend.name, "", CheckBackend(backend))) {
      gone.insert(backend.name);
      return true;
    }
    std::set<std::string> servers;
    std::erase_if(backend.servers, [&](const ServerModel& server) {
      const bool first = servers.insert(server.name).second;
      return refused(backend.name, "server " + Printable(server.name) + ": ",
                     first ? CheckServer(server) : twice);
    });
    return false;
  });
  std::erase_if(model.routes, [&](const RouteModel& route) {
    return gone.contains(route.backend) || refused(route.backend, "", CheckRoute(route));
  });
  return why;
}

}  // namespace ballast::reconcilers::haproxy
