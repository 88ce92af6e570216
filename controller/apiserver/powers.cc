#include "controller/apiserver/powers.h"

#include <nlohmann/json.hpp>

namespace ballast::apiserver {
namespace {

using nlohmann::json;

// What Docker gives every container anyway.
const std::set<std::string>& DockersOwn() {
  static const std::set<std::string> names = {
      "AUDIT_WRITE",      "CHOWN",   "DAC_OVERRIDE", "FOWNER", "FSETID",  "KILL",   "MKNOD",
      "NET_BIND_SERVICE", "NET_RAW", "SETFCAP",      "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"};
  return names;
}

const json& ListAt(const json& object, const json::json_pointer& path) {
  static const json none = json::array();
  return object.contains(path) && object.at(path).is_array() ? object.at(path) : none;
}

std::string TextAt(const json& object, const json::json_pointer& path) {
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>()
                                                              : "";
}

}  // namespace

std::set<std::string> PowersOf(const json& object) {
  std::set<std::string> powers;
  if (!object.is_object() || object.value("kind", json()) != "WebApp") return powers;
  for (const json& container : ListAt(object, "/spec/template/spec/containers"_json_pointer)) {
    for (const json& added : ListAt(container, "/securityContext/capabilities/add"_json_pointer)) {
      std::string name = added.is_string() ? added.get<std::string>() : added.dump();
      if (name.starts_with("CAP_")) name.erase(0, 4);
      if (!DockersOwn().contains(name)) powers.insert("capability " + name);
    }
  }
  for (const json& volume : ListAt(object, "/spec/template/spec/volumes"_json_pointer)) {
    if (const auto path = TextAt(volume, "/hostPath/path"_json_pointer); !path.empty()) {
      powers.insert("hostPath " + path);
    }
    if (const auto name = TextAt(volume, "/dockerVolume/name"_json_pointer); !name.empty()) {
      powers.insert("dockerVolume " + name);
    }
  }
  return powers;
}

}  // namespace ballast::apiserver
