#include "controller/apiserver/management.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "api/base64.h"
#include "api/codec.h"
#include "controller/apiserver/body.h"
#include "controller/apiserver/file_descriptor.h"
#include "controller/apiserver/object.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;

constexpr char kPrefix[] = "/ballast/v1/";
constexpr std::size_t kPieceBytes = 64 * 1024;

// A file that nobody else can see any more.
class FileBody final : public BodySource {
 public:
  explicit FileBody(FileDescriptor file) : file_(std::move(file)) {}
  void Start(std::function<void()>) override {}
  Next Fill(std::string& out) override {
    out.resize(kPieceBytes);
    const ssize_t count = ::read(file_.get(), out.data(), out.size());
    out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    // A read that fails cuts the answer before its end, which the client notices by the length.
    return count > 0 ? Next::kMore : Next::kEnd;
  }

 private:
  FileDescriptor file_;
};

HttpResponse Json(int status, const json& body) {
  return {.status = status, .content_type = "application/json", .body = DumpJson(body) + "\n"};
}

json ToJson(const TokenInfo& info) {
  json out = {{"id", info.id},
              {"user", info.user},
              {"groups", info.groups},
              {"creationTimestamp", info.created}};
  if (!info.expires.empty()) out["expirationTimestamp"] = info.expires;
  return out;
}

std::optional<Role> ParseRole(const std::string& name) {
  for (const Role role : {Role::kView, Role::kEdit, Role::kAdmin}) {
    if (name == RoleName(role)) return role;
  }
  return std::nullopt;
}

ApiResult<TokenRequest> ParseTokenRequest(const HttpRequest& request) {
  const auto body = ParseBody(request);
  if (!body) return std::unexpected(body.error());
  if (!body->is_object()) return Refuse(BadRequest("the body must be a map"));
  TokenRequest wanted;
  std::string role_name = "admin";
  for (const auto& [key, value] : body->items()) {
    if (key == "expirationSeconds" && value.is_number_integer()) {
      wanted.life = std::chrono::seconds(value.get<std::int64_t>());
    } else if (value.is_string() && key == "user") {
      wanted.user = value;
    } else if (value.is_string() && key == "role") {
      role_name = value;
    } else if (value.is_string() && key == "namespace" && value != "") {
      wanted.grant.ns = value;
    } else {
      return Refuse(
          BadRequest("the body takes user, role, namespace (texts that are not empty; without "
                     "namespace it is for all of them) and expirationSeconds (a number)"));
    }
  }
  const auto role = ParseRole(role_name);
  if (!role) return Refuse(BadRequest("role must be view, edit or admin"));
  wanted.grant.role = *role;
  return wanted;
}

}  // namespace

HttpResponse Management::Handle(const User& user, const HttpRequest& request) const {
  if (!request.path.starts_with(kPrefix)) return deps_.otherwise(request);
  const std::string what = request.path.substr(sizeof(kPrefix) - 1);
  const bool reads = request.method == "GET" || request.method == "HEAD";
  HttpResponse response;
  std::string name;
  if (what == "tokens") {
    response = HandleTokens(request);
  } else if (what.starts_with("tokens/")) {
    name = what.substr(what.find('/') + 1);
    response = HandleToken(request, name);
  } else if (what == "endpoint" && reads) {
    response = Endpoint();
  } else if (what == "backup" && reads) {
    response = Backup();
  } else {
    response = ErrorResponse(NotFound({"", what, ""}));
  }
  response.route = kPrefix + what.substr(0, what.find('/'));
  if (!reads || what == "backup") {
    deps_.audit({.user = user.name,
                 .address = request.peer.address,
                 .verb = request.method == "DELETE" ? "delete"
                         : reads                    ? "get"
                                                    : "create",
                 .resource = what.substr(0, what.find('/')),
                 .ns = "",
                 .name = name,
                 .code = response.status,
                 .reason = ""});
  }
  return response;
}

HttpResponse Management::HandleTokens(const HttpRequest& request) const {
  if (request.method == "GET") {
    const auto infos = deps_.tokens.List();
    if (!infos) return ErrorResponse(infos.error());
    json items = json::array();
    for (const TokenInfo& info : *infos) items.push_back(ToJson(info));
    return Json(200, {{"items", std::move(items)}});
  }
  if (request.method != "POST") {
    return ErrorResponse(MethodNotAllowed("tokens are listed with GET and made with POST"));
  }
  const auto wanted = ParseTokenRequest(request);
  if (!wanted) return ErrorResponse(wanted.error());
  const auto issued = deps_.tokens.Issue(*wanted);
  if (!issued) return ErrorResponse(issued.error());
  json body = ToJson(issued->info);
  body["token"] = issued->token;
  return Json(201, body);
}

HttpResponse Management::HandleToken(const HttpRequest& request, const std::string& id) const {
  if (request.method != "DELETE") {
    return ErrorResponse(MethodNotAllowed("a token can only be deleted"));
  }
  if (const auto revoked = deps_.tokens.Revoke(id); !revoked) return ErrorResponse(revoked.error());
  return Json(200, EncodeSuccess({"", "tokens", id}, ""));
}

HttpResponse Management::Endpoint() const {
  const auto endpoint = deps_.endpoint();
  if (!endpoint) {
    return ErrorResponse(
        Conflict({},
                 "the API is served on the unix socket alone: start the controller with "
                 "--listen 127.0.0.1:7443"));
  }
  return Json(200, {{"server", endpoint->url},
                    {"certificateAuthorityData", api::EncodeBase64(endpoint->authority)}});
}

HttpResponse Management::Backup() const {
  static std::atomic<unsigned> serial{0};
  const std::string path =
      deps_.scratch_dir + "/backup-" + std::to_string(serial.fetch_add(1)) + ".tmp";
  if (const auto made = deps_.store.Backup(path); !made) {
    ::unlink(path.c_str());
    return ErrorResponse(FromStatus(made.error(), {"", "backup", ""}));
  }
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  ::unlink(path.c_str());
  struct stat info{};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) {
    return ErrorResponse({.message = std::string("read the backup: ") + std::strerror(error)});
  }
  HttpResponse response{.content_type = "application/octet-stream",
                        .headers = {{"X-Ballast-Backup-Bytes", std::to_string(info.st_size)}}};
  response.stream = std::make_shared<FileBody>(std::move(file));
  return response;
}

}  // namespace ballast::apiserver
