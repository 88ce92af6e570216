// LoadBalancerModel -> configuration files. Pure and deterministic: same model, same bytes.
#pragma once

#include <set>

#include "reconcilers/haproxy/model.h"
#include "reconcilers/ports/data_plane.h"

namespace ballast::reconcilers::haproxy {

// "haproxy.cfg" and the maps it names. InvalidArgument when a value cannot be written safely.
[[nodiscard]] Result<ConfigFiles> Render(const LoadBalancerModel& model);

// The configuration that an instance starts with before it has a model: sockets only.
[[nodiscard]] ConfigFiles RenderBootstrap(const std::string& name);

}  // namespace ballast::reconcilers::haproxy
