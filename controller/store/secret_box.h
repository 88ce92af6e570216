// Seals values with a key from a file, so that a copy of the database (a backup, a stolen disk
// without that file) tells nothing: XChaCha20-Poly1305 of libsodium, a random nonce each time, the
// object's key as additional data, so that a sealed value cannot be moved to another object.
// Immutable once made: any thread. Owner: Sealing.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "api/status.h"
#include "reconcilers/ports/store.h"

namespace ballast::store {

class SecretBox {
 public:
  // Reads the key. NotFound without the file; FailedPrecondition when others may read it or when it
  // is not a key.
  static Result<std::unique_ptr<SecretBox>> Load(const std::string& path);
  // Makes a key and its file, which must not exist.
  static Result<std::unique_ptr<SecretBox>> Create(const std::string& path);

  ~SecretBox();
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  [[nodiscard]] std::string Seal(const reconcilers::StoreKey& object, std::string_view plain) const;
  // FailedPrecondition when it was sealed with another key, for another object, or was changed.
  [[nodiscard]] Result<std::string> Unseal(const reconcilers::StoreKey& object,
                                           std::string_view sealed) const;

 private:
  static constexpr std::size_t kKeyBytes = 32;

  SecretBox() = default;

  std::array<unsigned char, kKeyBytes> key_{};
};

}  // namespace ballast::store
