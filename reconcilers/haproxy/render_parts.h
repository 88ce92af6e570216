// The sections of the configuration file, for render.cc only. Each appends to the writer.
#pragma once

#include "reconcilers/haproxy/model.h"
#include "reconcilers/haproxy/writer.h"

namespace ballast::reconcilers::haproxy {

void WriteGlobal(const api::LoadBalancerSpec& spec, ConfigWriter& out);
void WriteDefaults(const api::LoadBalancerSpec& spec, ConfigWriter& out);
void WriteListener(const api::LoadBalancerSpec& spec, const api::Listener& listener,
                   ConfigWriter& out);
// Stats page, and a listener of our own where nothing else would be one.
void WriteOwnFrontends(const api::LoadBalancerSpec& spec, ConfigWriter& out);
void WriteNoRouteBackend(ConfigWriter& out);
void WriteBackend(const BackendModel& backend, ConfigWriter& out);

}  // namespace ballast::reconcilers::haproxy
