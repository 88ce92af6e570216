#include "tests/unit/autoscaler_cases/fields.h"

#include <cmath>
#include <limits>
#include <utility>

namespace ballast::reconcilers::cases {

Fields::Fields(const Json* object, std::string path, Problems& problems)
    : object_(object), path_(std::move(path)), problems_(&problems) {
  if (object_ == nullptr || object_->is_null()) {
    object_ = nullptr;
  } else if (!object_->is_object()) {
    problems_->push_back(path_ + " is no object: " + object_->dump());
    object_ = nullptr;
  }
}

const Json* Fields::Find(std::initializer_list<const char*> names) {
  const Json* found = nullptr;
  for (const char* name : names) {
    asked_.insert(name);
    if (object_ == nullptr || found != nullptr) continue;
    const auto member = object_->find(name);
    if (member != object_->end() && !member->is_null()) found = &*member;
  }
  return found;
}

bool Fields::Has(const char* name) const { return object_ != nullptr && object_->contains(name); }

void Fields::Wrong(const char* name, const char* wanted) {
  problems_->push_back(path_ + "." + name + " must be " + wanted);
}

std::optional<double> Fields::Number(std::initializer_list<const char*> names) {
  const Json* value = Find(names);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) return value->get<double>();
  Wrong(*names.begin(), "a number");
  return std::nullopt;
}

double Fields::Number(const char* name, double otherwise) {
  return Number({name}).value_or(otherwise);
}

std::optional<std::int64_t> Fields::Integer(std::initializer_list<const char*> names) {
  const Json* value = Find(names);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_integer()) return value->get<std::int64_t>();
  if (value->is_number_float()) {
    const auto number = value->get<double>();
    // 9223372036854775807 comes as a float out of some writers.
    if (number >= 9.2233720368547758e18) return std::numeric_limits<std::int64_t>::max();
    if (std::floor(number) == number && number > -9e18) return static_cast<std::int64_t>(number);
  }
  Wrong(*names.begin(), "an integer");
  return std::nullopt;
}

std::optional<int> Fields::OptionalInt(std::initializer_list<const char*> names) {
  const auto value = Integer(names);
  if (!value) return std::nullopt;
  if (*value >= std::numeric_limits<int>::min() && *value <= std::numeric_limits<int>::max()) {
    return static_cast<int>(*value);
  }
  Wrong(*names.begin(), "an integer of 32 bits");
  return std::nullopt;
}

int Fields::Int(const char* name, int otherwise) { return OptionalInt({name}).value_or(otherwise); }

bool Fields::Bool(const char* name, bool otherwise) {
  const Json* value = Find({name});
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  Wrong(name, "true or false");
  return otherwise;
}

std::string Fields::Text(const char* name, const std::string& otherwise) {
  const Json* value = Find({name});
  if (value == nullptr) return otherwise;
  if (value->is_string()) return value->get<std::string>();
  Wrong(name, "a string");
  return otherwise;
}

bool Fields::Says(std::initializer_list<const char*> names) {
  const Json* value = Find(names);
  if (value == nullptr) return false;
  if (value->is_boolean()) return value->get<bool>();
  return !value->is_string() || !value->get_ref<const std::string&>().empty();
}

Fields Fields::Object(const char* name) {
  return Fields(Find({name}), path_.empty() ? name : path_ + "." + name, *problems_);
}

std::vector<const Json*> Fields::List(std::initializer_list<const char*> names) {
  std::vector<const Json*> items;
  const Json* value = Find(names);
  if (value == nullptr) return items;
  if (!value->is_array()) {
    items.push_back(value);  // one stands for a list of one
    return items;
  }
  for (const Json& item : *value) items.push_back(&item);
  return items;
}

void Fields::Ignore(std::initializer_list<const char*> names) {
  for (const char* name : names) asked_.insert(name);
}

void Fields::Finish() {
  if (object_ == nullptr) return;
  for (const auto& [name, value] : object_->items()) {
    if (!asked_.contains(name)) {
      problems_->push_back("unknown field " + (path_.empty() ? name : path_ + "." + name));
    }
  }
}

}  // namespace ballast::reconcilers::cases
