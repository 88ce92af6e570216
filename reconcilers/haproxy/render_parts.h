// The sections of the configuration file, for render.cc only. Each appends to the writer.
#pragma once

#include "reconcilers/haproxy/content.h"
#include "reconcilers/haproxy/model.h"
#include "reconcilers/haproxy/writer.h"

namespace ballast::reconcilers::haproxy {

void WriteGlobal(const LoadBalancerModel& model, ConfigWriter& out);
void WriteDefaults(const api::LoadBalancerSpec& spec, ConfigWriter& out);
void WriteListener(const api::LoadBalancerSpec& spec, const api::Listener& listener,
                   ConfigWriter& out);
// Stats page, and a listener of our own where nothing else would be one.
void WriteOwnFrontends(const LoadBalancerModel& model, ConfigWriter& out);
void WriteNoRouteBackend(ConfigWriter& out);
// `holds`: the load balancer's.
void WriteBackend(const BackendModel& backend, bool holds, ConfigWriter& out);
// The users of backends and of the stats page. Internal error where `content` lacks some.
void WriteUserlists(const LoadBalancerModel& model, const SecretContent& content,
                    ConfigWriter& out);
// The lines that ask for one of those users: of a backend, or of the stats page. `users`: its
// digest.
void WriteAuthentication(const std::string& userlist, const std::string& users, ConfigWriter& out);

}  // namespace ballast::reconcilers::haproxy
