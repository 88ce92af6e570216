#include "api/schema.h"

#include <fmt/format.h>

#include "api/yaml.h"

namespace ballast::api {

bool IsMap(const Cursor& at) {
  if (at.node().bad) return false;
  if (at.node().kind == Value::Kind::kMap) return true;
  at.ErrorWanted("a map");
  return false;
}

void ReportUnknown(const Cursor& at, const Member& member, const std::vector<std::string>& known,
                   const std::vector<Refusal>& refusals) {
  for (const Refusal& refusal : refusals) {
    if (refusal.name == member.key) return ReportRefused(at, member, refusal);
  }
  const std::string nearest = at.context().errors.plenty() ? "" : Nearest(member.key, known);
  at.KeyError(member, nearest.empty()
                          ? "unknown field"
                          : fmt::format("unknown field; did you mean \"{}\"?", nearest));
}

void ReportRefused(const Cursor& at, const Member& member, const Refusal& refusal) {
  if (refusal.harmless.empty() || ToJsonText(member.value) != refusal.harmless) {
    at.KeyError(member, refusal.message);
  }
}

void ReportMissing(const Cursor& at, const std::string& name, const std::string& meaning) {
  at.context().errors.Add(at.node().at, at.PathOf(name),
                          fmt::format("is required: {}", meaning.substr(0, meaning.find(". "))));
}

std::string ProblemWithExample(const std::string& example,
                               const std::function<void(const Cursor&)>& read) {
  ErrorList errors("");
  DecodeOptions options;
  options.allowed_host_paths = {"/"};
  options.features = Features::All();
  DecodeContext context{errors, options};
  const std::vector<Value> documents = ParseYaml("example: " + example + "\n", errors);
  if (documents.size() == 1 && documents[0].members.size() == 1) {
    read(Cursor(documents[0].members[0].value, context, "example"));
  }
  const std::vector<FieldError> found = std::move(errors).Take();
  return found.empty() ? "" : found.front().ToString();
}

std::string JoinPath(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

void CheckOneOf(const Cursor& at, const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  std::string first;
  for (const std::string& name : names) {
    if (at.node().Find(name) == nullptr) continue;
    if (!first.empty()) {
      return at.DerivedError(name, fmt::format("must be left out, since there is {} already: "
                                               "exactly one of {}",
                                               first, all));
    }
    first = name;
  }
  if (first.empty()) at.DerivedError("", fmt::format("must have exactly one of {}", all));
}

}  // namespace ballast::api
