// The reasons of conditions and Events, in one place: CamelCase words that people search for.
#pragma once

namespace ballast::api::reason {

// Conditions of a WebApp.
inline constexpr char kMinimumReplicasAvailable[] = "MinimumReplicasAvailable";
inline constexpr char kMinimumReplicasUnavailable[] = "MinimumReplicasUnavailable";
inline constexpr char kReplicasUpdated[] = "ReplicasUpdated";
inline constexpr char kRolloutComplete[] = "RolloutComplete";
inline constexpr char kRolloutPaused[] = "RolloutPaused";
inline constexpr char kProgressDeadlineExceeded[] = "ProgressDeadlineExceeded";
inline constexpr char kImagePullFailed[] = "ImagePullFailed";
inline constexpr char kConfigMissing[] = "ConfigMissing";  // an Event too
inline constexpr char kConfigUnavailable[] = "ConfigUnavailable";
inline constexpr char kCreateFailed[] = "CreateFailed";
inline constexpr char kCrashLoopBackOff[] = "CrashLoopBackOff";
inline constexpr char kUnready[] = "ReplicasUnready";
inline constexpr char kTrafficNotApplied[] = "TrafficNotApplied";
inline constexpr char kAsExpected[] = "AsExpected";
inline constexpr char kPoolOnly[] = "LabelledContainersOnly";
inline constexpr char kTerminating[] = "Terminating";
inline constexpr char kNoSuchWebApp[] = "NoSuchWebApp";

// Conditions of an Autoscaler: HPA's where it has one.
inline constexpr char kReadyForNewScale[] = "ReadyForNewScale";
inline constexpr char kScaleUpStabilized[] = "ScaleUpStabilized";
inline constexpr char kScaleDownStabilized[] = "ScaleDownStabilized";
inline constexpr char kFailedGetScale[] = "FailedGetScale";        // an Event too
inline constexpr char kFailedUpdateScale[] = "FailedUpdateScale";  // an Event too
inline constexpr char kValidMetricFound[] = "ValidMetricFound";
inline constexpr char kFailedGetMetric[] = "FailedGetMetric";  // an Event too
inline constexpr char kDesiredWithinRange[] = "DesiredWithinRange";
inline constexpr char kTooFewReplicas[] = "TooFewReplicas";
inline constexpr char kTooManyReplicas[] = "TooManyReplicas";
inline constexpr char kScheduleActive[] = "ScheduleActive";
inline constexpr char kScalingPolicy[] = "ScalingPolicy";

// Events.
inline constexpr char kSuccessfulRescale[] = "SuccessfulRescale";
inline constexpr char kHistoryNotKept[] = "HistoryNotKept";
inline constexpr char kHistoryNotRead[] = "HistoryNotRead";
inline constexpr char kRolloutStarted[] = "RolloutStarted";
inline constexpr char kVariablesLeftOut[] = "VariablesLeftOut";
inline constexpr char kPullSecretUnusable[] = "PullSecretUnusable";
inline constexpr char kCreated[] = "Created";
inline constexpr char kStarted[] = "Started";
inline constexpr char kReady[] = "Ready";
inline constexpr char kInService[] = "InService";
inline constexpr char kDraining[] = "Draining";
inline constexpr char kStopping[] = "Stopping";
inline constexpr char kRemoved[] = "Removed";
inline constexpr char kDied[] = "Died";
inline constexpr char kUnhealthy[] = "Unhealthy";
inline constexpr char kPulling[] = "Pulling";
inline constexpr char kPulled[] = "Pulled";
inline constexpr char kAdopted[] = "Adopted";
inline constexpr char kAdoptedLeft[] = "AdoptedLeft";
inline constexpr char kAdoptionRefused[] = "AdoptionRefused";
inline constexpr char kManifestInvalid[] = "ManifestInvalid";
inline constexpr char kPruneRefused[] = "PruneRefused";
inline constexpr char kPruned[] = "Pruned";
inline constexpr char kApplied[] = "Applied";
inline constexpr char kStateNotSaved[] = "StateNotSaved";
inline constexpr char kReloaded[] = "Reloaded";
inline constexpr char kReloadPending[] = "ReloadPending";
inline constexpr char kReloadRefused[] = "ReloadRefused";
inline constexpr char kReloadPutOff[] = "ReloadPutOff";
inline constexpr char kDriftRepaired[] = "DriftRepaired";
inline constexpr char kStoredObjectInvalid[] = "StoredObjectInvalid";
inline constexpr char kLoadBalancerStarted[] = "LoadBalancerStarted";
inline constexpr char kLoadBalancerUpgraded[] = "LoadBalancerUpgraded";
inline constexpr char kLoadBalancerFailed[] = "LoadBalancerFailed";
inline constexpr char kCertificateChanged[] = "CertificateChanged";
inline constexpr char kCertificateExpiring[] = "CertificateExpiring";
inline constexpr char kCertificateInvalid[] = "CertificateInvalid";
inline constexpr char kBasicAuthUnusable[] = "BasicAuthUnusable";
inline constexpr char kNetworkJoined[] = "NetworkJoined";
inline constexpr char kNetworkLeft[] = "NetworkLeft";

}  // namespace ballast::api::reason
