// Prometheus' HTTP API: what an instant query asks, and its answer as one number. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/autoscaler.h"

namespace ballast::external {

// One HTTP request.
struct QueryRequest {
  std::string server;  // "http://prometheus:9090"
  std::string target;  // "/prefix/api/v1/query?query=up"
  std::string form;    // sent as a POST unless it is empty: proxies cut long targets
};
// `timeout`: in seconds, after which the server itself gives up.
[[nodiscard]] QueryRequest RequestOf(const api::PrometheusQuery& query, int timeout);

struct PrometheusAnswer {
  // It said what the query's value is, or that there is none. False: it could not be asked, and
  // what it said before may still hold.
  bool evaluated = false;
  std::optional<double> value;  // finite, 0 or more
  std::string problem;          // why there is no value: goes on after the server's name
};
[[nodiscard]] PrometheusAnswer ReadAnswer(int http_status, std::string_view body);

}  // namespace ballast::external
