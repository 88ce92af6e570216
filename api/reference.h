// Every field that the codec knows, for docs/manifests.md, `explain` and later OpenAPI. Made from
// the very tables that decode, so it cannot be wrong. Pure; callable from any thread.
#pragma once

#include <string>
#include <vector>

namespace ballast::api {

struct FieldDoc {
  std::string path;           // "spec.template.spec.containers[].image"
  std::string type;           // "integer"
  std::string default_value;  // as JSON; empty: none
  bool required = false;
  std::string allowed;  // "0 to 1000"
  std::string meaning;
  std::string example;          // YAML, as it stands after "name: "
  std::string switched_off;     // what is said where its switch is off; empty: it has none
  std::string example_problem;  // why the example is not accepted; always empty (tested)
};

struct RefusedDoc {
  std::string path;
  std::string message;
};

struct KindDoc {
  std::string kind;
  std::vector<FieldDoc> fields;     // in the order of the schema
  std::vector<RefusedDoc> refused;  // known to Kubernetes or planned, refused by name
};

[[nodiscard]] std::vector<KindDoc> DescribeKinds();

// The tables of docs/manifests.md for one kind, in Markdown.
[[nodiscard]] std::string ReferenceMarkdown(const KindDoc& kind);

}  // namespace ballast::api
