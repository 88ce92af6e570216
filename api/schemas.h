// The schemas of all kinds. Internal to api/; made on first use, then read by any thread.
#pragma once

#include "api/load_balancer.h"
#include "api/schema.h"
#include "api/webapp.h"

namespace ballast::api {

[[nodiscard]] const Schema<WebApp>& WebAppSchema();
[[nodiscard]] const Schema<LoadBalancer>& LoadBalancerSchema();
[[nodiscard]] const Schema<PodTemplate>& PodTemplateSchema();

// Parts of the above.
[[nodiscard]] Schema<ObjectMeta> MetaSchema(bool namespaced);
[[nodiscard]] Schema<Traffic> TrafficSchema();
[[nodiscard]] Schema<Container> ContainerSchema();
[[nodiscard]] Schema<Volume> VolumeSchema();
[[nodiscard]] Schema<Probe> ProbeSchema();
// Names of ports become numbers, which only the container knows.
void ResolveProbePort(const Cursor& probe_at, const std::vector<ContainerPort>& ports,
                      Probe& probe);
[[nodiscard]] Type<std::map<std::string, std::string>> Labels();
[[nodiscard]] Type<std::map<std::string, std::string>> Annotations();

}  // namespace ballast::api
