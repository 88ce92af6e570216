#include "controller/apiserver/continue_token.h"

#include <fmt/format.h>

#include <charconv>

#include "api/base64.h"

namespace ballast::apiserver {

// "REVISION NAMESPACE/NAME", in base64 so that nobody is tempted to make one.
std::string MakeContinueToken(const ContinuePlace& place) {
  return api::EncodeBase64(
      fmt::format("{} {}/{}", place.revision, place.after.ns, place.after.name));
}

ApiResult<ContinuePlace> ParseContinueToken(std::string_view token, const std::string& resource) {
  const auto wrong = [] {
    return Refuse(BadRequest("continue must be a token that this server gave; list anew"));
  };
  const auto text = api::DecodeBase64(token);
  if (!text) return wrong();
  ContinuePlace place;
  const auto [end, error] =
      std::from_chars(text->data(), text->data() + text->size(), place.revision);
  const std::size_t space = static_cast<std::size_t>(end - text->data());
  const std::size_t slash = text->find('/');
  if (error != std::errc() || space >= text->size() || (*text)[space] != ' ' ||
      slash == std::string::npos || slash <= space) {
    return wrong();
  }
  place.after = {resource, text->substr(space + 1, slash - space - 1), text->substr(slash + 1)};
  if (place.after.name.empty() || place.revision == 0) return wrong();
  return place;
}

}  // namespace ballast::apiserver
