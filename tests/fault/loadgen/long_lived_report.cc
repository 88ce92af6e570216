#include <nlohmann/json.hpp>

#include "tests/fault/loadgen/long_lived.h"

namespace ballast::loadgen {
namespace {

using nlohmann::json;

const char* Name(StreamState::Kind kind) {
  return kind == StreamState::Kind::kWebSocket ? "websocket" : "events";
}

}  // namespace

std::size_t LongLivedReport::Opened() const {
  std::size_t n = 0;
  for (const StreamState& s : streams) n += s.opened;
  return n;
}

std::size_t LongLivedReport::Cut() const { return CutExcept({}); }

std::size_t LongLivedReport::CutExcept(const std::set<std::string>& replicas) const {
  std::size_t n = 0;
  for (const StreamState& s : streams) n += s.cut && !replicas.contains(s.replica);
  return n;
}

std::map<std::string, std::size_t> LongLivedReport::OpenByReplica() const {
  std::map<std::string, std::size_t> open;
  for (const StreamState& s : streams) {
    if (s.opened && !s.cut) ++open[s.replica];
  }
  return open;
}

std::string LongLivedReport::Summary() const {
  std::uint64_t messages = 0;
  for (const StreamState& s : streams) messages += s.messages;
  return std::to_string(streams.size()) + " long-lived connections, " + std::to_string(Opened()) +
         " opened, " + std::to_string(Cut()) + " cut, " + std::to_string(messages) + " messages";
}

std::string LongLivedReport::Details() const {
  std::string text = Summary() + "\n";
  for (const StreamState& s : streams) {
    if (!s.cut) continue;
    text += "  " + std::string(Name(s.kind)) + " port " + std::to_string(s.local_port) + " at " +
            (s.replica.empty() ? "nobody" : s.replica) + " cut +" +
            std::to_string(static_cast<long>(s.cut_ms)) + " ms (" + s.cut_wall_clock +
            "): " + s.reason + "\n";
  }
  return text;
}

std::string LongLivedReport::Json() const {
  json list = json::array();
  for (const StreamState& s : streams) {
    list.push_back({{"kind", Name(s.kind)},
                    {"replica", s.replica},
                    {"localPort", s.local_port},
                    {"opened", s.opened},
                    {"openedMs", s.opened_ms},
                    {"cut", s.cut},
                    {"cutMs", s.cut_ms},
                    {"cutTime", s.cut_wall_clock},
                    {"reason", s.reason},
                    {"messages", s.messages}});
  }
  const json value = {{"opened", Opened()}, {"cut", Cut()}, {"streams", list}};
  return value.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace ballast::loadgen
