// What HAProxy's files cannot hold is found value by value, before anything is rendered, so that
// one web app never keeps the others from being served. api/ lets nothing of the kind through;
// names of adopted containers, and what somebody else told HAProxy, come by other ways. Pure.
#pragma once

#include <map>
#include <string>

#include "reconcilers/haproxy/model.h"

namespace ballast::reconcilers::haproxy {

// Takes out of `model` each server, route and backend (with its routes) that Render would refuse,
// and says why, by backend. Render then refuses nothing of what is left but the spec.
[[nodiscard]] std::map<std::string, std::string> LeaveOutUnwritable(LoadBalancerModel& model);

}  // namespace ballast::reconcilers::haproxy
