// Routes -> the two maps that all listeners share. A key is host + path; a prefix ends in '/' so
// that it matches whole path elements, and HAProxy's map_beg takes the longest. Pure.
#pragma once

#include <map>
#include <string>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

// key -> backend. Where two routes make the same key ("/foo" and "/foo/" as prefixes), the first in
// the model's order has it, so that a key is never twice in a map.
struct RouteMaps {
  std::map<std::string, std::string> exact;
  std::map<std::string, std::string> prefix;
};

// InvalidArgument when its host, path or backend must not be written.
[[nodiscard]] Result<void> CheckRoute(const RouteModel& route);

// InvalidArgument names the route whose host, path or backend must not be written.
[[nodiscard]] Result<RouteMaps> MakeRouteMaps(const LoadBalancerModel& model);

// The key of one route, unchecked.
[[nodiscard]] std::string RouteKey(const api::Route& route);

}  // namespace ballast::reconcilers::haproxy
