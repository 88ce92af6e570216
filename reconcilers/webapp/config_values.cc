#include "reconcilers/webapp/config_values.h"

#include <algorithm>
#include <optional>
#include <sstream>
#include <utility>
#include <variant>

#include "api/names.h"
#include "api/utf8.h"

namespace ballast::reconcilers {
namespace {

using Kind = ConfigRef::Kind;

// Linux takes no longer one: MAX_ARG_STRLEN, with the NUL.
constexpr std::size_t kMaxVariable = 128 * 1024 - 1;
constexpr int kDirectoryMode = 0755;

const char* KindName(Kind kind) { return kind == Kind::kSecret ? "Secret" : "ConfigMap"; }
const char* KindWord(Kind kind) { return kind == Kind::kSecret ? "secret" : "configmap"; }

ConfigRef RefOf(const api::SecretEnvSource& source) { return {Kind::kSecret, source.name}; }
ConfigRef RefOf(const api::ConfigMapEnvSource& source) { return {Kind::kConfigMap, source.name}; }
ConfigRef RefOf(const api::SecretKeySelector& source) { return {Kind::kSecret, source.name}; }
ConfigRef RefOf(const api::ConfigMapKeySelector& source) { return {Kind::kConfigMap, source.name}; }
ConfigRef RefOf(const api::SecretVolume& source) { return {Kind::kSecret, source.secret_name}; }
ConfigRef RefOf(const api::ConfigMapVolume& source) { return {Kind::kConfigMap, source.name}; }

// Calls `take` with the volume's source when it is a Secret or ConfigMap.
template <typename Take>
void WithObjectVolume(const api::Volume& volume, Take take) {
  if (const auto* secret = std::get_if<api::SecretVolume>(&volume.source)) take(*secret);
  if (const auto* config_map = std::get_if<api::ConfigMapVolume>(&volume.source)) take(*config_map);
}

template <typename Take>
void WithSelector(const api::EnvVar& env, Take take) {
  if (const auto* secret = std::get_if<api::SecretKeySelector>(&env.value_from)) take(*secret);
  if (const auto* map = std::get_if<api::ConfigMapKeySelector>(&env.value_from)) take(*map);
}

// The object's values. Variables have no bytes that are not text, so a ConfigMap's binaryData is
// for files only, as in Kubernetes.
class Object {
 public:
  Object(const ConfigObjects& objects, const ConfigRef& ref) {
    if (ref.kind == Kind::kSecret) {
      const auto it = objects.secrets.find(ref.name);
      if (it != objects.secrets.end() && it->second) data_ = &it->second->data;
    } else {
      const auto it = objects.config_maps.find(ref.name);
      if (it != objects.config_maps.end() && it->second) {
        data_ = &it->second->data;
        binary_ = &it->second->binary_data;
      }
    }
  }

  [[nodiscard]] bool exists() const { return data_ != nullptr; }

  [[nodiscard]] const std::string* Text(const std::string& key) const { return In(data_, key); }
  [[nodiscard]] const std::string* Bytes(const std::string& key) const {
    const std::string* text = In(data_, key);
    return text != nullptr ? text : In(binary_, key);
  }
  // Sorted.
  [[nodiscard]] std::vector<std::string> Keys(bool binary_too) const {
    std::vector<std::string> keys;
    if (data_ != nullptr) {
      for (const auto& [key, value] : *data_) keys.push_back(key);
    }
    if (binary_ != nullptr && binary_too) {
      for (const auto& [key, value] : *binary_) keys.push_back(key);
    }
    std::ranges::sort(keys);
    return keys;
  }

 private:
  using Data = std::map<std::string, std::string>;
  static const std::string* In(const Data* data, const std::string& key) {
    if (data == nullptr) return nullptr;
    const auto it = data->find(key);
    return it == data->end() ? nullptr : &it->second;
  }

  const Data* data_ = nullptr;
  const Data* binary_ = nullptr;
};

// Unambiguous: each part with its length in front.
void AddPart(std::string& bytes, std::string_view part) {
  bytes += std::to_string(part.size());
  bytes += ':';
  bytes += part;
}

// The kind and the name are in it, so that equal values of two Secrets do not show.
std::string DigestOf(const std::string& ns, const ConfigRef& ref, const ConfigUse& use,
                     const Object& object, const DigestFunction& digest) {
  std::string bytes;
  for (const std::string_view part :
       {std::string_view(KindWord(ref.kind)), std::string_view(ns), std::string_view(ref.name)}) {
    AddPart(bytes, part);
  }
  bytes += object.exists() ? "+" : "-";
  std::set<std::string> keys = use.keys;
  if (use.whole) {
    const auto all = object.Keys(true);
    keys.insert(all.begin(), all.end());
  }
  for (const std::string& key : keys) {
    AddPart(bytes, key);
    const std::string* value = object.Bytes(key);
    if (value == nullptr) {
      bytes += "-";
    } else {
      AddPart(bytes, *value);
    }
  }
  return digest(bytes);
}

class Resolver {
 public:
  Resolver(std::string ns, const ConfigObjects& objects) : ns_(std::move(ns)), objects_(objects) {}

  ResolvedConfig Run(const api::PodTemplate& pod_template) {
    for (const api::Container& container : pod_template.containers) {
      out_.values.env.push_back(Variables(container));
    }
    for (const api::Volume& volume : pod_template.volumes) {
      WithObjectVolume(volume, [&](const auto& source) {
        out_.values.files[volume.name] = Files(RefOf(source), source);
      });
    }
    out_.missing.assign(missing_.begin(), missing_.end());
    out_.skipped.assign(skipped_.begin(), skipped_.end());
    return std::move(out_);
  }

 private:
  // In the order of their first appearance; the last one of a name wins.
  class VariableList {
   public:
    void Set(const std::string& name, std::string_view value) {
      std::string text = name;
      text += '=';
      text += value;
      const auto [it, fresh] = index_.emplace(name, list_.size());
      if (fresh) {
        list_.push_back(std::move(text));
      } else {
        list_[it->second] = std::move(text);
      }
    }
    std::vector<std::string> Take() { return std::move(list_); }

   private:
    std::map<std::string, std::size_t> index_;
    std::vector<std::string> list_;
  };

  std::vector<std::string> Variables(const api::Container& container) {
    VariableList list;
    for (const api::EnvFromSource& from : container.env_from) {
      std::visit([&](const auto& source) { AddAll(list, from.prefix, source); }, from.source);
    }
    for (const api::EnvVar& env : container.env) {
      if (std::holds_alternative<std::monostate>(env.value_from)) list.Set(env.name, env.value);
      WithSelector(env, [&](const auto& selector) { AddOne(list, env.name, selector); });
    }
    return list.Take();
  }

  template <typename Source>
  void AddAll(VariableList& list, const std::string& prefix, const Source& source) {
    const ConfigRef ref = RefOf(source);
    const Object object(objects_, ref);
    if (!object.exists() && !source.optional) NoObject(ref);
    for (const std::string& key : object.Keys(false)) {
      const std::string name = prefix + key;
      if (!api::RuleEnvName(name).empty()) {
        skipped_.insert(Named(ref) + ": the key " + key +
                        " cannot be the name of a variable and is left out: choose a prefix");
        continue;
      }
      const std::string* value = object.Text(key);
      if (value != nullptr && CanBeVariable(ref, key, name, *value)) list.Set(name, *value);
    }
  }

  template <typename Selector>
  void AddOne(VariableList& list, const std::string& name, const Selector& selector) {
    const ConfigRef ref = RefOf(selector);
    const Object object(objects_, ref);
    const std::string* value = object.Text(selector.key);
    if (value != nullptr) {
      if (CanBeVariable(ref, selector.key, name, *value)) list.Set(name, *value);
    } else if (!selector.optional) {
      NoKey(ref, object, selector.key);
    }
  }

  template <typename Source>
  std::vector<FileEntry> Files(const ConfigRef& ref, const Source& source) {
    const Object object(objects_, ref);
    std::vector<FileEntry> files;
    if (!object.exists()) {
      if (!source.optional) NoObject(ref);
      return files;
    }
    std::vector<api::KeyToPath> items = source.items;
    if (items.empty()) {
      for (const std::string& key : object.Keys(true)) items.push_back({key, key});
    }
    std::set<std::string> directories;
    for (const api::KeyToPath& item : items) {
      const std::string* value = object.Bytes(item.key);
      if (value == nullptr) {
        if (!source.optional) NoKey(ref, object, item.key);
        continue;
      }
      for (std::size_t at = item.path.find('/'); at != item.path.npos;
           at = item.path.find('/', at + 1)) {
        const std::string directory = item.path.substr(0, at);
        if (directories.insert(directory).second) {
          files.push_back({.path = directory, .directory = true, .mode = kDirectoryMode});
        }
      }
      files.push_back({.path = item.path, .mode = source.default_mode, .content = *value});
    }
    return files;
  }

  // Neither the length nor anything else of the value is told.
  bool CanBeVariable(const ConfigRef& ref, const std::string& key, const std::string& name,
                     const std::string& value) {
    const char* why = nullptr;
    if (value.find('\0') != value.npos || !api::IsUtf8(value)) why = "is not text";
    if (name.size() + 1 + value.size() > kMaxVariable) why = "is longer than 128 KiB";
    if (why == nullptr) return true;
    missing_.insert(Named(ref) + ": the value of " + key + " " + why +
                    ", so it cannot be the variable " + name + ": mount it as a file");
    return false;
  }

  void NoObject(const ConfigRef& ref) {
    missing_.insert(Named(ref) + " does not exist: kubectl create " +
                    (ref.kind == Kind::kSecret ? "secret generic " : "configmap ") + ref.name +
                    " --namespace " + ns_ +
                    " --from-literal=KEY=VALUE, or make the reference optional");
  }

  void NoKey(const ConfigRef& ref, const Object& object, const std::string& key) {
    if (!object.exists()) return NoObject(ref);
    missing_.insert(Named(ref) + " has no key " + key + ": add it (kubectl edit " +
                    KindWord(ref.kind) + " " + ref.name + " --namespace " + ns_ +
                    "), or make the reference optional");
  }

  [[nodiscard]] std::string Named(const ConfigRef& ref) const {
    return std::string(KindName(ref.kind)) + " " + ref.name + " (namespace " + ns_ + ")";
  }

  const std::string ns_;
  const ConfigObjects& objects_;
  ResolvedConfig out_;
  std::set<std::string> missing_;
  std::set<std::string> skipped_;
};

std::map<std::string, std::string> ParseLabel(const std::string& label) {
  std::map<std::string, std::string> digests;
  std::istringstream in(label);
  for (std::string pair; std::getline(in, pair, ',');) {
    const std::size_t equals = pair.find('=');
    if (equals != pair.npos) digests[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return digests;
}

}  // namespace

ConfigUses ReferencesOf(const api::PodTemplate& pod_template) {
  ConfigUses uses;
  for (const api::Container& container : pod_template.containers) {
    for (const api::EnvFromSource& from : container.env_from) {
      std::visit([&](const auto& source) { uses[RefOf(source)].whole = true; }, from.source);
    }
    for (const api::EnvVar& env : container.env) {
      WithSelector(env,
                   [&](const auto& selector) { uses[RefOf(selector)].keys.insert(selector.key); });
    }
  }
  for (const api::Volume& volume : pod_template.volumes) {
    WithObjectVolume(volume, [&](const auto& source) {
      ConfigUse& use = uses[RefOf(source)];
      if (source.items.empty()) use.whole = true;
      for (const api::KeyToPath& item : source.items) use.keys.insert(item.key);
    });
  }
  return uses;
}

Result<ConfigObjects> ReadConfigObjects(const ConfigReader& reader, const std::string& ns,
                                        const ConfigUses& uses) {
  ConfigObjects objects;
  const auto take = [](auto read, auto& into) -> Result<void> {
    if (read) {
      into = *std::move(read);
    } else if (read.error().code != Code::kNotFound) {
      return std::unexpected(read.error());
    }
    return {};
  };
  for (const auto& [ref, use] : uses) {
    const Result<void> taken =
        ref.kind == Kind::kSecret
            ? take(reader.GetSecret(ns, ref.name), objects.secrets[ref.name])
            : take(reader.GetConfigMap(ns, ref.name), objects.config_maps[ref.name]);
    if (!taken) {
      return Wrap(std::string("read ") + KindName(ref.kind) + " " + ref.name, taken.error());
    }
  }
  return objects;
}

ResolvedConfig ResolveConfig(const std::string& ns, const api::PodTemplate& pod_template,
                             const ConfigObjects& objects, const DigestFunction& digest) {
  ResolvedConfig resolved = Resolver(ns, objects).Run(pod_template);
  for (const auto& [ref, use] : ReferencesOf(pod_template)) {
    if (!resolved.label.empty()) resolved.label += ",";
    resolved.label += std::string(KindWord(ref.kind)) + "/" + ref.name + "=" +
                      DigestOf(ns, ref, use, Object(objects, ref), digest);
  }
  return resolved;
}

std::vector<std::string> ConfigChanges(const std::string& before, const std::string& after) {
  const auto old_digests = ParseLabel(before);
  std::vector<std::string> changes;
  for (const auto& [object, digest] : ParseLabel(after)) {
    const auto it = old_digests.find(object);
    if (it == old_digests.end() || it->second == digest) continue;
    std::string words = object;
    std::ranges::replace(words, '/', ' ');
    changes.push_back(words + " changed");
  }
  return changes;
}

}  // namespace ballast::reconcilers
