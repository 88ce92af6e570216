// Credentials out of Docker's config.json (--registry-config). The file is read again when it
// changed. Any thread. Never logs or returns a credential except in the header.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::docker {

// What such a file says.
struct RegistryLogins {
  std::map<std::string, std::string> headers;  // X-Registry-Auth by registry
  std::set<std::string> without_credentials;   // named in `auths`, but the secret is elsewhere
  std::map<std::string, std::string> helpers;  // credHelpers
  std::string store;                           // credsStore
};

struct RegistryAuth {
  std::string header;  // value of X-Registry-Auth; "" = none known
  // Why credentials may be missing, for the message of a pull that the registry refused.
  std::string hint;
};

// The same out of a Secret's text like config.json, of which no message shows a piece. `source`
// says whose it is.
[[nodiscard]] Result<RegistryAuth> AuthFromConfig(const std::string& config_json,
                                                  const std::string& source,
                                                  std::string_view registry);

class RegistryConfig {
 public:
  // `path` "" = no credentials at all.
  explicit RegistryConfig(std::string path) : path_(std::move(path)) {}

  [[nodiscard]] Result<RegistryAuth> For(std::string_view registry);

 private:
  struct Stamp {
    std::int64_t seconds = -1;
    std::int64_t nanoseconds = 0;
    std::int64_t size = 0;
    ino_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };

  Result<void> Refresh();  // with mutex_ held

  const std::string path_;
  std::mutex mutex_;
  Stamp stamp_;
  Status problem_;  // of the file as last read
  bool broken_ = false;
  RegistryLogins logins_;
};

}  // namespace ballast::docker
