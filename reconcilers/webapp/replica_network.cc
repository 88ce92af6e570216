#include "reconcilers/webapp/replica_network.h"

#include <algorithm>

#include "api/labels.h"

namespace ballast::reconcilers {

std::vector<Cidr> CandidateSubnets(const std::vector<NetworkInfo>& taken) {
  std::vector<Cidr> used;
  for (const NetworkInfo& network : taken) {
    if (const auto cidr = ParseCidr(network.subnet)) used.push_back(*cidr);
  }
  // Behind the pools that Docker itself takes from first (172.17-31/16, then 192.168/20).
  std::vector<std::string> list;
  for (const char* text : {"172.30.0.0/16", "172.29.0.0/16", "172.28.0.0/16"}) list.push_back(text);
  for (int i = 210; i < 240; ++i) list.push_back("10." + std::to_string(i) + ".0.0/16");
  std::vector<Cidr> free;
  for (const std::string& text : list) {
    const Cidr candidate = *ParseCidr(text);
    if (std::ranges::none_of(used, [&](const Cidr& c) { return c.Overlaps(candidate); })) {
      free.push_back(candidate);
    }
  }
  return free;
}

Result<void> ReplicaNetwork::Ensure() {
  const std::lock_guard lock(mutex_);
  if (done_) return {};
  auto network = engine_.InspectNetwork(options_.name);
  if (network) return Adopt(*network);
  if (network.error().code != Code::kNotFound) return std::unexpected(network.error());
  return Create();
}

Result<void> ReplicaNetwork::Adopt(const NetworkInfo& network) {
  const auto subnet = ParseCidr(network.subnet);
  if (!subnet || subnet->prefix > 28) {
    return Error(Code::kFailedPrecondition, "Docker network " + options_.name +
                                                " has no IPv4 subnet of at least 16 addresses (" +
                                                network.subnet +
                                                "); remove it with `docker network rm " +
                                                options_.name + "` and Ballast makes it anew");
  }
  const auto wanted = options_.subnet.empty() ? subnet : ParseCidr(options_.subnet);
  if (wanted && wanted->ToString() != subnet->ToString()) {
    return Error(Code::kFailedPrecondition,
                 "Docker network " + options_.name + " exists with the subnet " + network.subnet +
                     ", not --subnet " + options_.subnet +
                     ": leave --subnet out, or stop the web apps, `docker network rm " +
                     options_.name + "` and start again");
  }
  const auto owner = network.labels.find(api::kLabelOwner);
  if (owner == network.labels.end() || owner->second != options_.owner) {
    return Error(
        Code::kFailedPrecondition,
        "Docker network " + options_.name + " was made by " +
            (owner == network.labels.end() ? std::string("somebody else")
                                           : "the instance " + owner->second) +
            ", who may give the same addresses to others: name another one with --network");
  }
  pool_.SetSubnet(*subnet);
  for (const auto& [container, address] : network.containers) pool_.Use(address);
  done_ = true;
  return {};
}

Result<void> ReplicaNetwork::Create() {
  std::vector<Cidr> candidates;
  if (!options_.subnet.empty()) {
    const auto subnet = ParseCidr(options_.subnet);
    if (!subnet || subnet->prefix > 28) {
      return Error(Code::kInvalidArgument, "--subnet " + options_.subnet +
                                               ": must be an IPv4 network like 172.30.0.0/16, at "
                                               "most /28");
    }
    candidates = {*subnet};
  } else {
    auto taken = engine_.ListNetworks();
    if (!taken) return Wrap("list Docker networks", taken.error());
    for (const std::string& route : options_.host_routes) taken->push_back({.subnet = route});
    candidates = CandidateSubnets(*taken);
  }
  Status last{Code::kFailedPrecondition,
              "every subnet that Ballast would choose is in use; name one with --subnet"};
  for (const Cidr& subnet : candidates) {
    auto id = engine_.CreateNetwork({.name = options_.name,
                                     .subnet = subnet.ToString(),
                                     .ip_range = AddressPool::DockerRange(subnet).ToString(),
                                     .labels = {{api::kLabelOwner, options_.owner}}});
    if (id || id.error().code == Code::kAlreadyExists) {
      auto network = engine_.InspectNetwork(options_.name);
      if (!network) return Wrap("inspect network " + options_.name, network.error());
      return Adopt(*network);
    }
    last = id.error();
    if (last.code == Code::kUnavailable || last.code == Code::kTimeout) break;
  }
  return Wrap("create Docker network " + options_.name, last);
}

void ReplicaNetwork::Reset() {
  const std::lock_guard lock(mutex_);
  done_ = false;
}

}  // namespace ballast::reconcilers
