// What the API does over its unix socket with SQLite below it, as a Markdown table; the server is a
// process of its own:
//   api_bench [DIRECTORY [OBJECTS [WATCHES [SECONDS]]]]     default: the temporary directory, which
//   must be on the disk in question, 5000, 1000, and 5 seconds for each kind of request
// Not a test. Clients run on the same cores. Removes what it made.
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "controller/apiserver/body.h"
#include "controller/apiserver/http_server.h"
#include "controller/apiserver/object_cache.h"
#include "controller/apiserver/registry.h"
#include "controller/apiserver/rest_handler.h"
#include "controller/apiserver/watch.h"
#include "controller/runtime/system_clock.h"
#include "controller/runtime/task_thread.h"
#include "controller/store/memory_store.h"
#include "controller/store/sqlite_store.h"

namespace ballast::bench {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr char kApps[] = "/apis/ballast.dev/v1alpha1/namespaces/default/webapps";

void Must(bool holds, const std::string& what) {
  if (holds) return;
  fmt::print(stderr, "api_bench: {}\n", what);
  std::_Exit(1);
}

double MillisSince(steady_clock::time_point start) {
  return duration<double, std::milli>(steady_clock::now() - start).count();
}

double RssMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

void Row(const std::string& what, const std::string& figure, const std::string& aim = "") {
  fmt::print("| {} | {} | {} |\n", what, figure, aim);
  std::fflush(stdout);
}

// --- The server's process

class NoEnqueuer final : public reconcilers::Enqueuer {
  void Enqueue(const api::ObjectKey&) override {}
};
class NoEvents final : public reconcilers::EventRecorder {
  void Record(const api::ObjectKey&, reconcilers::EventType, std::string_view,
              std::string_view) override {}
};

[[noreturn]] void Serve(const std::string& directory, int ready) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const runtime::SystemClock clock;
  const api::DecodeOptions decode{
      .allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}};
  auto opened = store::SqliteStore::Open({.path = directory + "/ballast.db"}, clock);
  Must(opened.has_value(), "open the store");
  reconcilers::Store& durable = **opened;
  store::MemoryStore transient(clock);
  runtime::TaskThread tasks;
  std::atomic<unsigned> uids = static_cast<unsigned>(getpid());
  apiserver::Registry registry(
      {.durable = durable,
       .transient = transient,
       .clock = clock,
       .new_uid = [&uids] { return fmt::format("{:08x}-0000-4000-8000-000000000000", ++uids); },
       .executor = [&tasks](std::function<void()> task) { tasks.Post(std::move(task)); },
       .decode = decode});
  Must(registry.Load().has_value(), "load the registry");
  NoEnqueuer enqueuer;
  NoEvents events;
  apiserver::ObjectCache cache({.store = durable,
                                .enqueuer = enqueuer,
                                .events = events,
                                .decode = decode,
                                .waits_for_more = nullptr});
  Must(cache.Load().has_value(), "load the cache");
  cache.Start();
  apiserver::WatchHub hub(clock);
  hub.Start({&durable, &transient});
  const apiserver::RestHandler rest(
      {.registry = registry,
       .hub = hub,
       .clock = clock,
       .version = "bench",
       .authenticate = [](const apiserver::HttpRequest&) -> std::optional<apiserver::User> {
         return apiserver::User{.name = "bench", .groups = {}, .may_do_all = true};
       },
       .audit = [](const apiserver::AuditRecord&) {},
       .readers = {},
       .other =
           [](const apiserver::User&, const apiserver::HttpRequest&,
              const apiserver::Respond& respond) { respond({.body = std::to_string(RssMib())}); }});
  reconcilers::NullMetrics metrics;
  apiserver::HttpServer server(metrics);
  apiserver::ListenerOptions options;
  options.limits.body_bytes = apiserver::kMaxBodyBytes;
  options.limits.connections = 20'000;
  options.limits.streams_per_client = 20'000;
  const auto listening = server.ListenUnix(
      directory + "/socket", 0600,
      [&rest](apiserver::HttpRequest request, apiserver::Respond respond) {
        rest.Handle(std::move(request), std::move(respond));
      },
      options);
  Must(listening.has_value(), "listen");
  server.Start();
  Must(write(ready, "", 1) == 1, "say so");
  while (true) pause();
}

class Server {
 public:
  explicit Server(std::string directory) : directory_(std::move(directory)) {}
  ~Server() { Kill(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Milliseconds until it served.
  double Start() {
    std::array<int, 2> ready{};
    Must(pipe(ready.data()) == 0, "pipe");
    const auto began = steady_clock::now();
    pid_ = fork();
    if (pid_ == 0) Serve(directory_, ready[1]);
    char byte = 0;
    close(ready[1]);
    Must(pid_ > 0 && read(ready[0], &byte, 1) == 1, "the server does not start");
    close(ready[0]);
    return MillisSince(began);
  }
  void Kill() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  const std::string directory_;
  pid_t pid_ = -1;
};

// --- The clients' process

class Connection {
 public:
  explicit Connection(const std::string& path)
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Must(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& method, const std::string& target, const std::string& body = "",
            const std::string& type = "application/json") const {
    const std::string text =
        fmt::format("{} {} HTTP/1.1\r\nHost: b\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                    method, target, type, body.size(), body);
    Must(send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()),
         "send");
  }
  // A whole answer; its body.
  std::string Receive(int status) {
    std::size_t head = std::string::npos;
    while ((head = text_.find("\r\n\r\n")) == std::string::npos) Read();
    Must(text_.starts_with(fmt::format("HTTP/1.1 {} ", status)), text_.substr(0, 400));
    const std::size_t at = text_.find("Content-Length: ");
    Must(at < head, "no length");
    const std::size_t size = std::strtoul(text_.c_str() + at + 16, nullptr, 10);
    while (text_.size() < head + 4 + size) Read();
    std::string body = text_.substr(head + 4, size);
    text_.erase(0, head + 4 + size);
    return body;
  }
  std::string Do(int status, const std::string& method, const std::string& target,
                 const std::string& body = "", const std::string& type = "application/json") {
    Send(method, target, body, type);
    return Receive(status);
  }
  void ReadHead() {
    while (text_.find("\r\n\r\n") == std::string::npos) Read();
    text_.clear();
  }
  // The next event of a watch.
  void ReadEvent() {
    while (text_.find("}\n\r\n") == std::string::npos) Read();
    text_.clear();
  }

 private:
  void Read() {
    std::array<char, 65536> buffer{};
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    Must(n > 0, "the server closed");
    text_.append(buffer.data(), static_cast<std::size_t>(n));
  }
  int fd_;
  std::string text_;
};

std::string NameOf(int i) { return fmt::format("app-{:05}", i); }
std::string PathOf(int i) { return std::string(kApps) + "/" + NameOf(i); }

// About 2 KiB once it has its defaults.
std::string App(const std::string& name, int replicas) {
  return fmt::format(
      R"({{"apiVersion":"ballast.dev/v1alpha1","kind":"WebApp","metadata":{{"name":"{}",)"
      R"("labels":{{"app":"bench"}}}},"spec":{{"replicas":{},"template":{{"spec":{{"containers":[)"
      R"({{"name":"web","image":"shop:1","ports":[{{"containerPort":8080}}],)"
      R"("env":[{{"name":"A","value":"b"}}]}}]}}}}}}}})",
      name, replicas);
}

double Quantile(std::vector<double>& sorted, double share) {
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

class Bench {
 public:
  Bench(std::string directory, int objects, int watches, int seconds)
      : directory_(std::move(directory)), objects_(objects), watches_(watches), seconds_(seconds) {}

  void Run() {
    Server server(directory_);
    server.Start();
    Fill();
    for (const int clients : {1, 8, 64}) {
      Load(fmt::format("merge patch, {} clients", clients), clients,
           clients > 8 ? ">= 3000/s, or the disk's limit" : "",
           [](Connection& client, int object, int turn) {
             client.Do(200, "PATCH", PathOf(object),
                       fmt::format(R"({{"metadata":{{"annotations":{{"turn":"{}"}}}}}})", turn),
                       "application/merge-patch+json");
           });
    }
    Load("server-side apply, 1 client", 1, "", [](Connection& client, int object, int turn) {
      client.Do(200, "PATCH", PathOf(object) + "?fieldManager=bench&force=true",
                App(NameOf(object), turn % 5 + 1), "application/apply-patch+yaml");
    });
    Load("GET, 1 client", 1, "",
         [](Connection& client, int object, int) { client.Do(200, "GET", PathOf(object)); });
    Load(fmt::format("LIST of {}, 1 client", objects_), 1, "<= 50 ms",
         [](Connection& client, int, int) { client.Do(200, "GET", kApps); });
    Watches();
    server.Kill();
    std::vector<double> starts;
    for (int i = 0; i < 5; ++i) {
      starts.push_back(server.Start());
      server.Kill();
    }
    std::ranges::sort(starts);
    Row(fmt::format("start with {} objects, killed before", objects_),
        fmt::format("p50 {:.0f} ms, slowest {:.0f} ms", starts[2], starts[4]));
  }

 private:
  [[nodiscard]] std::string Socket() const { return directory_ + "/socket"; }

  void Fill() const {
    constexpr int kClients = 16;
    const auto began = steady_clock::now();
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < kClients; ++t) {
        threads.emplace_back([this, t] {
          Connection client(Socket());
          for (int i = t; i < objects_; i += kClients) {
            client.Do(201, "POST", kApps, App(NameOf(i), 1));
          }
        });
      }
    }
    Row(fmt::format("{} creates, {} clients", objects_, kClients),
        fmt::format("{:.0f}/s", objects_ / (MillisSince(began) / 1000)));
  }

  void Load(const std::string& what, int clients, const std::string& aim,
            const std::function<void(Connection&, int object, int turn)>& request) const {
    std::vector<std::vector<double>> times(static_cast<std::size_t>(clients));
    const auto began = steady_clock::now();
    const auto end = began + std::chrono::seconds(seconds_);
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < clients; ++t) {
        threads.emplace_back([&, t] {
          Connection client(Socket());
          int turn = 0;
          for (int i = t; steady_clock::now() < end; i += clients) {
            const auto sent = steady_clock::now();
            request(client, i % objects_,
                    ++turn + static_cast<int>(sent.time_since_epoch().count() % 1000));
            times[static_cast<std::size_t>(t)].push_back(MillisSince(sent));
          }
        });
      }
    }
    const double taken = MillisSince(began) / 1000;
    std::vector<double> all;
    for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    Row(what,
        fmt::format("{:.0f}/s, p50 {:.2f} ms, p99 {:.2f} ms",
                    static_cast<double>(all.size()) / taken, Quantile(all, 0.5),
                    Quantile(all, 0.99)),
        aim);
  }

  void Watches() const {
    Connection control(Socket());
    const std::string list = control.Do(200, "GET", std::string(kApps) + "?limit=1");
    const std::string key = "\"resourceVersion\":\"";
    const std::string version =
        std::to_string(std::strtoull(list.c_str() + list.find(key) + key.size(), nullptr, 10));
    const double before = std::strtod(control.Do(200, "GET", "/rss").c_str(), nullptr);
    std::vector<std::unique_ptr<Connection>> watches;
    for (int i = 0; i < watches_; ++i) {
      watches.push_back(std::make_unique<Connection>(Socket()));
      watches.back()->Send("GET", std::string(kApps) + "?watch=true&resourceVersion=" + version);
    }
    for (const auto& watch : watches) watch->ReadHead();
    std::vector<double> times;
    for (int round = 0; round < 20; ++round) {
      const auto sent = steady_clock::now();
      control.Send("PATCH", PathOf(0),
                   fmt::format(R"({{"metadata":{{"annotations":{{"round":"{}"}}}}}})", round),
                   "application/merge-patch+json");
      for (const auto& watch : watches) watch->ReadEvent();
      times.push_back(MillisSince(sent));
      control.Receive(200);
    }
    const double after = std::strtod(control.Do(200, "GET", "/rss").c_str(), nullptr);
    std::ranges::sort(times);
    Row(fmt::format("{} open watches", watches_),
        fmt::format("{:.1f} MiB, {:.1f} KiB each", after - before,
                    (after - before) * 1024 / watches_),
        "<= 30 MiB");
    Row(fmt::format("from a write until {} watches have it", watches_),
        fmt::format("p50 {:.1f} ms, slowest of 20 {:.1f} ms", Quantile(times, 0.5), times.back()));
  }

  const std::string directory_;
  const int objects_;
  const int watches_;
  const int seconds_;
};

int Main(int argc, char** argv) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  std::string directory =
      (argc > 1 ? std::string(argv[1]) : std::filesystem::temp_directory_path().string()) +
      "/api-bench.XXXXXX";
  Must(mkdtemp(directory.data()) != nullptr, directory);
  const auto number = [&](int index, int otherwise) {
    return argc > index ? std::max(1, std::atoi(argv[index])) : otherwise;
  };
  fmt::print("\n| API over SQLite | measured | bar |\n|---|---|---|\n");
  Bench(directory, number(2, 5'000), number(3, 1'000), number(4, 5)).Run();
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace ballast::bench

int main(int argc, char** argv) { return ballast::bench::Main(argc, argv); }
