#include "tests/fakes/registry.h"

#include <fmt/format.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "tests/fakes/http_stub.h"
#include "tests/fakes/sha256.h"

namespace ballast::fakes {
namespace {

using Json = nlohmann::json;

constexpr char kManifestType[] = "application/vnd.docker.distribution.manifest.v2+json";
constexpr char kConfigType[] = "application/vnd.docker.container.image.v1+json";
constexpr char kLayerType[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr std::size_t kBlock = 512;

std::string DigestOf(std::string_view data) { return "sha256:" + Sha256Hex(data); }

std::string Base64(std::string_view bytes) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      bits = (bits << 8) | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= bytes.size() ? kAlphabet[(bits >> (18 - 6 * j)) & 63] : '=';
    }
  }
  return out;
}

// A POSIX ustar archive: 512 bytes of header a file, content padded to 512, two empty blocks.
std::string Tar(const std::map<std::string, std::string>& files) {
  std::string out;
  for (const auto& [path, content] : files) {
    std::string header(kBlock, '\0');
    const auto put = [&header](std::size_t at, std::string_view text) {
      header.replace(at, text.size(), text);
    };
    put(0, path.substr(path.starts_with('/') ? 1 : 0, 99));
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", content.size()));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, std::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:06o}", sum));
    header[154] = '\0';
    out += header + content;
    out.resize((out.size() + kBlock - 1) / kBlock * kBlock);
  }
  return out + std::string(2 * kBlock, '\0');
}

}  // namespace

struct Registry::State {
  mutable std::mutex mutex;
  std::string user;
  std::string password;
  int fail_with = 0;
  std::map<std::string, std::string> blobs;      // by digest
  std::map<std::string, std::string> manifests;  // by "name:tag" and "name:sha256:..."
  std::vector<std::string> requests;
  std::unique_ptr<HttpStub> server;

  // With the lock held.
  std::pair<int, std::string> Answer(const StubRequest& request) {
    if (fail_with != 0) return {fail_with, StubResponse(fail_with, "{\"errors\":[]}")};
    if (!user.empty() &&
        request.Header("Authorization") != "Basic " + Base64(user + ":" + password)) {
      return {401,
              StubResponse(401, R"({"errors":[{"code":"UNAUTHORIZED","message":"unauthorized"}]})",
                           "WWW-Authenticate: Basic realm=\"ballast\"\r\n"
                           "Content-Type: application/json\r\n")};
    }
    if (request.target == "/v2/") return {200, StubResponse(200, "{}")};
    const auto found = [&](const std::string& body, std::string_view type) {
      const std::string head =
          fmt::format("Content-Type: {}\r\nDocker-Content-Digest: {}\r\n", type, DigestOf(body));
      std::string response = StubResponse(200, body, head);
      if (request.method == "HEAD") response.resize(response.size() - body.size());
      return std::pair(200, response);
    };
    constexpr std::string_view kRoot = "/v2/";
    if (const std::size_t at = request.target.find("/manifests/"); at != std::string::npos) {
      const std::string name = request.target.substr(kRoot.size(), at - kRoot.size());
      const auto manifest = manifests.find(name + ":" + request.target.substr(at + 11));
      if (manifest != manifests.end()) return found(manifest->second, kManifestType);
    }
    if (const std::size_t at = request.target.find("/blobs/"); at != std::string::npos) {
      const auto blob = blobs.find(request.target.substr(at + 7));
      if (blob != blobs.end()) return found(blob->second, "application/octet-stream");
    }
    constexpr std::string_view kUnknown =
        R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})";
    return {404, StubResponse(404, kUnknown, "Content-Type: application/json\r\n")};
  }
};

Registry::Registry(std::string user, std::string password) : state_(std::make_unique<State>()) {
  state_->user = std::move(user);
  state_->password = std::move(password);
  state_->server = std::make_unique<HttpStub>(
      [state = state_.get()](const StubRequest& request, const StubSend& send) {
        std::unique_lock lock(state->mutex);
        const auto [status, response] = state->Answer(request);
        state->requests.push_back(fmt::format("{} {} {}", request.method, request.target, status));
        lock.unlock();
        return send(response);
      });
}

// The server's threads use the rest of the state: it ends first.
Registry::~Registry() { state_->server.reset(); }

std::uint16_t Registry::port() const { return state_->server->port(); }
std::string Registry::host() const { return fmt::format("127.0.0.1:{}", port()); }

std::string Registry::AddImage(const std::string& name, const std::string& tag,
                               const std::map<std::string, std::string>& files,
                               const std::vector<std::string>& command) {
  const std::string layer = Tar(files);
  const Json config{
      {"architecture", "amd64"},
      {"os", "linux"},
      {"created", "2026-01-01T00:00:00Z"},
      {"config", Json{{"Cmd", command}, {"ExposedPorts", {{"3000/tcp", Json::object()}}}}},
      {"rootfs", Json{{"type", "layers"}, {"diff_ids", Json::array({DigestOf(layer)})}}},
      {"history", Json::array()}};
  const std::string config_text = config.dump();
  const auto descriptor = [](const char* type, const std::string& data) {
    return Json{{"mediaType", type}, {"size", data.size()}, {"digest", DigestOf(data)}};
  };
  const Json manifest{{"schemaVersion", 2},
                      {"mediaType", kManifestType},
                      {"config", descriptor(kConfigType, config_text)},
                      {"layers", Json::array({descriptor(kLayerType, layer)})}};
  const std::string manifest_text = manifest.dump();
  const std::lock_guard lock(state_->mutex);
  state_->blobs[DigestOf(layer)] = layer;
  state_->blobs[DigestOf(config_text)] = config_text;
  state_->manifests[name + ":" + tag] = manifest_text;
  state_->manifests[name + ":" + DigestOf(manifest_text)] = manifest_text;
  return fmt::format("{}/{}:{}", host(), name, tag);
}

std::string Registry::DigestReference(const std::string& name, const std::string& tag) const {
  const std::lock_guard lock(state_->mutex);
  const auto manifest = state_->manifests.find(name + ":" + tag);
  if (manifest == state_->manifests.end()) return "";
  return fmt::format("{}/{}@{}", host(), name, DigestOf(manifest->second));
}

void Registry::SetCredentials(std::string user, std::string password) {
  const std::lock_guard lock(state_->mutex);
  state_->user = std::move(user);
  state_->password = std::move(password);
}

void Registry::FailWith(int status) {
  const std::lock_guard lock(state_->mutex);
  state_->fail_with = status;
}

std::vector<std::string> Registry::Requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

}  // namespace ballast::fakes
