// ballast/hello, the sample web app: something to look at behind the load balancer, and the app
// that the tests break on purpose. README.md beside this file lists its endpoints. One thread.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "images/hello/app.h"
#include "images/hello/connection.h"

namespace {

// As PID 1 of a container the process gets no default action for signals: without a handler SIGTERM
// would be ignored. 143 is what a shell reports of a process that SIGTERM ended.
extern "C" void DieAtOnce(int signal) { _exit(128 + signal); }

void HandleSignals() {
  struct sigaction action = {};
  action.sa_handler = DieAtOnce;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::string HostName() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

int main(int argc, char** argv) {
  const auto started = ballast::hello::App::Clock::now();
  HandleSignals();
  RaiseFileLimit();
  try {
    ballast::hello::App app(ballast::hello::ParseOptions(argc, argv), HostName(), started);
    std::this_thread::sleep_for(app.options().start_delay);
    boost::asio::io_context io(1);
    ballast::hello::Server server(&io, &app);
    server.Listen();
    std::printf("hello: host=%s port=%d tag=%s version=%s\n", app.host().c_str(),
                app.options().port, app.options().tag.c_str(), app.options().version.c_str());
    std::fflush(stdout);
    boost::asio::signal_set signals(io);
    if (app.options().graceful) {
      signals.add(SIGTERM);
      signals.async_wait([&server](const boost::system::error_code& ec, int) {
        if (!ec) server.Stop();
      });
    }
    io.run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "hello: %s\n", e.what());
    return 1;
  }
  return 0;
}
