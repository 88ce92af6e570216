// What one pass of WebAppReconciler gathers; private to reconcilers/webapp.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reconcilers/webapp/reconciler.h"

namespace ballast::reconcilers {

struct WebAppReconciler::Pass {
  api::ObjectKey key;
  AppMemory& memory;
  std::shared_ptr<const api::WebApp> app;  // null: deleted
  AppContainers containers;
  BackendObservation backend;
  PlanInput input;
  PlanOutput output;
  AppProblems problems;
  // What the containers of a revision tell of it.
  struct Revision {
    TemplatePtr pod_template;         // null: no label of theirs can be read
    std::vector<std::string> images;  // ids, as PinnedImages knows them
    api::Time started{};              // of its rollout; zero: not known
    std::string config;               // digests of what it took from Secrets and ConfigMaps
    std::string cause;                // why there is this revision
    ReplicaConfigPtr values;          // those very values, when they can be had still
  };
  std::map<std::string, Revision> revisions;
  std::string update_config;       // digests, of the update revision
  ReplicaConfigPtr update_values;  // null: its template refers to nothing, or cannot be resolved
  std::string update_cause;
  // By container id.
  std::map<std::string, const AppContainers::Replica*> replicas;
  std::map<std::string, std::string> addresses;  // "172.30.64.7:8080", for people
  std::map<std::string, Endpoint> endpoints;     // without `admin`
  std::map<std::string, ContainerPtr> infos;
  std::set<std::string> watched;
  std::optional<api::Millis> check_after;

  void CheckAfter(api::Millis delay) {
    if (!check_after || delay < *check_after) check_after = delay;
  }
};

}  // namespace ballast::reconcilers
