#include "api/reference.h"

#include <fmt/format.h>

#include <utility>

#include "api/schemas.h"

namespace ballast::api {
namespace {

// A cell of a table: no bars and no line breaks.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string CodeCell(std::string_view text) {
  return text.empty() ? "" : fmt::format("`{}`", Cell(text));
}

// The fields of a probe are the same in all three: they are shown below the first only.
class ProbeFolder {
 public:
  explicit ProbeFolder(const KindDoc& kind) {
    for (const FieldDoc& field : kind.fields) {
      if (field.type == "probe") probes_.push_back(field.path + ".");
    }
  }
  [[nodiscard]] bool IsRepeated(std::string_view path) const {
    for (std::size_t i = 1; i < probes_.size(); ++i) {
      if (path.starts_with(probes_[i])) return true;
    }
    return false;
  }

 private:
  std::vector<std::string> probes_;
};

}  // namespace

std::vector<KindDoc> DescribeKinds() {
  std::vector<KindDoc> kinds;
  const auto describe = [&kinds](const char* kind, const auto& schema) {
    schema.DescribeFields("",
                          kinds.emplace_back(KindDoc{.kind = kind, .fields = {}, .refused = {}}));
  };
  describe("WebApp", WebAppSchema());
  describe("LoadBalancer", LoadBalancerSchema());
  describe("Autoscaler", AutoscalerSchema());
  describe("Namespace", NamespaceSchema());
  describe("Secret", SecretSchema());
  describe("ConfigMap", ConfigMapSchema());
  return kinds;
}

std::string ReferenceMarkdown(const KindDoc& kind) {
  const std::string head =
      "| field | type | default | allowed | meaning | example |\n"
      "|---|---|---|---|---|---|\n";
  std::string out = head;
  std::string switched_off;
  const ProbeFolder folder(kind);
  for (const FieldDoc& field : kind.fields) {
    if (folder.IsRepeated(field.path)) continue;
    (field.switched_off.empty() ? out : switched_off) +=
        fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", field.path, Cell(field.type),
                    field.required ? "required" : CodeCell(field.default_value),
                    Cell(field.allowed), Cell(field.meaning), CodeCell(field.example));
  }
  if (!switched_off.empty()) {
    out += "\nWhat takes from Secrets and ConfigMaps:\n\n" + head + switched_off;
  }
  out += "\nRefused by name:\n\n| field | message |\n|---|---|\n";
  for (const RefusedDoc& refused : kind.refused) {
    if (folder.IsRepeated(refused.path)) continue;
    out += fmt::format("| `{}` | {} |\n", refused.path, Cell(refused.message));
  }
  return out;
}

}  // namespace ballast::api
