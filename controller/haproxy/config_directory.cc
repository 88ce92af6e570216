#include "controller/haproxy/config_directory.h"

#include <utility>

#include "reconcilers/haproxy/paths.h"

namespace ballast::haproxy {
namespace {

constexpr int kMaxDepth = 4;  // ours are two levels deep
// HAProxy's user alone reads them: there are keys in some and hashed passwords in others.
constexpr unsigned kFileMode = 0600;
constexpr unsigned kDirectoryMode = 0700;

bool SafeName(const std::string& name) {
  return !name.empty() && name.front() != '/' && name.find("..") == std::string::npos &&
         name.front() != '.';
}

// "maps/exact.map": the directory maps and "exact.map". Missing directories are made for `make`.
Result<std::pair<Directory, std::string>> Locate(const std::string& path, std::string name,
                                                 const Ownership* make) {
  if (!SafeName(name)) return Error(Code::kInvalidArgument, "file name " + name);
  Result<Directory> at = Directory::Open(path);
  for (std::size_t slash = name.find('/'); at && slash != std::string::npos;
       slash = name.find('/')) {
    const std::string one = name.substr(0, slash);
    name.erase(0, slash + 1);
    Result<Directory> below = at->Enter(one);
    if (!below && below.error().code == Code::kNotFound && make != nullptr) {
      below = at->MakeBelow(one, *make, kDirectoryMode);
    }
    at = std::move(below);
  }
  if (!at) return std::unexpected(at.error());
  return std::pair{*std::move(at), std::move(name)};
}

// What is left of an earlier configuration. Names with a dot in front are not part of one.
Result<void> RemoveOthers(const Directory& directory, const std::string& prefix,
                          const reconcilers::ConfigFiles& files, int depth) {
  const auto entries = directory.List();
  if (!entries) return std::unexpected(entries.error());
  for (const Directory::Entry& entry : *entries) {
    const std::string name = prefix + entry.name;
    if (name.front() == '.') continue;
    Result<void> done;
    if (!entry.directory) {
      if (!files.contains(name)) done = directory.Remove(entry.name);
    } else if (depth < kMaxDepth) {
      const Result<Directory> below = directory.Enter(entry.name);
      done = below ? RemoveOthers(*below, name + "/", files, depth + 1)
                   : std::unexpected(below.error());
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace

Result<void> ConfigDirectory::Write(const std::string& name, const std::string& text) const {
  const auto place = Locate(path_, name, &owner_);
  if (!place) return std::unexpected(place.error());
  return place->first.Write(place->second, text, owner_, kFileMode);
}

Result<void> ConfigDirectory::Publish(const reconcilers::ConfigFiles& files) const {
  for (const auto& [name, text] : files) {
    if (name == reconcilers::haproxy::kConfigFile) continue;
    if (Result<void> written = Write(name, text); !written) return written;
  }
  const auto config = files.find(reconcilers::haproxy::kConfigFile);
  if (config != files.end()) {
    if (Result<void> written = Write(config->first, config->second); !written) return written;
  }
  const Result<Directory> root = Directory::Open(path_);
  if (!root) return std::unexpected(root.error());
  return RemoveOthers(*root, "", files, 1);
}

Result<std::string> ConfigDirectory::Read(const std::string& name) const {
  const auto place = Locate(path_, name, nullptr);
  if (!place) return std::unexpected(place.error());
  return place->first.Read(place->second);
}

}  // namespace ballast::haproxy
