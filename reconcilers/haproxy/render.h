// LoadBalancerModel -> configuration files. Pure and deterministic: same model, same bytes.
#pragma once

#include "reconcilers/haproxy/content.h"
#include "reconcilers/haproxy/model.h"
#include "reconcilers/ports/data_plane.h"

namespace ballast::reconcilers::haproxy {

// "haproxy.cfg" and the files it names. InvalidArgument when a value cannot be written safely,
// Internal when `content` lacks what the model names.
[[nodiscard]] Result<ConfigFiles> Render(const LoadBalancerModel& model,
                                         const SecretContent& content = {});

// The configuration that an instance starts with before it has a model: sockets only.
[[nodiscard]] ConfigFiles RenderBootstrap(const std::string& name);

}  // namespace ballast::reconcilers::haproxy
