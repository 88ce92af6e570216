// What a model names by digest only: keys of certificates, hashed passwords. Kept beside it, so
// that comparing, logging or hashing a model never touches a secret. Values only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reconcilers/haproxy/users.h"

namespace ballast::reconcilers::haproxy {

struct SecretContent {
  std::map<std::string, std::string> certificates;  // Certificate::pem by digest
  std::map<std::string, std::vector<User>> users;   // by digest
};

}  // namespace ballast::reconcilers::haproxy
