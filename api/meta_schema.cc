#include <fmt/format.h>

#include "api/schemas.h"

namespace ballast::api {

Schema<ObjectMeta> MetaSchema(bool namespaced, const MetaRules& rules) {
  Schema<ObjectMeta> schema;
  schema.Required("name", &ObjectMeta::name,
                  rules.long_names ? Text("a DNS subdomain, at most 253", RuleLongName)
                                   : Text("a DNS label, at most 40", RuleObjectName),
                  "The object's name", "shop");
  if (namespaced) {
    schema.Add("namespace", &ObjectMeta::ns, Text("a DNS label, at most 40", RuleObjectName),
               "The namespace; it need not be made first", "staging");
  } else {
    schema.Refuse("namespace",
                  fmt::format("is not allowed: a {} belongs to no namespace", rules.kind));
  }
  schema.Add("labels", &ObjectMeta::labels, Labels(), "Labels of the object", "{team: shop}")
      .Add("annotations", &ObjectMeta::annotations, Annotations(), "Free text",
           "{example.com/ticket: \"1234\"}");
  for (const std::string name : {"generation", "uid", "resourceVersion", "creationTimestamp",
                                 "managedFields", "selfLink", "deletionTimestamp"}) {
    const bool empty_allowed = rules.from_kubectl && name == "creationTimestamp";
    schema.Refuse(name, "is written by Ballast: leave it out", empty_allowed ? "null" : "");
  }
  for (const char* name : {"generateName", "finalizers", "ownerReferences"}) {
    schema.Refuse(name, "is not built yet");
  }
  return schema;
}

}  // namespace ballast::api
