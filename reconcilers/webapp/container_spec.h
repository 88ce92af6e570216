// A pod template as Docker containers: which specs one replica is made from. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/webapp.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/webapp/config_values.h"

namespace ballast::reconcilers {

// Everything that tells one attempt of one replica from another.
struct ReplicaIdentity {
  std::string owner;  // --instance
  std::string ns;
  std::string app;
  std::string replica;  // "shop-7f3a-2"
  std::string revision;
  int slot = 0;
  int attempt = 0;
  int failures = 0;
  std::string network;  // Ballast's own: "ballast"
  std::string address;  // on it
  api::Time rollout_started{};
  std::string config;  // digests, for the label; empty: it takes nothing from anywhere
  std::string cause;   // of its revision
};

struct ReplicaSpecs {
  std::vector<VolumeSpec> volumes;  // emptyDir, configMap, secret
  ContainerSpec main;
  std::vector<ContainerSpec> sidecars;  // network_mode is set once the main container has an id
  // Docker makes volumes that are empty and that only root may write to; in Kubernetes everybody
  // may write to an emptyDir. This container, made with them and never started, is how their mode
  // is set and how they get the files of a ConfigMap or Secret: `opened` is put into its "/". No
  // mounts: nothing to do. (A tmpfs volume would lose them: it is unmounted until the replica
  // runs.)
  ContainerSpec opener;
  std::vector<FileEntry> opened;
};

// "<namespace>.<replica>.<attempt>"; with another --instance than the default in front of it, so
// that two controllers on one engine do not want the same names.
[[nodiscard]] std::string ContainerName(const std::string& owner, const std::string& ns,
                                        const std::string& replica, int attempt);

// The name of ReplicaSpecs::opener of a replica's container.
[[nodiscard]] std::string OpenerName(const std::string& container);

// `image_ids`: one a container of the template, in its order: what the revision is pinned to.
// `values`: of ResolveConfig for that template.
[[nodiscard]] ReplicaSpecs BuildReplica(const ReplicaIdentity& identity,
                                        const api::PodTemplate& pod_template,
                                        const std::vector<std::string>& image_ids,
                                        const ReplicaConfig& values);

// Has a replica of this template volumes that go with it?
[[nodiscard]] bool HasOwnVolumes(const api::PodTemplate& pod_template);

// The ids that a replica's containers were made from, in the template's order; only the first
// one's when the others are not known.
[[nodiscard]] std::vector<std::string> PinnedImages(const ContainerInfo& main,
                                                    std::size_t containers);

// RFC 3339 in UTC with seconds, as kept in labels; and back (epoch when it is rubbish).
[[nodiscard]] std::string FormatTime(api::Time time);
[[nodiscard]] api::Time ParseTime(const std::string& text);

}  // namespace ballast::reconcilers
