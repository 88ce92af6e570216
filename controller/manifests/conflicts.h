// Which files of a pass cannot be in force together with the others, or with what is in force
// already. Pure.
#pragma once

#include <set>
#include <vector>

#include "api/codec.h"
#include "controller/manifests/plan.h"

namespace ballast::manifests {

// The errors of files in `files`, which then have to be refused; asked again without them there may
// be others. What is in force wins over what is new, and the earlier file over the later one.
// `gone` is not in force any more.
[[nodiscard]] std::vector<api::FieldError> FindConflicts(
    const AcceptedSet& in_force, const std::set<api::ObjectKey>& gone,
    const std::vector<const ScannedFile*>& files);

}  // namespace ballast::manifests
