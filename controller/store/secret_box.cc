#include "controller/store/secret_box.h"

#include <sodium.h>

#include <utility>

#include "controller/store/private_file.h"

namespace ballast::store {
namespace {

using reconcilers::StoreKey;

constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// No part of a key contains a NUL (CheckForm), so no two objects have the same.
std::string AdditionalData(const StoreKey& object) {
  std::string data;
  data.append(object.resource).push_back('\0');
  data.append(object.ns).push_back('\0');
  data.append(object.name);
  return data;
}

Result<void> InitSodium() {
  if (sodium_init() >= 0) return {};
  return Error(Code::kUnavailable, "libsodium has no source of random numbers here");
}

}  // namespace

Result<std::unique_ptr<SecretBox>> SecretBox::Load(const std::string& path) {
  static_assert(kKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
  if (auto ready = InitSodium(); !ready) return std::unexpected(ready.error());
  constexpr std::size_t kMax = 256;  // more than a key, to notice what is none
  Result<std::string> text = ReadBeginning(path, kMax, Readers::kPrivate);
  if (!text) return std::unexpected(text.error());
  while (text->ends_with('\n')) text->pop_back();
  std::unique_ptr<SecretBox> box(new SecretBox);
  std::size_t bytes = 0;
  const bool read = text->size() == 2 * kKeyBytes &&
                    sodium_hex2bin(box->key_.data(), kKeyBytes, text->data(), text->size(), nullptr,
                                   &bytes, nullptr) == 0 &&
                    bytes == kKeyBytes;
  sodium_memzero(text->data(), text->size());
  if (!read) {
    return Error(Code::kFailedPrecondition,
                 path +
                     " is not a key of Ballast's (64 hexadecimal digits): put the right file "
                     "back; without it the sealed values cannot be read");
  }
  return box;
}

Result<std::unique_ptr<SecretBox>> SecretBox::Create(const std::string& path) {
  if (auto ready = InitSodium(); !ready) return std::unexpected(ready.error());
  std::unique_ptr<SecretBox> box(new SecretBox);
  randombytes_buf(box->key_.data(), kKeyBytes);
  std::string text(2 * kKeyBytes + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), box->key_.data(), kKeyBytes);
  text.back() = '\n';  // where sodium_bin2hex put its NUL
  const auto written = WriteNewPrivateFile(path, text);
  sodium_memzero(text.data(), text.size());
  if (!written) return std::unexpected(written.error());
  return box;
}

SecretBox::~SecretBox() { sodium_memzero(key_.data(), key_.size()); }

std::string SecretBox::Seal(const StoreKey& object, std::string_view plain) const {
  const std::string data = AdditionalData(object);
  std::string sealed(kNonceBytes + plain.size() + kTagBytes, '\0');
  unsigned char* const nonce = Bytes(sealed);
  randombytes_buf(nonce, kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, Bytes(plain),
                                             plain.size(), Bytes(std::string_view(data)),
                                             data.size(), nullptr, nonce, key_.data());
  return sealed;
}

Result<std::string> SecretBox::Unseal(const StoreKey& object, std::string_view sealed) const {
  const std::string data = AdditionalData(object);
  if (sealed.size() >= kNonceBytes + kTagBytes) {
    const unsigned char* const nonce = Bytes(sealed);
    std::string plain(sealed.size() - kNonceBytes - kTagBytes, '\0');
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            Bytes(plain), nullptr, nullptr, nonce + kNonceBytes, sealed.size() - kNonceBytes,
            Bytes(std::string_view(data)), data.size(), nonce, key_.data()) == 0) {
      return plain;
    }
  }
  return Error(
      Code::kFailedPrecondition,
      object.ToString() + " cannot be decrypted: it is damaged, or sealed with another key");
}

}  // namespace ballast::store
