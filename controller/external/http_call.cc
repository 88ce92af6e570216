#include "controller/external/http_call.h"

// cpprestsdk's headers use what this forbids.
#undef BOOST_ASIO_NO_DEPRECATED

#include <memory>

#ifdef __clang__
// clang makes C++23's constexpr ~unique_ptr where json.h has declared this class only; so that
// clang-tidy can read the file.
namespace web::json::details {
class _Value;  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming)
}
template <>
struct std::default_delete<web::json::details::_Value> {
  default_delete() = default;
  template <typename Derived>
  // NOLINTNEXTLINE(google-explicit-constructor): as the template that it stands for.
  default_delete(const default_delete<Derived>& /*other*/) {}
  void operator()(web::json::details::_Value* value) const;
};
#endif

#include <cpprest/http_client.h>
#include <fmt/format.h>
#include <pplx/threadpool.h>

#include <atomic>
#include <cerrno>
#include <exception>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/runtime/log.h"

#ifdef __clang__
void std::default_delete<web::json::details::_Value>::operator()(
    web::json::details::_Value* value) const {
  delete value;
}
#endif

namespace ballast::external {
namespace {

namespace http = web::http;

// Tasks wait for nothing there. With only one, cpprestsdk itself hangs now and then.
constexpr std::size_t kThreads = 2;

void ChooseThreads() {
  static const bool once = [] {
    try {
      crossplat::threadpool::initialize_with_threads(kThreads);
    } catch (const std::exception& exception) {
      // Somebody else did: theirs will do.
      runtime::Log(runtime::LogLevel::kDebug, "cpprestsdk has its threads already",
                   {{"error", exception.what()}});
    }
    return true;
  }();
  static_cast<void>(once);
}

struct TooLarge : std::exception {};
struct Cancelled : std::exception {};

Status Describe(const http::http_exception& exception) {
  const std::string_view what = exception.what();
  const int number = exception.error_code().value();
  if (number == ETIMEDOUT) return {Code::kTimeout, "does not answer in time"};
  if (what.starts_with("Error resolving") || what.starts_with("Failed to resolve")) {
    return {Code::kUnavailable, "has a name that is not known here"};
  }
  if (what.starts_with("Failed to connect")) {
    return {Code::kUnavailable, "does not answer: connections are refused"};
  }
  if (what.starts_with("Error in SSL handshake")) {
    return {Code::kUnavailable, "has a certificate that is not trusted here, or speaks no TLS"};
  }
  if (what.starts_with("Failed to read") || what.starts_with("Retrieving message") ||
      what.starts_with("Failed to write")) {
    return {Code::kUnavailable, "broke off the connection"};
  }
  return {Code::kInternal, "does not answer as HTTP servers do"};
}

Status DescribeCurrent(std::size_t max_body) {
  try {
    throw;
  } catch (const TooLarge&) {
    return {Code::kInternal, fmt::format("answered with more than {} KiB", max_body / 1024)};
  } catch (const Cancelled&) {
    return {Code::kCancelled, "was not waited for"};
  } catch (const http::http_exception& exception) {
    return Describe(exception);
  } catch (const std::exception& exception) {
    return {Code::kInternal, std::string("could not be asked: ") + exception.what()};
  } catch (...) {
    return {Code::kInternal, "could not be asked"};
  }
}

}  // namespace

struct HttpCall::State {
  QueryRequest request;
  HttpLimits limits;
  Done done;
  std::atomic<bool> cancelled = false;
  pplx::cancellation_token_source cancel;
};

HttpCall::HttpCall(QueryRequest request, HttpLimits limits, Done done)
    : state_(std::make_shared<State>()) {
  state_->request = std::move(request);
  state_->limits = limits;
  state_->done = std::move(done);
}

HttpCall::~HttpCall() = default;

void HttpCall::Cancel() {
  state_->cancelled = true;
  try {
    state_->cancel.cancel();
  } catch (const std::exception& exception) {
    // It ends by its own time limits.
    runtime::Log(runtime::LogLevel::kDebug, "A query could not be cancelled",
                 {{"server", state_->request.server}, {"error", exception.what()}});
  }
}

void HttpCall::Start() {
  const auto state = state_;
  try {
    if (state->request.server.find('[') != std::string::npos) {
      throw std::invalid_argument("cpprestsdk takes no IPv6 address; give it a name");
    }
    ChooseThreads();
    http::client::http_client_config config;
    config.set_timeout(state->limits.silence);
    config.set_max_redirects(0);
    config.set_proxy(web::web_proxy(web::web_proxy::disabled));
    // A client for each call: its connection ends with it.
    http::client::http_client client(web::uri(state->request.server), config);

    http::http_request request(state->request.form.empty() ? http::methods::GET
                                                           : http::methods::POST);
    request.set_request_uri(web::uri(state->request.target));
    request.headers().add("Accept", "application/json");
    request.headers().add("User-Agent", "ballast");
    if (!state->request.form.empty()) {
      request.set_body(state->request.form, "application/x-www-form-urlencoded");
    }
    // Called between the pieces of a body, and before a piece of impossible length is taken. What
    // it throws ends the request. One chunk is read whole before: only time limits that.
    request.set_progress_handler(
        [state](http::message_direction::direction direction, utility::size64_t bytes) {
          if (state->cancelled) throw Cancelled();
          if (direction == http::message_direction::download && bytes > state->limits.max_body) {
            throw TooLarge();
          }
        });
    client.request(request, state->cancel.get_token())
        .then([](const http::http_response& response) {
          const int status = response.status_code();
          return response.extract_vector().then([status](const std::vector<unsigned char>& body) {
            return HttpReply{status, std::string(body.begin(), body.end())};
          });
        })
        // A task whose exception nobody looks at would end the process.
        .then([state](const pplx::task<HttpReply>& task) {
          Result<HttpReply> result;
          try {
            result = task.get();
            if (result->body.size() > state->limits.max_body) throw TooLarge();
          } catch (...) {
            result = std::unexpected(DescribeCurrent(state->limits.max_body));
            if (state->cancelled) {
              result = Error(Code::kCancelled, "was not waited for");
            }
          }
          state->done(std::move(result));
        });
  } catch (...) {
    state->done(std::unexpected(DescribeCurrent(state->limits.max_body)));
  }
}

}  // namespace ballast::external
