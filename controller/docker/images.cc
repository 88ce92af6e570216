// Images: looking at them, and pulling with credentials.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "controller/docker/decode.h"
#include "controller/docker/encode.h"
#include "controller/docker/engine.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"
#include "controller/docker/reference.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;

std::string Megabytes(std::int64_t bytes) {
  return fmt::format("{:.1f}MB", static_cast<double>(bytes) / 1e6);
}

// {"status":"Downloading","progressDetail":{"current":12300000,"total":40000000},"id":"4f4f"}
std::string ProgressText(const Json& line) {
  std::string out = GetString(line, {"status"});
  const std::int64_t current = GetInt(line, {"progressDetail", "current"});
  const std::int64_t total = GetInt(line, {"progressDetail", "total"});
  if (current > 0) out += " " + Megabytes(current);
  if (current > 0 && total > 0) out += "/" + Megabytes(total);
  return out;
}

// An id, or a name with an optional tag and digest: what may stand in a URL path.
bool SafeReference(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_.-:/@[]").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 512 && std::all_of(text.begin(), text.end(), allowed) &&
         text.find("..") == std::string_view::npos && text.find("//") == std::string_view::npos &&
         text.front() != '/' && text.back() != '/';
}

}  // namespace

Result<reconcilers::ImageInfo> DockerEngine::InspectImage(const std::string& reference) {
  if (!SafeReference(reference)) {
    return Error(Code::kInvalidArgument, "inspect image: that is no image reference");
  }
  // The name stays one with slashes: Docker matches the rest of the path.
  const auto json = client_.GetJson("inspect_image", "inspect image " + reference,
                                    "/images/" + reference + "/json");
  if (!json) return std::unexpected(json.error());
  return DecodeImage(*json);
}

Result<void> DockerEngine::PullImage(
    const std::string& reference,
    const std::function<void(const reconcilers::PullProgress&)>& progress) {
  return PullImageWith(reference, {}, progress);
}

Result<void> DockerEngine::PullImageWith(
    const std::string& reference, const std::vector<reconcilers::PullLogin>& logins,
    const std::function<void(const reconcilers::PullProgress&)>& progress) {
  const auto parsed = ParseReference(reference);
  if (!parsed) return Wrap("pull image", parsed.error());
  std::string tried;  // for the message, should the last attempt be refused too
  for (const reconcilers::PullLogin& login : logins) {
    const auto auth = AuthFromConfig(login.config_json, login.name, parsed->registry);
    if (!auth || auth->header.empty()) {
      tried += "; " + (auth ? auth->hint : auth.error().message);
      continue;
    }
    auto pulled = PullAs(*parsed, reference, *auth, progress);
    // Somebody else's login may do; whatever else is wrong, no login changes it.
    if (pulled || pulled.error().code != Code::kPermissionDenied) return pulled;
    tried += "; those of " + login.name + " were refused";
  }
  auto auth = registries_.For(parsed->registry);
  if (!auth) return Wrap("pull image " + reference, auth.error());
  auth->hint += tried;
  return PullAs(*parsed, reference, *auth, progress);
}

Result<void> DockerEngine::PullAs(
    const ImageReference& image, const std::string& reference, const RegistryAuth& auth,
    const std::function<void(const reconcilers::PullProgress&)>& progress) {
  const std::string what = "pull image " + reference;
  std::optional<Status> failure;
  LineSplitter lines([&](std::string_view line) -> Result<void> {
    const auto json = ParseJson(line);
    if (!json) return {};  // progress is for people only; the end of the stream is what counts
    std::string error = GetString(*json, {"errorDetail", "message"});
    if (error.empty()) error = GetString(*json, {"error"});
    if (!error.empty()) {
      failure = PullFailure(reference, 0, error, auth.hint);
    } else if (std::string text = ProgressText(*json); progress && !text.empty()) {
      progress({std::move(text)});
    }
    return {};
  });
  const BodySink sink{.on_data = [&](std::string_view chunk) { return lines.Feed(chunk); }};
  Request request{.method = "POST",
                  .target = fmt::format("/images/create?fromImage={}&tag={}", Escape(image.Name()),
                                        Escape(image.tag)),
                  .timeout = options_.pull_silence_timeout,
                  .timeout_is_silence = true};
  if (!auth.header.empty()) request.headers.emplace_back("X-Registry-Auth", auth.header);
  const auto response = client_.Call("pull_image", std::move(request), &sink);
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) {
    return std::unexpected(
        PullFailure(reference, response->status, ErrorText(response->body), auth.hint));
  }
  if (auto finished = lines.Finish(); !finished) return Wrap(what, finished.error());
  if (failure) return std::unexpected(*failure);
  return {};
}

}  // namespace ballast::docker
