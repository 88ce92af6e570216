#include "tests/fakes/fake_data_plane.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "reconcilers/haproxy/certificate.h"
#include "reconcilers/haproxy/paths.h"

namespace ballast::fakes {
namespace {

using reconcilers::ConfigFiles;
using reconcilers::InstanceRef;
using reconcilers::WorkerProcess;

std::vector<std::string> Words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

constexpr char kStatHeader[] = "# pxname,svname,qcur,scur,stot,status,act,type\n";

bool Writes(const std::string& command) { return !command.starts_with("show "); }

class FakeDataPlane final : public reconcilers::DataPlane {
 public:
  explicit FakeDataPlane(FakeHaproxy& haproxy) : haproxy_(haproxy) {}

  Result<std::vector<std::string>> Commands(const std::vector<std::string>& commands) override {
    if (!haproxy_.running) {
      connected_to_ = 0;
      return Error(Code::kUnavailable, "connect to admin.sock: Connection refused");
    }
    if (connected_to_ != 0 && connected_to_ != haproxy_.pid) {
      connected_to_ = 0;
      return Error(Code::kUnavailable, "HAProxy closed the connection");
    }
    connected_to_ = haproxy_.pid;
    std::vector<std::string> replies;
    for (const std::string& command : commands) {
      const auto fault = std::ranges::find_if(haproxy_.faults, [&](const auto& candidate) {
        return command.starts_with(candidate.prefix);
      });
      if (fault == haproxy_.faults.end()) {
        replies.push_back(haproxy_.Answer(command));
        continue;
      }
      const FakeHaproxy::Fault what = std::move(*fault);
      haproxy_.faults.erase(fault);
      if (what.reply) {
        if (Writes(command)) haproxy_.writes.push_back(command);
        replies.push_back(*what.reply);
        continue;
      }
      if (what.after_running) static_cast<void>(haproxy_.Answer(command));
      connected_to_ = 0;
      return Error(Code::kUnavailable, "HAProxy closed the connection");
    }
    return replies;
  }

  Result<std::vector<std::string>> OldWorkers(std::string_view command) override {
    if (!haproxy_.running) return Error(Code::kUnavailable, "connect: Connection refused");
    std::vector<std::string> replies;
    if (haproxy_.old_workers > 0) replies.push_back(Old(command));
    return replies;
  }
  Result<std::string> OnWorker(int pid, std::string_view command) override {
    if (!haproxy_.running) return Error(Code::kUnavailable, "connect: Connection refused");
    return pid == haproxy_.pid ? haproxy_.Answer(std::string(command)) : Old(command);
  }
  Result<std::vector<WorkerProcess>> Processes() override {
    if (!haproxy_.running) return Error(Code::kUnavailable, "connect: Connection refused");
    std::vector<WorkerProcess> processes{{haproxy_.pid, false, 0}};
    if (haproxy_.old_workers > 0) processes.push_back({1, true, 1});
    return processes;
  }

  Result<void> Publish(const ConfigFiles& files) override {
    for (const auto& [name, text] : files) {
      const auto old = haproxy_.files.find(name);
      if (old == haproxy_.files.end() || old->second != text) ++haproxy_.published;
    }
    haproxy_.files = files;
    return {};
  }
  Result<std::string> ReadFile(const std::string& name) override {
    const auto it = haproxy_.files.find(name);
    if (it == haproxy_.files.end()) return Error(Code::kNotFound, name);
    return it->second;
  }
  Result<void> Check(const ConfigFiles&) override {
    if (haproxy_.check_result) return std::unexpected(*haproxy_.check_result);
    return {};
  }
  Result<void> Reload() override {
    if (!haproxy_.running) return Error(Code::kUnavailable, "reload: Connection refused");
    if (haproxy_.reload_result) return std::unexpected(*haproxy_.reload_result);
    ++haproxy_.reloads;
    // The state file keeps what `show servers state` said.
    const auto before = haproxy_.backends;
    if (!haproxy_.LoadFiles()) return Error(Code::kInvalidArgument, "unknown keyword 'bogus'");
    for (auto& [name, servers] : haproxy_.backends) {
      for (auto& [server_name, server] : servers) {
        const auto backend = before.find(name);
        if (backend == before.end()) continue;
        const auto old = backend->second.find(server_name);
        if (old == backend->second.end()) continue;
        server.admin |= old->second.admin & 9;
        server.op = old->second.op;
        server.old_connections = old->second.connections + old->second.old_connections;
        if (server.old_connections > 0) haproxy_.old_workers = 1;
      }
    }
    for (const auto& [backend, count] : haproxy_.held) haproxy_.old_held[backend] += count;
    if (!haproxy_.held.empty()) haproxy_.old_workers = 1;
    haproxy_.held.clear();
    haproxy_.pid = ++FakeHaproxy::next_pid;
    connected_to_ = haproxy_.pid;
    return {};
  }

 private:
  std::string Old(std::string_view command) {
    if (command.starts_with("show stat -1")) return haproxy_.OldStat();
    if (command.starts_with("show stat ")) return OldStat(Words(std::string(command))[2]);
    if (command.starts_with("add server ")) {
      haproxy_.old_servers.emplace_back(command);
      return "New server registered.\n";
    }
    if (!command.starts_with("show servers conn")) return "";
    std::string reply = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max\n";
    for (const auto& [backend, servers] : haproxy_.backends) {
      for (const auto& [name, server] : servers) {
        reply += fmt::format("{}/{} 2/1 {} {} - 5000 {} 9\n", backend, name, server.address,
                             server.port, server.old_connections);
      }
    }
    return reply;
  }

  // What was given to it already is there.
  std::string OldStat(const std::string& backend) {
    std::string reply = kStatHeader;
    for (const std::string& command : haproxy_.old_servers) {
      const std::string path = Words(command)[2];
      if (!path.starts_with(backend + "/")) continue;
      reply += fmt::format("{},{},0,0,9,MAINT,0,2\n", backend, path.substr(backend.size() + 1));
    }
    return reply + fmt::format("{},BACKEND,0,{},9,UP,0,1\n", backend, haproxy_.old_held[backend]);
  }

  FakeHaproxy& haproxy_;
  int connected_to_ = 0;
};

}  // namespace

int FakeHaproxy::next_pid = 100;

bool FakeHaproxy::Start() {
  old_workers = 0;
  loads.clear();
  pid = ++next_pid;
  running = LoadFiles();
  return running;
}

bool FakeHaproxy::LoadFiles() {
  const auto config = files.find(reconcilers::haproxy::kConfigFile);
  if (config == files.end() || config->second.find("bogus") != std::string::npos) return false;
  backends.clear();
  maps.clear();
  std::istringstream lines(config->second);
  std::string backend;
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = Words(line);
    if (words.size() < 2) continue;
    if (!line.starts_with(' ')) {
      backend = words[0] == "backend" ? words[1] : "";
      if (!backend.empty()) backends[backend];
    } else if (words[0] == "server" && !backend.empty()) {
      Server& server = backends[backend][words[1]];
      const std::size_t colon = words[2].rfind(':');
      server.address = words[2].substr(0, colon);
      server.port = std::stoi(words[2].substr(colon + 1));
      for (std::size_t i = 3; i < words.size(); ++i) {
        if (words[i] == "disabled") server.admin = 5;
        if (words[i] == "weight") server.weight = std::stoi(words[i + 1]);
      }
    }
  }
  certificates.clear();
  transactions.clear();
  for (const auto& [name, text] : files) {
    if (!name.ends_with(".list")) continue;
    if (!config->second.contains("ssl crt-list /etc/haproxy/" + name)) continue;
    for (const std::string& path : Words(text)) {
      const auto pem = files.find(path.substr(std::string("/etc/haproxy/").size()));
      if (pem == files.end()) return false;
      certificates[path] = pem->second;
    }
  }
  for (const char* file :
       {reconcilers::haproxy::kExactMapFile, reconcilers::haproxy::kPrefixMapFile,
        reconcilers::haproxy::kHoldMapFile}) {
    if (!files.contains(file)) continue;
    auto& map = maps[std::string("/etc/haproxy/").append(file)];
    std::istringstream entries(files[file]);
    for (std::string line; std::getline(entries, line);) {
      const std::vector<std::string> words = Words(line);
      if (words.size() == 2 && !words[0].starts_with('#')) map.emplace_back(words[0], words[1]);
    }
  }
  return true;
}

void FakeHaproxy::FailNext(const std::string& prefix, const std::string& reply) {
  faults.push_back({prefix, reply, false});
}

void FakeHaproxy::CutNext(const std::string& prefix, bool after_running) {
  faults.push_back({prefix, std::nullopt, after_running});
}

FakeHaproxy::Server* FakeHaproxy::Find(const std::string& path) {
  const std::size_t slash = path.find('/');
  const auto backend = backends.find(path.substr(0, slash));
  if (slash == std::string::npos || backend == backends.end()) return nullptr;
  const auto server = backend->second.find(path.substr(slash + 1));
  return server == backend->second.end() ? nullptr : &server->second;
}

std::string FakeHaproxy::Admin(const std::string& backend, const std::string& server) const {
  const auto servers = backends.find(backend);
  if (servers == backends.end()) return "no backend";
  const auto it = servers->second.find(server);
  if (it == servers->second.end()) return "none";
  if ((it->second.admin & 1) != 0) return "maint";
  return (it->second.admin & 8) != 0 || it->second.weight == 0 ? "drain" : "ready";
}

std::string FakeHaproxy::MapText(const std::string& file) const {
  const auto map = maps.find(file);
  if (map == maps.end()) return "no map";
  std::string text;
  for (const auto& [key, value] : map->second) text += fmt::format("{} {}\n", key, value);
  return text;
}

std::string FakeHaproxy::ShowState(const std::string& only) const {
  if (!only.empty() && !backends.contains(only)) return "Can't find backend.\n";
  std::string reply =
      "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
      "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
      "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port\n";
  int id = 1;
  for (const auto& [backend, servers] : backends) {
    if (!only.empty() && backend != only) continue;
    for (const auto& [name, server] : servers) {
      reply += fmt::format("3 {} {} {} {} {} {} {} 20 9 6 3 1 {} 0 0 0 - {}\n", backend, id++, name,
                           server.address, server.op, server.admin, server.weight,
                           server.check_state, server.port);
    }
  }
  return reply;
}

std::string FakeHaproxy::ShowStatOf(const std::string& backend) const {
  const auto servers = backends.find(backend);
  if (servers == backends.end()) return "No such proxy.\n";
  std::string reply = kStatHeader;
  int active = 0;
  int sessions = held.contains(backend) ? held.at(backend) : 0;
  for (const auto& [name, server] : servers->second) {
    const bool up = (server.admin & 9) == 0 && server.op != 0;
    active += up ? 1 : 0;
    sessions += server.connections;
    reply += fmt::format("{},{},0,{},9,{},{},2\n", backend, name, server.connections,
                         up ? "UP" : "MAINT", up ? 1 : 0);
  }
  return reply + fmt::format("{},BACKEND,0,{},9,UP,{},1\n", backend, sessions, active);
}

std::string FakeHaproxy::ShowStat(bool servers, bool old) const {
  std::string reply =
      "# pxname,svname,qcur,scur,stot,status,act,type,hrsp_5xx,req_tot,qtime,ctime,rtime,\n"
      "ballast.noroute,BACKEND,0,0,3,UP,0,1,0,3,0,0,0,\n";
  for (const auto& [backend, list] : backends) {
    int active = 0;
    for (const auto& [name, server] : list) {
      const bool up = (server.admin & 9) == 0 && server.op == 2;
      active += up ? 1 : 0;
      if (!servers) continue;
      reply += fmt::format("{},{},0,{},{},{},1,2,0,{},0,0,0,\n", backend, name, server.connections,
                           server.requests, up ? "UP" : "MAINT", server.requests);
    }
    const auto known = loads.find(backend);
    const Load load = known == loads.end() ? Load{} : known->second;
    reply += fmt::format("{},BACKEND,{},{},{},UP,{},1,{},{},0,0,0,\n", backend, load.queued,
                         old ? load.old_current : load.current, load.arrived, active, load.errors,
                         load.ended);
  }
  return reply;
}

std::string FakeHaproxy::AddServer(const std::vector<std::string>& words) {
  const std::size_t slash = words[2].find('/');
  const auto backend = backends.find(words[2].substr(0, slash));
  if (backend == backends.end()) return "No such backend.\n";
  if (Find(words[2]) != nullptr) return "Already exists a server with the same name in backend.\n";
  Server server;
  const std::size_t colon = words[3].rfind(':');
  server.address = words[3].substr(0, colon);
  server.port = std::stoi(words[3].substr(colon + 1));
  server.admin = 1;
  server.check_state = 2;
  backend->second[words[2].substr(slash + 1)] = server;
  return "New server registered.\n";
}

std::string FakeHaproxy::SetServer(const std::vector<std::string>& words) {
  Server* server = Find(words[2]);
  if (server == nullptr) return "No such server.\n";
  if (words[3] == "weight") {
    server->weight = std::stoi(words[4]);
  } else if (words[4] == "maint") {
    server->admin = (server->admin & 4) | 1;
  } else if (words[4] == "drain") {
    server->admin = (server->admin & 4) | 8;
  } else {
    server->admin = server->admin & 4;
  }
  return "";
}

std::string FakeHaproxy::ShowCertificate(const std::string& path) const {
  const auto it = certificates.find(path);
  if (it == certificates.end()) {
    return "Can't display the certificate: Not found or the certificate is a bundle!\n";
  }
  const auto certificate = reconcilers::haproxy::ReadCertificateFile(it->second);
  return fmt::format("Filename: {}\nStatus: Used\nSHA1 FingerPrint: {}\nSubject: /CN=x\n", path,
                     certificate ? certificate->fingerprint : "");
}

std::string FakeHaproxy::ChangeCertificate(const std::string& command,
                                           const std::vector<std::string>& words) {
  const std::string& path = words[3];
  const auto open = transactions.find(path);
  if (words[0] == "set") {
    if (!certificates.contains(path)) {
      return "Can't replace a certificate which is not referenced by the configuration!\nCan't "
             "update " +
             path + "!\n";
    }
    const bool again = open != transactions.end();
    transactions[path] = command.substr(command.find('\n') + 1);
    return fmt::format("Transaction {} for certificate {}!\n", again ? "updated" : "created", path);
  }
  if (open == transactions.end()) return "No ongoing transaction!\n";
  if (words[0] == "abort") {
    transactions.erase(open);
    return fmt::format("Transaction aborted for certificate '{}'!\n", path);
  }
  if (!reconcilers::haproxy::ReadCertificateFile(open->second)) {
    return fmt::format(
        "inconsistencies between private key and certificate loaded '{0}'.\nCan't commit {0}!\n",
        path);
  }
  certificates[path] = open->second;
  transactions.erase(open);
  return fmt::format("Committing {}.\nSuccess!\n", path);
}

std::string FakeHaproxy::ChangeMap(const std::vector<std::string>& words) {
  const auto map = maps.find(words[2]);
  if (map == maps.end()) {
    return "Unknown map identifier. Please use #<id> or <file>.\n";
  }
  auto& entries = map->second;
  const auto it = std::ranges::find(entries, words[3], &std::pair<std::string, std::string>::first);
  if (words[0] == "add") {
    entries.emplace_back(words[3], words[4]);
  } else if (it == entries.end()) {
    return words[0] == "set" ? "entry not found.\n" : "Key not found.\n";
  } else if (words[0] == "set") {
    it->second = words[4];
  } else {
    std::erase_if(entries, [&](const auto& entry) { return entry.first == words[3]; });
  }
  return "";
}

std::string FakeHaproxy::Answer(const std::string& command) {
  const std::vector<std::string> words = Words(command);
  if (Writes(command)) writes.push_back(command);
  if (command == "show info") {
    return fmt::format("Name: HAProxy\nVersion: {}\nPid: {}\nStart_time_sec: {}\nStopping: 0\n",
                       version, pid, pid);
  }
  if (command.starts_with("show stat ") && words[2] != "-1") return ShowStatOf(words[2]);
  if (command.starts_with("show servers state")) return ShowState(words.size() > 3 ? words[3] : "");
  if (command.starts_with("show servers conn")) {
    std::string reply = "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max\n";
    for (const auto& [backend, servers] : backends) {
      for (const auto& [name, server] : servers) {
        reply += fmt::format("{}/{} 2/1 {} {} - 5000 {} 9\n", backend, name, server.address,
                             server.port, server.connections);
      }
    }
    return reply;
  }
  if (command.starts_with("show stat")) return ShowStat(command != "show stat -1 2 -1", false);
  if (command.starts_with("show map ")) {
    if (!maps.contains(words[2])) return "Unknown map identifier. Please use #<id> or <file>.\n";
    std::string reply;
    for (const auto& [key, value] : maps[words[2]])
      reply += fmt::format("0x55d0 {} {}\n", key, value);
    return reply;
  }
  if (command.starts_with("add server ")) return AddServer(words);
  if (command.starts_with("set server ")) return SetServer(words);
  if (command.starts_with("enable health ")) {
    Server* server = Find(words[2]);
    if (server == nullptr) return "No such server.\n";
    server->check_state |= 4;
    return "";
  }
  if (command.starts_with("del server ")) {
    Server* server = Find(words[2]);
    if (server == nullptr) return "No such server.\n";
    if ((server->admin & 1) == 0) return "Only servers in maintenance mode can be deleted.\n";
    if (server->connections > 0) {
      return "Server still has connections attached to it, cannot remove it.\n";
    }
    const std::size_t slash = words[2].find('/');
    backends[words[2].substr(0, slash)].erase(words[2].substr(slash + 1));
    return "Server deleted.\n";
  }
  if (command.starts_with("shutdown sessions server ")) {
    Server* server = Find(words[3]);
    if (server == nullptr) return "No such server.\n";
    server->connections = 0;
    return "";
  }
  if (command.starts_with("show ssl cert ")) return ShowCertificate(words[3]);
  if (words.size() > 3 && words[1] == "ssl") return ChangeCertificate(command, words);
  if (words.size() > 3 && words[1] == "map") return ChangeMap(words);
  return "Unknown command: '" + command + "'\n";
}

FakeHaproxy& FakeHaproxyHost::Of(int number, const std::string& load_balancer) {
  return instances_[{load_balancer, number}];
}

std::shared_ptr<reconcilers::DataPlane> FakeHaproxyHost::Open(const InstanceRef& instance) {
  return std::make_shared<FakeDataPlane>(Of(instance.number, instance.load_balancer));
}

std::vector<reconcilers::MountSpec> FakeHaproxyHost::Mounts(const std::string& load_balancer,
                                                            int number) const {
  return {{.source = fmt::format("/fake/{}/{}", load_balancer, number), .target = "/etc/haproxy"}};
}

Result<void> FakeHaproxyHost::Prepare(const std::string& load_balancer, int number,
                                      const ConfigFiles& files) {
  directories_.insert({load_balancer, number});
  if (!files.empty()) Of(number, load_balancer).files = files;
  return {};
}

Result<std::vector<int>> FakeHaproxyHost::Numbers(const std::string& load_balancer) const {
  std::vector<int> numbers;
  for (const auto& [name, number] : directories_) {
    if (name == load_balancer) numbers.push_back(number);
  }
  return numbers;
}

Result<void> FakeHaproxyHost::Remove(const std::string& load_balancer, int number) {
  directories_.erase({load_balancer, number});
  return {};
}

}  // namespace ballast::fakes
