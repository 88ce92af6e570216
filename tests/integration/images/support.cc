#include "tests/integration/images/support.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace ballast::images {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string Shell(const std::string& command, bool may_fail) {
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "popen: " << command;
    return {};
  }
  std::string output;
  std::array<char, 4096> chunk;
  while (const std::size_t n = fread(chunk.data(), 1, chunk.size(), pipe)) {
    output.append(chunk.data(), n);
  }
  const int status = pclose(pipe);
  if (status != 0 && !may_fail) ADD_FAILURE() << command << "\n" << output;
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

std::uint16_t FreePort() {
  asio::io_context io;
  return tcp::acceptor(io, {asio::ip::address_v4::loopback(), 0}).local_endpoint().port();
}

bool Eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < end) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

std::string Exchange(std::uint16_t port, const std::string& bytes) {
  asio::io_context io;
  tcp::socket socket(io);
  boost::system::error_code ec;
  socket.connect({asio::ip::address_v4::loopback(), port}, ec);
  if (ec) return {};
  asio::write(socket, asio::buffer(bytes), ec);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), ec);
  return answer;
}

int Status(std::uint16_t port, const std::string& method, const std::string& target,
           const std::string& body) {
  const std::string answer =
      Exchange(port, method + " " + target +
                         " HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
  return answer.size() < 12 ? 0 : std::atoi(answer.c_str() + 9);
}

Hello::Hello(std::vector<std::string> arguments) : port_(FreePort()) {
  arguments.insert(arguments.begin(), {BALLAST_BINARY_DIR "/bin/hello", "--address=127.0.0.1",
                                       "--port=" + std::to_string(port_)});
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    execv(argv[0], argv.data());
    _exit(127);
  }
  EXPECT_TRUE(Eventually([this] { return Status(port_, "GET", "/healthz") != 0; }));
}

Hello::~Hello() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Hello::Signal(int signal) const { kill(pid_, signal); }

int Hello::Wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

}  // namespace ballast::images
