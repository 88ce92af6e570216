#include "controller/manifests/conflicts.h"

#include <string>
#include <type_traits>
#include <utility>

namespace ballast::manifests {
namespace {

using api::ObjectKey;

// Who wins a conflict: what is in force over what is new, then the order of the files. ValidateSet
// goes by file name, so the rank is put in front of it as one control character (no file name has
// any) and taken out of its messages again.
constexpr char kHeld = '\x01';     // in force, from no file that counts in this pass
constexpr char kInForce = '\x02';  // from the file that it always came from
constexpr char kMoved = '\x03';    // in force, from another file now
constexpr char kNew = '\x04';

std::string WithoutRanks(std::string text) {
  std::erase_if(text, [](char c) { return c >= kHeld && c <= kNew; });
  return text;
}

// What an object may have a conflict about with others: ValidateSet looks at nothing else.
bool SameClaim(const api::WebApp& a, const api::WebApp& b) {
  return a.spec.routes == b.spec.routes;
}
bool SameClaim(const api::LoadBalancer& a, const api::LoadBalancer& b) { return a.spec == b.spec; }
bool SameClaim(const api::Autoscaler& a, const api::Autoscaler& b) {
  return a.spec.scale_target_ref == b.spec.scale_target_ref;
}
template <typename T>
bool SameClaim(const T&, const T&) {
  return true;
}

bool SameClaims(const api::Object& a, const api::Object& b) {
  return a.index() == b.index() && std::visit(
                                       [&b](const auto& left) {
                                         using T = std::decay_t<decltype(left)>;
                                         return SameClaim(left, std::get<T>(b));
                                       },
                                       a);
}

char Rank(const AcceptedSet& in_force, const ObjectKey& key, const api::Object& object,
          const std::string& file) {
  const auto accepted = in_force.find(key);
  if (accepted == in_force.end()) return kNew;
  if (!SameClaims(*accepted->second.object, object)) return kNew;
  return accepted->second.file == file ? kInForce : kMoved;
}

// Everything that would be in force, with ranks.
std::vector<api::DecodedObject> Counting(const AcceptedSet& in_force,
                                         const std::set<ObjectKey>& gone,
                                         const std::vector<const ScannedFile*>& files) {
  std::vector<api::DecodedObject> objects;
  std::set<ObjectKey> provided;
  for (const ScannedFile* file : files) {
    for (const api::DecodedObject& object : file->objects) {
      const ObjectKey key = KeyOf(object.object);
      provided.insert(key);
      objects.push_back(object);
      objects.back().file.insert(0, 1, Rank(in_force, key, object.object, file->file));
    }
  }
  for (const auto& [key, accepted] : in_force) {
    if (provided.contains(key) || gone.contains(key)) continue;
    objects.push_back({.object = *accepted.object, .file = kHeld + accepted.file});
  }
  return objects;
}

}  // namespace

std::vector<api::FieldError> FindConflicts(const AcceptedSet& in_force,
                                           const std::set<ObjectKey>& gone,
                                           const std::vector<const ScannedFile*>& files) {
  std::vector<api::FieldError> conflicts;
  for (api::FieldError& error : api::ValidateSet(Counting(in_force, gone, files))) {
    if (error.file.empty() || error.file.front() == kHeld) continue;  // no file can be blamed
    error.file = WithoutRanks(error.file);
    error.message = WithoutRanks(error.message);
    conflicts.push_back(std::move(error));
  }
  return conflicts;
}

}  // namespace ballast::manifests
