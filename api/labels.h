// The labels that tie Docker's containers, networks and volumes to Ballast's objects: the only link
// between the two, from which everything can be rebuilt after a crash.
#pragma once

namespace ballast::api {

// On containers that serve a WebApp, made by Ballast or by anybody (adopted).
inline constexpr char kLabelWebApp[] = "ballast.dev/webapp";
inline constexpr char kLabelNamespace[] = "ballast.dev/namespace";  // default: "default"

// Written by users on containers of their own.
inline constexpr char kLabelPort[] = "ballast.dev/port";
inline constexpr char kLabelHost[] = "ballast.dev/host";  // makes a WebApp of its own
inline constexpr char kLabelPath[] = "ballast.dev/path";
inline constexpr char kLabelLoadBalancer[] = "ballast.dev/load-balancer";

// Only on what Ballast made. `owner` is --instance; other owners' things are left alone.
inline constexpr char kLabelOwner[] = "ballast.dev/owner";
inline constexpr char kLabelRevision[] = "ballast.dev/revision";
inline constexpr char kLabelReplica[] = "ballast.dev/replica";  // shop-7f3a-2
inline constexpr char kLabelSlot[] = "ballast.dev/slot";        // 2
inline constexpr char kLabelAttempt[] = "ballast.dev/attempt";  // 0, 1, 2 ...
inline constexpr char kLabelImages[] = "ballast.dev/images";    // ids, one a container, with commas
inline constexpr char kLabelTemplate[] = "ballast.dev/template";  // canonical JSON
// Digests of the values that it took from Secrets and ConfigMaps: configmap/shop=...,secret/db=...
inline constexpr char kLabelConfig[] = "ballast.dev/config";
inline constexpr char kLabelCause[] = "ballast.dev/cause";  // of its revision: "secret db changed"
inline constexpr char kLabelSidecar[] = "ballast.dev/sidecar";    // the container's name
inline constexpr char kLabelFailures[] = "ballast.dev/failures";  // consecutive crashes before it
inline constexpr char kLabelRollout[] = "ballast.dev/rollout-started";  // RFC 3339, of the revision
inline constexpr char kLabelAddress[] = "ballast.dev/address";     // given by Ballast on `ballast`
inline constexpr char kLabelVolumeOf[] = "ballast.dev/volume-of";  // on volumes: container name

// On the containers of load balancers.
inline constexpr char kLabelLoadBalancerName[] = "ballast.dev/loadbalancer";
inline constexpr char kLabelLoadBalancerRole[] = "ballast.dev/loadbalancer-role";  // haproxy|pause
inline constexpr char kLabelSpecHash[] = "ballast.dev/spec-hash";

}  // namespace ballast::api
