#include "controller/docker/reference.h"

#include <fmt/format.h>

#include <algorithm>

namespace ballast::docker {
namespace {

constexpr std::size_t kLongest = 512;
constexpr std::string_view kDockerHub = "docker.io";

bool IsLowerOrDigit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool IsWord(char c) { return IsLowerOrDigit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

bool ValidRegistry(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return IsWord(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

// Path elements of lower-case letters and digits, joined inside by '.', '_', "__" or dashes.
bool ValidRepository(std::string_view text) {
  while (true) {
    const std::string_view element = text.substr(0, text.find('/'));
    if (element.empty() || !IsLowerOrDigit(element.front()) || !IsLowerOrDigit(element.back()) ||
        element.find("..") != std::string_view::npos ||
        !std::all_of(element.begin(), element.end(), [](char c) {
          return IsLowerOrDigit(c) || c == '.' || c == '_' || c == '-';
        })) {
      return false;
    }
    if (element.size() == text.size()) return true;
    text.remove_prefix(element.size() + 1);
  }
}

bool ValidTag(std::string_view text) {
  constexpr std::size_t kLongestTag = 128;
  return !text.empty() && text.size() <= kLongestTag && IsWord(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsWord(c) || c == '.' || c == '-'; });
}

bool ValidDigest(std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  return text.starts_with(kAlgorithm) && text.size() == kAlgorithm.size() + kHexDigits &&
         std::all_of(text.begin() + kAlgorithm.size(), text.end(), IsHex);
}

}  // namespace

Result<ImageReference> ParseReference(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Error(Code::kInvalidArgument,
                 fmt::format("\"{}\" is no image reference: {}", text.substr(0, 80), why));
  };
  if (text.empty() || text.size() > kLongest) return bad("it must have 1 to 512 characters");
  if (ValidDigest(text)) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{} is an image id: only names can be pulled", text));
  }
  ImageReference out;
  std::string_view rest = text;
  std::string_view digest;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!ValidDigest(digest)) return bad("a digest is \"sha256:\" and 64 hex digits");
  }
  // The first element is a registry only if it looks like a host: "acme/shop" is on Docker Hub.
  if (const std::size_t slash = rest.find('/'); slash != std::string_view::npos) {
    const std::string_view first = rest.substr(0, slash);
    const bool host =
        first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
        std::any_of(first.begin(), first.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (host) {
      out.registry = first;
      rest.remove_prefix(slash + 1);
      if (!ValidRegistry(out.registry)) return bad("its registry is malformed");
    }
  }
  if (out.registry.empty() || out.registry == "index.docker.io") out.registry = kDockerHub;
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!ValidTag(out.tag)) return bad("its tag is malformed");
  }
  out.repository = rest;
  if (out.registry == kDockerHub && rest.find('/') == std::string_view::npos) {
    out.repository = "library/" + out.repository;
  }
  if (!ValidRepository(out.repository)) {
    return bad("the name may have lower-case letters, digits, '.', '_', '-' and '/'");
  }
  if (!digest.empty()) out.tag = digest;
  if (out.tag.empty()) out.tag = "latest";
  return out;
}

std::string RegistryOfKey(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  key = key.substr(0, key.find('/'));
  if (key == "index.docker.io" || key == "registry-1.docker.io") return std::string(kDockerHub);
  return std::string(key);
}

}  // namespace ballast::docker
