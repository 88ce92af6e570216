#include "controller/apiserver/render.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "controller/apiserver/columns.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/registry.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

json TableHead(const Resource& resource, const Format& format, bool with_columns) {
  json table = {{"kind", "Table"},
                {"apiVersion", "meta.k8s.io/" + format.table_version},
                {"metadata", json::object()},
                {"columnDefinitions", json::array()},
                {"rows", json::array()}};
  if (!with_columns) return table;
  for (const Column& column : ColumnsOf(resource)) {
    table["columnDefinitions"].push_back({{"name", column.name},
                                          {"type", column.type},
                                          {"format", column.format},
                                          {"description", column.description},
                                          {"priority", column.priority}});
  }
  return table;
}

json TableRow(const Resource& resource, const std::string& text, const Format& format,
              api::Time now) {
  json object = json::parse(text, nullptr, false);
  json row = {{"cells", CellsOf(resource, object, now)}};
  if (format.include == Include::kObject) {
    row["object"] = std::move(object);
  } else if (format.include == Include::kMetadata) {
    row["object"] = {{"kind", "PartialObjectMetadata"},
                     {"apiVersion", "meta.k8s.io/" + format.table_version},
                     {"metadata", object.value("metadata", json::object())}};
    row["object"]["metadata"].erase("managedFields");
  }
  return row;
}

// Parameters of one media range: "application/json;as=Table;v=v1;g=meta.k8s.io".
bool Understands(std::string_view range, Format& format) {
  std::string type;
  std::string as;
  std::string version = "v1";
  bool first = true;
  while (!range.empty()) {
    const std::size_t end = std::min(range.find(';'), range.size());
    std::string_view part = range.substr(0, end);
    range.remove_prefix(std::min(range.size(), end + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (first) {
      type = part;
      first = false;
    } else if (part.starts_with("as=")) {
      as = part.substr(3);
    } else if (part.starts_with("v=")) {
      version = part.substr(2);
    }
  }
  if (type != "application/json" && type != "*/*" && type != "application/*") return false;
  if (as.empty()) {
    format.shape = Shape::kObject;
    return true;
  }
  if (as != "Table" || (version != "v1" && version != "v1beta1")) return false;
  format.shape = Shape::kTable;
  format.table_version = version;
  return true;
}

}  // namespace

ApiResult<Format> ChooseFormat(std::string_view accept, std::string_view include_object) {
  Format format;
  if (include_object == "None") {
    format.include = Include::kNone;
  } else if (include_object == "Object") {
    format.include = Include::kObject;
  } else if (!include_object.empty() && include_object != "Metadata") {
    return Refuse(BadRequest("includeObject must be None, Metadata or Object"));
  }
  if (accept.empty()) return format;
  while (!accept.empty()) {
    const std::size_t comma = std::min(accept.find(','), accept.size());
    if (Understands(accept.substr(0, comma), format)) return format;
    accept.remove_prefix(std::min(accept.size(), comma + 1));
  }
  return Refuse(
      NotAcceptable("only the following media types are served: application/json, and tables of it "
                    "(application/json;as=Table;g=meta.k8s.io;v=v1)"));
}

std::string RenderList(const Resource& resource,
                       const std::vector<reconcilers::StoredObject>& items, const ListMeta& meta,
                       const Format& format, api::Time now) {
  json metadata = {{"resourceVersion", std::to_string(meta.revision)}};
  if (!meta.continue_token.empty()) metadata["continue"] = meta.continue_token;
  if (meta.remaining > 0) metadata["remainingItemCount"] = meta.remaining;
  if (format.shape == Shape::kTable) {
    json table = TableHead(resource, format, true);
    table["metadata"] = std::move(metadata);
    for (const auto& item : items) {
      table["rows"].push_back(
          TableRow(resource, WithRevision(*item.value, item.revision), format, now));
    }
    return DumpJson(table);
  }
  // The objects are put in as they are stored: parsing thousands only to print them is slow.
  std::size_t size = 256;
  for (const auto& item : items) size += item.value->size() + 40;
  std::string out;
  out.reserve(size);
  fmt::format_to(std::back_inserter(out),
                 R"({{"kind":"{}List","apiVersion":"{}","metadata":{},"items":[)", resource.kind,
                 resource.ApiVersion(), DumpJson(metadata));
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    out += WithRevision(*items[i].value, items[i].revision);
  }
  out += "]}";
  return out;
}

std::string RenderObject(const Resource& resource, const std::string& object, const Format& format,
                         api::Time now) {
  if (format.shape == Shape::kObject) return object;
  json table = TableHead(resource, format, true);
  table["rows"].push_back(TableRow(resource, object, format, now));
  const json parsed = json::parse(object, nullptr, false);
  table["metadata"]["resourceVersion"] = MetaText(parsed, "resourceVersion");
  return DumpJson(table);
}

std::string RenderEvent(std::string_view type, const Resource& resource, const std::string& object,
                        const Format& format, bool with_columns, api::Time now) {
  std::string shown = object;
  if (format.shape == Shape::kTable) {
    json table = TableHead(resource, format, with_columns);
    table["rows"].push_back(TableRow(resource, object, format, now));
    shown = DumpJson(table);
  }
  return fmt::format(R"({{"type":"{}","object":{}}})", type, shown) + "\n";
}

std::string RenderBookmark(const Resource& resource, std::uint64_t revision, bool initial_end,
                           const Format& format) {
  json object = {{"kind", resource.kind},
                 {"apiVersion", resource.ApiVersion()},
                 {"metadata", {{"resourceVersion", std::to_string(revision)}}}};
  if (initial_end) {
    object["metadata"]["annotations"] = {{"k8s.io/initial-events-end", "true"}};
  }
  if (format.shape == Shape::kTable) {
    json table = TableHead(resource, format, false);
    table["metadata"] = object["metadata"];
    object = std::move(table);
  }
  return DumpJson({{"type", "BOOKMARK"}, {"object", std::move(object)}}) + "\n";
}

std::string RenderWatchError(const ApiError& error) {
  return DumpJson({{"type", "ERROR"}, {"object", EncodeStatus(error)}}) + "\n";
}

}  // namespace ballast::apiserver
