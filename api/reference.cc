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

}  // namespace

std::vector<KindDoc> DescribeKinds() {
  std::vector<KindDoc> kinds(2);
  kinds[0].kind = "WebApp";
  WebAppSchema().DescribeFields("", kinds[0]);
  kinds[1].kind = "LoadBalancer";
  LoadBalancerSchema().DescribeFields("", kinds[1]);
  return kinds;
}

std::string ReferenceMarkdown(const KindDoc& kind) {
  std::string out = "| field | type | default | allowed | meaning | example |\n";
  out += "|---|---|---|---|---|---|\n";
  for (const FieldDoc& field : kind.fields) {
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", field.path, Cell(field.type),
                       field.required ? "required" : CodeCell(field.default_value),
                       Cell(field.allowed), Cell(field.meaning), CodeCell(field.example));
  }
  out += "\nRefused by name:\n\n| field | message |\n|---|---|\n";
  for (const RefusedDoc& refused : kind.refused) {
    out += fmt::format("| `{}` | {} |\n", refused.path, Cell(refused.message));
  }
  return out;
}

}  // namespace ballast::api
