#include "controller/cli/resource_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "controller/cli/cli.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::vector<std::string> Words(const json& object, const char* field) {
  std::vector<std::string> words;
  for (const json& word : List(object, field)) {
    if (word.is_string()) words.push_back(Sanitize(word.get_ref<const std::string&>()));
  }
  return words;
}

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

std::string ResourceType::Path(std::string_view ns, std::string_view name) const {
  std::string path = group.empty() ? "/api/" + version : "/apis/" + group + "/" + version;
  if (namespaced && !ns.empty()) path += "/namespaces/" + UrlEncode(ns);
  path += "/" + plural;
  if (!name.empty()) path += "/" + UrlEncode(name);
  return path;
}

void ResourceTypes::Add(const json& resource_list) {
  const std::string group_version = Text(resource_list, "groupVersion", "v1");
  const std::size_t slash = group_version.find('/');
  for (const json& resource : List(resource_list, "resources")) {
    const std::string plural = Text(resource, "name", "");
    if (plural.empty() || plural.find('/') != plural.npos) continue;  // a subresource
    const std::vector<std::string> verbs = Words(resource, "verbs");
    const std::string kind = Text(resource, "kind", "");
    types_.push_back(
        {.group = slash == group_version.npos ? "" : group_version.substr(0, slash),
         .version = slash == group_version.npos ? group_version : group_version.substr(slash + 1),
         .plural = plural,
         .singular = Text(resource, "singularName", Lower(kind).c_str()),
         .kind = kind,
         .short_names = Words(resource, "shortNames"),
         .categories = Words(resource, "categories"),
         .namespaced = Flag(resource, "namespaced"),
         .writable = Contains(verbs, "create") || Contains(verbs, "patch")});
  }
}

Result<const ResourceType*> ResourceTypes::Find(std::string_view name) const {
  const std::string wanted = Lower(name);
  std::vector<std::string> known;
  std::string list;
  for (const ResourceType& type : types_) {
    if (wanted == type.plural || wanted == type.singular || wanted == Lower(type.kind) ||
        Contains(type.short_names, wanted) ||
        (!type.group.empty() && wanted == type.plural + "." + type.group)) {
      return &type;
    }
    known.push_back(type.plural);
    std::string names;
    for (const std::string& each : type.short_names) names += (names.empty() ? "" : ", ") + each;
    list += (list.empty() ? "" : ", ") + type.plural + (names.empty() ? "" : " (" + names + ")");
  }
  return Error(Code::kNotFound, fmt::format("there is no type \"{}\"{}\nthere are: {}",
                                            Sanitize(name), Suggest(wanted, known), list));
}

Result<std::vector<const ResourceType*>> ResourceTypes::FindAll(std::string_view names) const {
  std::vector<const ResourceType*> found;
  const auto add = [&found](const ResourceType* type) {
    if (std::ranges::find(found, type) == found.end()) found.push_back(type);
  };
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(','), names.size());
    const std::string_view name = names.substr(0, end);
    names.remove_prefix(std::min(names.size(), end + 1));
    if (name.empty()) continue;
    bool category = false;
    for (const ResourceType& type : types_) {
      if (!Contains(type.categories, name)) continue;
      category = true;
      add(&type);
    }
    if (category) continue;
    const auto type = Find(name);
    if (!type) return std::unexpected(type.error());
    add(*type);
  }
  if (found.empty()) return Error(Code::kInvalidArgument, "no type is named");
  return found;
}

const ResourceType* ResourceTypes::FindKind(std::string_view api_version,
                                            std::string_view kind) const {
  for (const ResourceType& type : types_) {
    if (type.kind == kind && type.ApiVersion() == api_version) return &type;
  }
  return nullptr;
}

Status ResourceTypes::UnknownKind(std::string_view api_version, std::string_view kind) const {
  std::vector<std::string> kinds;
  std::string list;
  for (const ResourceType& type : types_) {
    if (type.kind == kind) {
      return {Code::kInvalidArgument, fmt::format("apiVersion: of a {} it must be {}, got \"{}\"",
                                                  kind, type.ApiVersion(), Sanitize(api_version))};
    }
    if (!type.writable) continue;
    kinds.push_back(type.kind);
    list += (list.empty() ? "" : ", ") + type.kind;
  }
  return {Code::kInvalidArgument, fmt::format("kind: there is no kind \"{}\"{} (there are {})",
                                              Sanitize(kind), Suggest(kind, kinds), list)};
}

std::string UrlEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::string Query(const std::map<std::string, std::string>& words) {
  std::string query;
  for (const auto& [name, value] : words) {
    if (value.empty()) continue;
    query += (query.empty() ? "?" : "&") + name + "=" + UrlEncode(value);
  }
  return query;
}

}  // namespace ballast::cli
