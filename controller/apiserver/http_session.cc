#include "controller/apiserver/http_session.h"

#include <string>

namespace ballast::apiserver {

namespace http = boost::beast::http;

namespace {

// Paths come from clients; only those that exist become a label of a metric.
void Count(reconcilers::Metrics& metrics, const std::string& path, int status) {
  metrics.Add("ballast_http_requests_total", 1,
              {{"path", status == 404 || status == 400 ? "other" : path},
               {"code", std::to_string(status)}});
}

BeastResponse Convert(const HttpResponse& answer, unsigned version) {
  BeastResponse response(static_cast<http::status>(answer.status), version);
  response.set(http::field::content_type, answer.content_type);
  response.set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.body() = answer.body;
  return response;
}

}  // namespace

BeastResponse Answer(const BeastRequest& request, const HttpHandler& handler,
                     reconcilers::Metrics& metrics) {
  HttpRequest plain{.method = std::string(request.method_string()), .body = request.body()};
  const HttpResponse answer = ParseTarget(request.target(), plain)
                                  ? handler(plain)
                                  : TextResponse(400, "the request's target is not a valid path");
  Count(metrics, plain.path, answer.status);
  BeastResponse response = Convert(answer, request.version());
  response.keep_alive(request.keep_alive());
  response.content_length(response.body().size());
  if (request.method() == http::verb::head) response.body().clear();
  return response;
}

std::optional<BeastResponse> AnswerBroken(boost::beast::error_code error) {
  HttpResponse answer;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    answer = TextResponse(431, "the request's header is too large");
  } else if (error == http::error::body_limit) {
    answer = TextResponse(413, "the request's body is too large");
  } else if (error == http::error::end_of_stream || error == http::error::partial_message ||
             error.category() != http::make_error_code(http::error::bad_method).category()) {
    return std::nullopt;  // the client is gone, or took too long
  } else {
    answer = TextResponse(400, "this is not HTTP/1.1: " + error.message());
  }
  BeastResponse response = Convert(answer, 11);
  response.keep_alive(false);
  response.prepare_payload();
  return response;
}

}  // namespace ballast::apiserver
