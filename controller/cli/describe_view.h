// What `ballast describe` says about an object: what a person needs of a WebApp, every field of the
// others. Pure, golden-tested.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/meta.h"

namespace ballast::cli {

struct DescribeInput {
  const nlohmann::json& object;
  const std::vector<nlohmann::json>& events;  // of the object, in any order
  // Of a WebApp: its pods, as the server's table (null: not known), and the Autoscaler that decides
  // about it (null: none).
  const nlohmann::json& pods;
  const nlohmann::json& autoscaler;
  api::Time now;
  bool color = false;
};

[[nodiscard]] std::string DescribeObject(const DescribeInput& input);

// Its events in their order, without those of an earlier object of the same name.
[[nodiscard]] std::vector<nlohmann::json> EventsOf(const DescribeInput& input);

// Who owns which fields, of metadata.managedFields: {"kubectl-edit", "Update", time,
// "spec.replicas"}.
struct FieldOwner {
  std::string manager;
  std::string operation;
  std::string time;
  std::vector<std::string> fields;
};
[[nodiscard]] std::vector<FieldOwner> FieldOwners(const nlohmann::json& object);

}  // namespace ballast::cli
