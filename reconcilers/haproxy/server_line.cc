// Implements server_line.h.
#include "reconcilers/haproxy/server_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "reconcilers/haproxy/quote.h"

namespace ballast::reconcilers::haproxy {
namespace {

constexpr std::size_t kMaxGuid = 127;

bool Hashes(api::Balance balance) {
  return balance == api::Balance::kSource || balance == api::Balance::kUri;
}

// FNV-1a: stable over versions and machines, which std::hash is not.
std::uint64_t StableHash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

}  // namespace

std::string ServerGuid(const std::string& backend, const std::string& server) {
  std::string guid = fmt::format("s:{}:{}", backend, server);
  if (guid.size() <= kMaxGuid) return guid;
  const std::string hash = fmt::format("s:{:016x}:", StableHash(guid));
  return hash + server.substr(server.size() - std::min(server.size(), kMaxGuid - hash.size()));
}

Result<void> CheckServer(const ServerModel& server) {
  if (const auto name = CheckName(server.name); !name) return std::unexpected(name.error());
  const auto address = CheckAddress(server.address);
  if (!address) return std::unexpected(address.error());
  if (server.port == 0) return Error(Code::kInvalidArgument, "port 0");
  return {};
}

std::vector<std::string> ServerOptions(const BackendModel& backend, const ServerModel& server) {
  const api::Traffic& traffic = backend.traffic;
  std::vector<std::string> words{"guid", ServerGuid(backend.name, server.name)};
  const auto add = [&words](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  add({"weight", std::to_string(kBaseWeight)});
  if (traffic.protocol == api::AppProtocol::kH2c) add({"proto", "h2"});
  if (traffic.sticky_session) add({"cookie", server.name});
  if (traffic.max_connections_per_replica > 0) {
    add({"maxconn", std::to_string(traffic.max_connections_per_replica)});
  }
  if (traffic.slow_start_seconds > 0) {
    add({"slowstart", fmt::format("{}s", traffic.slow_start_seconds)});
  }
  // By address: ids are given by position in the file, so a reload would move every client.
  if (Hashes(traffic.balance)) add({"hash-key", "addr-port"});
  // Whether it can be reached, and nothing more: what the web app answers is the business of its
  // probes, with their own paths, ports and limits.
  add({"check", "inter", "1s", "fastinter", "5ms", "downinter", "200ms", "rise", "1", "fall", "2"});
  // A connection that fails is a reason to look at once, and no proof: on a busy machine all of
  // them fail together, and taking the servers out for that would leave none.
  add({"observe", "layer4", "error-limit", "1", "on-error", "fastinter"});
  return words;
}

}  // namespace ballast::reconcilers::haproxy
