// Reads the members of one JSON object of a case. A member that is missing or null has its obvious
// meaning; one that nobody asked for, or of the wrong type, is a problem of the case: it would be
// passed without having been looked at.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ballast::reconcilers::cases {

using Json = nlohmann::json;
using Problems = std::vector<std::string>;

class Fields {
 public:
  // `object` null or no object: nothing is there.
  Fields(const Json* object, std::string path, Problems& problems);
  ~Fields() = default;

  // The first of these names that is there; null: none is, or it is null.
  const Json* Find(std::initializer_list<const char*> names);
  // Is the member there, even if null?
  bool Has(const char* name) const;

  std::optional<double> Number(std::initializer_list<const char*> names);
  double Number(const char* name, double otherwise);
  int Int(const char* name, int otherwise);
  std::optional<int> OptionalInt(std::initializer_list<const char*> names);
  std::optional<std::int64_t> Integer(std::initializer_list<const char*> names);
  bool Bool(const char* name, bool otherwise);
  std::string Text(const char* name, const std::string& otherwise = "");
  // Is one of these there, and neither false nor ""? So a case says that something fails.
  bool Says(std::initializer_list<const char*> names);
  Fields Object(const char* name);
  // Empty if it is not there.
  std::vector<const Json*> List(std::initializer_list<const char*> names);

  // Members that are only told, never looked at.
  void Ignore(std::initializer_list<const char*> names);
  // Says which members nobody asked for.
  void Finish();

  Problems& problems() { return *problems_; }
  const std::string& path() const { return path_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  void Wrong(const char* name, const char* wanted);

  const Json* object_;
  std::string path_;
  Problems* problems_;
  std::set<std::string> asked_;
};

}  // namespace ballast::reconcilers::cases
