#include "controller/apiserver/http_server.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "controller/apiserver/http_context.h"
#include "controller/apiserver/http_listen_socket.h"
#include "controller/apiserver/http_listener.h"
#include "controller/apiserver/http_threads.h"
#include "controller/apiserver/http_tls.h"
#include "controller/runtime/log.h"

namespace ballast::apiserver {

namespace net = boost::asio;

namespace {

constexpr std::chrono::milliseconds kGrace{1'000};  // for what is under way when it is time to stop
constexpr std::chrono::milliseconds kLook{10};      // whether that has ended

}  // namespace

class HttpServer::Impl {
 public:
  Impl(reconcilers::Metrics& metrics, std::size_t workers)
      : workers_(workers),
        context_{.io = io_,
                 .workers = workers_,
                 .mailbox = std::make_shared<Mailbox>(io_),
                 .metrics = metrics} {}
  ~Impl() { Stop(); }

  Result<std::uint16_t> Listen(Result<ListenSocket> socket, HttpHandler handler,
                               ListenerOptions options, const TlsIdentity* identity) {
    if (!socket) return std::unexpected(socket.error());
    const std::uint16_t port = socket->port;
    try {
      listeners_.push_back(std::make_unique<Listener>(
          context_, std::move(*socket), std::move(handler), std::move(options), identity));
    } catch (const std::exception& error) {
      return Error(Code::kInternal, std::string("listen: ") + error.what());
    }
    return port;
  }

  Result<void> SetCertificate(const TlsOptions& tls) {
    auto context = NewTlsContext(tls);
    if (!context) return std::unexpected(context.error());
    identity_.Set(std::move(*context));
    return {};
  }
  [[nodiscard]] const TlsIdentity* identity() const { return &identity_; }

  void Start() {
    if (thread_.joinable()) return;
    for (const auto& listener : listeners_) listener->Start();
    workers_.Start();
    work_.emplace(io_.get_executor());
    thread_ = std::thread([this] { Run(); });
  }

  void Stop() {
    if (thread_.joinable()) {
      net::post(io_, [this] {
        for (const auto& listener : listeners_) listener->EndSoon();
        end_at_ = std::chrono::steady_clock::now() + kGrace;
        AwaitEnd();
      });
      thread_.join();
    }
    context_.mailbox->Close();
    workers_.Stop();
    listeners_.clear();
  }

 private:
  // What the libraries throw (no memory left) ends one step of one connection, which its deadline
  // then ends.
  void Run() {
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        runtime::Log(runtime::LogLevel::kError, "A connection failed", {{"error", error.what()}});
      }
    }
  }

  void AwaitEnd() {
    const bool idle = std::ranges::all_of(listeners_, [](const auto& one) { return one->idle(); });
    if (idle || std::chrono::steady_clock::now() >= end_at_) {
      for (const auto& listener : listeners_) listener->Close();
      work_.reset();  // run() returns when what was cancelled has been told so
      return;
    }
    look_.expires_after(kLook);
    look_.async_wait([this](boost::system::error_code) { AwaitEnd(); });
  }

  net::io_context io_{1};  // goes last, with what still waits in it
  Workers workers_;
  ServerContext context_;
  TlsIdentity identity_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::optional<net::executor_work_guard<net::io_context::executor_type>> work_;
  net::steady_timer look_{io_};
  std::chrono::steady_clock::time_point end_at_;
  std::thread thread_;
};

HttpServer::HttpServer(reconcilers::Metrics& metrics, std::size_t workers)
    : impl_(std::make_unique<Impl>(metrics, workers)) {}
HttpServer::~HttpServer() = default;

Result<void> HttpServer::ListenUnix(const std::string& path, mode_t mode, HttpHandler handler,
                                    ListenerOptions options) {
  const auto listening =
      impl_->Listen(BindUnix(path, mode), std::move(handler), std::move(options), nullptr);
  if (!listening) return std::unexpected(listening.error());
  return {};
}

Result<std::uint16_t> HttpServer::ListenTcp(const std::string& address, std::uint16_t port,
                                            HttpHandler handler, ListenerOptions options) {
  return impl_->Listen(BindTcp(address, port), std::move(handler), std::move(options), nullptr);
}

Result<std::uint16_t> HttpServer::ListenTls(const std::string& address, std::uint16_t port,
                                            const TlsOptions& tls, HttpHandler handler,
                                            ListenerOptions options) {
  if (auto set = impl_->SetCertificate(tls); !set) return std::unexpected(set.error());
  return impl_->Listen(BindTcp(address, port), std::move(handler), std::move(options),
                       impl_->identity());
}

Result<void> HttpServer::SetCertificate(const TlsOptions& tls) {
  return impl_->SetCertificate(tls);
}

void HttpServer::Start() { impl_->Start(); }
void HttpServer::Stop() { impl_->Stop(); }

}  // namespace ballast::apiserver
