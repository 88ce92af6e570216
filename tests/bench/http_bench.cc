// What the HTTP server costs, in a process of its own: memory of a stream that waits, the time
// until one event reached a thousand of them, and trivial requests a second; over the unix socket
// and TLS.
//   http_bench [STREAMS]      prints a Markdown table; clients run on the same cores
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controller/apiserver/http_server.h"
#include "controller/apiserver/tls_files.h"
#include "controller/runtime/system_clock.h"
#include "tests/fakes/temp_dir.h"

namespace ballast::bench {
namespace {

using apiserver::BodySource;
using apiserver::HttpRequest;
using apiserver::HttpResponse;
using std::chrono::steady_clock;

void Must(bool holds, const char* what) {
  if (holds) return;
  fmt::print(stderr, "http_bench: {} failed\n", what);
  std::exit(1);
}

// --- The server's process

// An event is a number; every stream tells the newest that it has not told yet.
class Events {
 public:
  void Send(long event) {
    const std::lock_guard lock(mutex_);
    event_ = event;
    for (const auto& [stream, wake] : wakes_) wake();
  }
  class Stream final : public BodySource {
   public:
    explicit Stream(Events& events) : events_(events) {}
    ~Stream() override {
      const std::lock_guard lock(events_.mutex_);
      events_.wakes_.erase(this);
    }
    void Start(std::function<void()> wake) override {
      const std::lock_guard lock(events_.mutex_);
      events_.wakes_.emplace(this, std::move(wake));
      told_ = events_.event_;
    }
    Next Fill(std::string& out) override {
      const std::lock_guard lock(events_.mutex_);
      if (told_ != events_.event_) out += std::to_string(told_ = events_.event_) + "\n";
      return Next::kWait;
    }

   private:
    Events& events_;
    long told_ = 0;
  };

 private:
  std::mutex mutex_;
  long event_ = 0;
  std::map<const Stream*, std::function<void()>> wakes_;
};

long ResidentKib() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  }
  return 0;
}

long Nanoseconds() { return steady_clock::now().time_since_epoch().count(); }

[[noreturn]] void Serve(const std::string& path, const apiserver::TlsOptions& tls, int port_pipe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  Events events;
  const auto handler = [&events](const HttpRequest& request, const apiserver::Respond& respond) {
    if (request.path == "/watch") {
      return respond({.stream = std::make_shared<Events::Stream>(events)});
    }
    if (request.path == "/send") events.Send(Nanoseconds());
    respond({.body = std::to_string(ResidentKib())});
  };
  reconcilers::NullMetrics metrics;
  apiserver::HttpServer server(metrics);
  const apiserver::ListenerOptions options{
      .limits = {.connections = 20'000, .streams_per_client = 20'000}};
  Must(server.ListenUnix(path, 0600, handler, options).has_value(), "listen");
  const auto port = server.ListenTls("127.0.0.1", 0, tls, handler, options);
  Must(port.has_value(), "listen");
  server.Start();
  Must(write(port_pipe, &*port, sizeof *port) == sizeof *port, "write");
  while (true) pause();
}

// --- The client's

class Connection {
 public:
  explicit Connection(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    Must(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
  }
  Connection(std::uint16_t port, SSL_CTX* context) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Must(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "connect");
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, fd_);
    Must(SSL_connect(ssl_) == 1, "handshake");
  }
  ~Connection() {
    SSL_free(ssl_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Get(const std::string& path) const {
    const std::string text = "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n";
    const auto size = static_cast<int>(text.size());
    Must((ssl_ != nullptr ? SSL_write(ssl_, text.data(), size)
                          : static_cast<int>(send(fd_, text.data(), text.size(), 0))) == size,
         "send");
  }
  // What arrives next.
  std::string Read() const {
    char buffer[16384];
    const auto n = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                   : static_cast<int>(recv(fd_, buffer, sizeof buffer, 0));
    Must(n > 0, "read");
    return {buffer, static_cast<std::size_t>(n)};
  }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
  SSL* ssl_ = nullptr;
};

class Clients {
 public:
  Clients(std::string name, std::string path, std::uint16_t port, SSL_CTX* context)
      : name_(std::move(name)), path_(std::move(path)), port_(port), context_(context) {}

  [[nodiscard]] std::unique_ptr<Connection> Connect() const {
    return context_ == nullptr ? std::make_unique<Connection>(path_)
                               : std::make_unique<Connection>(port_, context_);
  }

  void Streams(std::size_t count) const {
    const auto control = std::make_unique<Connection>(path_);
    {
      Connect()->Get("/");
    }
    const long before = Memory(*control);
    std::vector<std::unique_ptr<Connection>> streams;
    for (std::size_t i = 0; i < count; ++i) {
      streams.push_back(Connect());
      streams.back()->Get("/watch");
      streams.back()->Read();
    }
    const long after = Memory(*control);
    std::vector<double> times;
    for (int round = 0; round < 20; ++round) times.push_back(Reach(*control, streams));
    std::ranges::sort(times);
    const double mib = static_cast<double>(after - before) / 1024;
    fmt::print("| {} | {} idle streams | {:.1f} MiB | {:.1f} KiB each |\n", name_, count, mib,
               mib * 1024 / static_cast<double>(count));
    fmt::print("| {} | one event to {} streams | {:.1f} ms | slowest of 20: {:.1f} ms |\n", name_,
               count, times[times.size() / 2], times.back());
    std::fflush(stdout);
  }

  void Requests(int connections) const {
    constexpr std::chrono::seconds kFor{3};
    std::vector<std::thread> threads;
    std::vector<long> counts(static_cast<std::size_t>(connections));
    const auto end = steady_clock::now() + kFor;
    for (long& count : counts) {
      threads.emplace_back([this, &count, end] {
        const auto connection = Connect();
        while (steady_clock::now() < end) {
          connection->Get("/");
          connection->Read();
          ++count;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    long total = 0;
    for (const long count : counts) total += count;
    fmt::print("| {} | GET, {} kept connections | {} /s | |\n", name_, connections,
               total / kFor.count());
    std::fflush(stdout);
  }

 private:
  static long Memory(const Connection& control) {
    control.Get("/");
    const std::string answer = control.Read();
    return std::atol(answer.c_str() + answer.find("\r\n\r\n") + 4);
  }

  // Milliseconds from the event until the last has it.
  static double Reach(const Connection& control,
                      const std::vector<std::unique_ptr<Connection>>& streams) {
    control.Get("/send");
    control.Read();
    long sent = 0;
    for (const auto& stream : streams) {
      const std::string chunk = stream->Read();
      sent = std::atol(chunk.c_str() + chunk.find("\r\n") + 2);
    }
    return static_cast<double>(Nanoseconds() - sent) / 1e6;
  }

  const std::string name_;
  const std::string path_;
  const std::uint16_t port_;
  SSL_CTX* const context_;
};

int Main(std::size_t count) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const TempDir directory;
  const runtime::SystemClock clock;
  const auto tls = apiserver::TlsFiles::Load(directory.path("tls"), {}, clock);
  Must(tls.has_value(), "certificates");
  int ports[2];
  Must(pipe(ports) == 0, "pipe");
  const pid_t server = fork();
  if (server == 0) Serve(directory.path("socket"), tls->server(), ports[1]);
  std::uint16_t port = 0;
  Must(server > 0 && read(ports[0], &port, sizeof port) == sizeof port, "server");
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  fmt::print("| over | what | | |\n|---|---|---|---|\n");
  for (const Clients& clients : {Clients("unix", directory.path("socket"), port, nullptr),
                                 Clients("TLS", directory.path("socket"), port, context)}) {
    clients.Streams(count);
    clients.Requests(1);
    clients.Requests(16);
  }
  SSL_CTX_free(context);
  kill(server, SIGKILL);
  waitpid(server, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace ballast::bench

int main(int argc, char** argv) {
  return ballast::bench::Main(argc > 1 ? std::stoul(argv[1]) : 1'000);
}
