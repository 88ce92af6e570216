#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/schemas.h"

namespace ballast::api {
namespace {

Schema<Logging> LoggingSchema() {
  Schema<Logging> schema;
  schema
      .Add("driver", &Logging::driver, Text("a driver or plugin of Docker", RuleLogDriver),
           "Docker's logging driver", "journald")
      .Add("options", &Logging::options,
           StringMap("keys: letters, digits and _.-", RuleLogOption, RulePlainText),
           "The driver's options; they replace the defaults, which belong to json-file alone",
           "{max-size: 50m, max-file: \"5\"}")
      .Presence([](const Logging& logging) {
        return logging.driver == Logging{}.driver ? std::optional<bool>() : true;
      })
      .Check([](const Cursor& at, Logging& logging) {
        if (logging.driver != Logging{}.driver && at.node().Find("options") == nullptr) {
          logging.options.clear();
        }
      });
  return schema;
}

// The items of a list member as cursors need the list's own cursor to stay alive, hence a visitor.
template <typename Visit>
void ForEachItem(const Cursor& at, std::string_view list, std::size_t limit, Visit visit) {
  const Member* member = at.node().Find(list);
  if (member == nullptr || member->value.kind != Value::Kind::kList) return;
  const Cursor list_at = at.At(*member);
  for (std::size_t i = 0; i < std::min(limit, member->value.items.size()); ++i) {
    visit(i, list_at.At(i));
  }
}

void CheckContainers(const Cursor& at, const PodTemplate& pod) {
  std::set<std::string> names;
  std::map<std::uint16_t, std::string> ports;
  ForEachItem(at, "containers", pod.containers.size(), [&](std::size_t i, const Cursor& item) {
    const Container& container = pod.containers[i];
    if (!container.name.empty() && !names.insert(container.name).second) {
      item.DerivedError("name", fmt::format("{} is the name of another container already",
                                            Quote(container.name)));
    }
    if (i == 0 && container.ports.empty()) {
      item.DerivedError("ports",
                        "is required: the first port of the first container takes the traffic");
    }
    ForEachItem(item, "ports", container.ports.size(), [&](std::size_t j, const Cursor& port_at) {
      const std::uint16_t port = container.ports[j].container_port;
      if (port == 0) return;
      const auto [found, is_new] = ports.emplace(port, container.name);
      if (!is_new) {
        port_at.DerivedError(
            "containerPort",
            fmt::format("{} is used by container {} already: all containers of a template share "
                        "one network namespace",
                        port, Quote(found->second)));
      }
    });
  });
}

void CheckVolumes(const Cursor& at, const PodTemplate& pod) {
  std::set<std::string> volumes;
  ForEachItem(at, "volumes", pod.volumes.size(), [&](std::size_t i, const Cursor& item) {
    const std::string& name = pod.volumes[i].name;
    if (!name.empty() && !volumes.insert(name).second) {
      item.DerivedError("name",
                        fmt::format("{} is the name of another volume already", Quote(name)));
    }
  });
  std::set<std::string> mounted;
  ForEachItem(at, "containers", pod.containers.size(), [&](std::size_t i, const Cursor& item) {
    const Container& container = pod.containers[i];
    ForEachItem(item, "volumeMounts", container.volume_mounts.size(),
                [&](std::size_t j, const Cursor& mount_at) {
                  const std::string& name = container.volume_mounts[j].name;
                  if (name.empty()) return;
                  mounted.insert(name);
                  if (!volumes.contains(name)) {
                    mount_at.DerivedError("name",
                                          fmt::format("no volume is called {}", Quote(name)));
                  }
                });
  });
  ForEachItem(at, "volumes", pod.volumes.size(), [&](std::size_t i, const Cursor& item) {
    const std::string& name = pod.volumes[i].name;
    if (!name.empty() && !mounted.contains(name)) {
      item.DerivedError("name", fmt::format("no container mounts the volume {}", Quote(name)));
    }
  });
}

Schema<PodTemplate> MakeTemplateSchema() {
  Schema<PodTemplate> metadata;
  metadata
      .Add("labels", &PodTemplate::labels, Labels(), "Labels of the replicas' containers",
           "{tier: front}")
      .Add("annotations", &PodTemplate::annotations, Annotations(),
           "Free text; a change rolls the app out anew", "{example.com/owner: the shop team}")
      .Refuse("name", "is not allowed: replicas are named by Ballast")
      .Refuse("namespace", "is not allowed: replicas live in their app's namespace")
      .Refuse("creationTimestamp", "is not allowed", "null");
  Schema<LocalObjectReference> pull_secret;
  pull_secret.Required(
      "name", &LocalObjectReference::name, Text("a DNS subdomain, at most 253", RuleLongName),
      "A Secret of type kubernetes.io/dockerconfigjson in the app's namespace", "registry");
  Schema<PodTemplate> spec;
  spec.Required("containers", &PodTemplate::containers,
                List(MapOf("container", ContainerSchema()), 1, 10),
                "What to run. The first serves the traffic; further ones are sidecars in its "
                "network namespace",
                "[{name: web, image: acme/shop:1.4, ports: [{containerPort: 8080}]}]")
      .Add("volumes", &PodTemplate::volumes, List(MapOf("volume", VolumeSchema()), 0, 50),
           "Storage for the containers; each must be mounted", "[{name: cache, emptyDir: {}}]")
      .Add("imagePullSecrets", &PodTemplate::image_pull_secrets,
           List(MapOf("reference", std::move(pull_secret)), 0, 20, Repeats::kRefused),
           "Logins for registries, tried in this order", "[{name: registry}]")
      .Switch(&Features::image_pull_secrets,
              "is not built yet: logins for registries come from the controller's "
              "--registry-config")
      .Add("terminationGracePeriodSeconds", &PodTemplate::termination_grace_period_seconds,
           Integer<int>(0, 3600), "From the stop signal to SIGKILL", "60")
      .Add("logging", &PodTemplate::logging, MapOf("map", LoggingSchema()), "Where the output goes",
           "{driver: journald}")
      .Add("networks", &PodTemplate::networks,
           List(Text("a Docker network of yours", RuleDockerNetwork), 0, 20, Repeats::kRefused),
           "Further Docker networks to join; they must exist", "[shop-db]");
  const std::string later = "is not built yet";
  spec.Refuse("initContainers", later)
      .Refuse("ephemeralContainers", later)
      .Refuse("restartPolicy", "is not allowed: Ballast always restarts, with back-off",
              "\"Always\"")
      .Refuse("securityContext", later + " here: write it on each container")
      .Refuse("hostNetwork", "is not allowed: replicas live on a network of Ballast's", "false")
      .Refuse("hostPID", "is not allowed", "false")
      .Refuse("hostIPC", "is not allowed", "false")
      .Refuse("serviceAccountName", "is not allowed: there are no service accounts")
      .Refuse("nodeSelector", later)
      .Refuse("affinity", later)
      .Refuse("tolerations", later)
      .Refuse("dnsPolicy", later)
      .Refuse("dnsConfig", later)
      .Refuse("hostAliases", later)
      .Refuse("hostname", "is not allowed: it is the replica's name")
      .Refuse("activeDeadlineSeconds", later)
      .Check([](const Cursor& at, PodTemplate& pod) {
        CheckContainers(at, pod);
        CheckVolumes(at, pod);
      });
  Schema<PodTemplate> schema;
  schema.Group("metadata", std::move(metadata), "Labels and annotations of the replicas")
      .Group("spec", std::move(spec), "A subset of Kubernetes' pod spec", true);
  return schema;
}

}  // namespace

Type<std::map<std::string, std::string>> Labels() {
  return StringMap("as in Kubernetes; the prefix ballast.dev/ is reserved", RuleLabelKey,
                   RuleLabelValue);
}

Type<std::map<std::string, std::string>> Annotations() {
  return StringMap("keys as in Kubernetes; the prefix ballast.dev/ is reserved", RuleLabelKey,
                   RuleAnnotationValue);
}

const Schema<PodTemplate>& PodTemplateSchema() {
  static const Schema<PodTemplate> schema = MakeTemplateSchema();
  return schema;
}

}  // namespace ballast::api
