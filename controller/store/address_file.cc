#include "controller/store/address_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/codec.h"

namespace ballast::store {

Result<std::map<std::string, api::Time>> AddressFile::Load() {
  std::map<std::string, api::Time> released;
  std::ifstream in(path_);
  if (!in) {
    if (!std::filesystem::exists(path_)) return released;
    return Error(Code::kPermissionDenied, path_ + ": " + std::strerror(errno));
  }
  std::stringstream text;
  text << in.rdbuf();
  const auto json = api::ParseJsonStrict(text.str(), 16 << 20, 4);
  // Rubbish means a machine that lost power while it was written: ten minutes' memory, no more.
  if (!json || !json->is_object()) return released;
  for (const auto& [address, seconds] : json->items()) {
    if (!seconds.is_number_integer()) continue;
    released[address] = api::Time(std::chrono::seconds(seconds.get<std::int64_t>()));
  }
  return released;
}

Result<void> AddressFile::Save(const std::map<std::string, api::Time>& released) {
  nlohmann::json json = nlohmann::json::object();
  for (const auto& [address, time] : released) {
    json[address] =
        std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  }
  const std::string temporary = path_ + ".tmp";
  std::ofstream out(temporary, std::ios::trunc);
  out << json.dump() << "\n";
  out.close();
  if (!out) return Error(Code::kUnavailable, "write " + temporary + ": " + std::strerror(errno));
  if (std::rename(temporary.c_str(), path_.c_str()) != 0) {
    return Error(Code::kUnavailable, "rename " + temporary + ": " + std::strerror(errno));
  }
  return {};
}

}  // namespace ballast::store
