#include "controller/cmd/host_routes.h"

#include <arpa/inet.h>

#include <bit>
#include <cstdint>
#include <fstream>
#include <sstream>

#include "reconcilers/webapp/address_pool.h"

namespace ballast::cmd {

std::vector<std::string> HostRoutes() {
  std::vector<std::string> routes;
  std::ifstream table("/proc/net/route");
  std::string line;
  std::getline(table, line);  // headings
  while (std::getline(table, line)) {
    std::istringstream fields(line);
    std::string device;
    std::string gateway;
    std::uint32_t destination = 0;
    std::uint32_t mask = 0;
    int ignored = 0;
    fields >> device >> std::hex >> destination >> gateway >> ignored >> ignored >> ignored >>
        ignored >> mask;
    if (!fields || mask == 0) continue;
    routes.push_back(reconcilers::FormatIpv4(ntohl(destination)) + "/" +
                     std::to_string(std::popcount(mask)));
  }
  return routes;
}

}  // namespace ballast::cmd
