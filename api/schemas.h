// The schemas of all kinds. Internal to api/; made on first use, then read by any thread.
#pragma once

#include "api/autoscaler.h"
#include "api/core.h"
#include "api/load_balancer.h"
#include "api/schema.h"
#include "api/webapp.h"

namespace ballast::api {

[[nodiscard]] const Schema<WebApp>& WebAppSchema();
[[nodiscard]] const Schema<LoadBalancer>& LoadBalancerSchema();
[[nodiscard]] const Schema<Autoscaler>& AutoscalerSchema();
[[nodiscard]] const Schema<Namespace>& NamespaceSchema();
[[nodiscard]] const Schema<ConfigMap>& ConfigMapSchema();
[[nodiscard]] const Schema<Secret>& SecretSchema();
[[nodiscard]] const Schema<PodTemplate>& PodTemplateSchema();

// How metadata differs from that of Ballast's own kinds.
struct MetaRules {
  std::string kind = "LoadBalancer";  // for messages, of kinds that belong to no namespace
  bool long_names = false;            // a DNS subdomain instead of a label
  bool from_kubectl = false;  // written by `kubectl create`, which fills in an empty time stamp
};

// Parts of the above.
[[nodiscard]] Schema<ObjectMeta> MetaSchema(bool namespaced, const MetaRules& rules = {});
[[nodiscard]] Schema<Metric> MetricSchema();
[[nodiscard]] Schema<Traffic> TrafficSchema();
[[nodiscard]] Schema<Container> ContainerSchema();
[[nodiscard]] Schema<Volume> VolumeSchema();
[[nodiscard]] Schema<EnvVar> EnvSchema();
[[nodiscard]] Schema<EnvFromSource> EnvFromSchema();
[[nodiscard]] Type<ConfigMapVolume> ConfigMapVolumeType();
[[nodiscard]] Type<SecretVolume> SecretVolumeType();
[[nodiscard]] Schema<Probe> ProbeSchema();
// Names of ports become numbers, which only the container knows.
void ResolveProbePort(const Cursor& probe_at, const std::vector<ContainerPort>& ports,
                      Probe& probe);
[[nodiscard]] Type<std::map<std::string, std::string>> Labels();
[[nodiscard]] Type<std::map<std::string, std::string>> Annotations();

}  // namespace ballast::api
