#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "api/yaml_write.h"
#include "controller/cli/commands.h"
#include "controller/cli/private_file.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

std::string Word(const json& object, const char* field) {
  const json& value = Field(object, field);
  return value.is_string() ? value.get<std::string>() : "";
}

json Kubeconfig(const json& endpoint, const json& token, const std::string& ns) {
  const std::string user = Word(token, "user");
  json context = {{"cluster", "ballast"}, {"user", user}};
  if (!ns.empty()) context["namespace"] = ns;
  const json cluster = {{"server", Word(endpoint, "server")},
                        {"certificate-authority-data", Word(endpoint, "certificateAuthorityData")}};
  json config = {{"apiVersion", "v1"}, {"kind", "Config"}, {"current-context", "ballast"}};
  config["clusters"] = json::array({json{{"name", "ballast"}, {"cluster", cluster}}});
  config["users"] =
      json::array({json{{"name", user}, {"user", json{{"token", Word(token, "token")}}}}});
  config["contexts"] = json::array({json{{"name", "ballast"}, {"context", std::move(context)}}});
  return config;
}

}  // namespace

int RunKubeconfig(const Arguments& arguments, Session& session) {
  const auto usage = [&](std::string_view wrong) { return session.Usage(wrong, "kubeconfig"); };
  if (!arguments.words().empty()) {
    return usage("kubeconfig takes no words; a file is given as --output FILE");
  }
  const std::string role = arguments.Get("--role");
  if (role != "view" && role != "edit" && role != "admin") {
    return usage(fmt::format("--role is view, edit or admin, not \"{}\"", Sanitize(role)));
  }
  const auto expires = ParseDuration(arguments.Get("--expires"));
  if (!expires || expires->count() == 0) return usage("--expires is a time like 8h or 30d");
  // Tried before a token is made.
  std::optional<PrivateFile> file;
  const std::string path = arguments.Get("--output");
  if (!path.empty()) {
    auto created = PrivateFile::Create(path);
    if (!created) return session.Fail(created.error());
    file.emplace(std::move(*created));
  }
  const auto endpoint = session.CallJson({.target = "/ballast/v1/endpoint"});
  if (!endpoint) return session.Fail(endpoint.error());
  const std::string ns = arguments.Get("--namespace");
  json wanted = {
      {"user", arguments.Get("--user")}, {"role", role}, {"expirationSeconds", expires->count()}};
  if (!ns.empty()) wanted["namespace"] = ns;
  const auto token = session.CallJson({.method = "POST",
                                       .target = "/ballast/v1/tokens",
                                       .body = wanted.dump(),
                                       .content_type = "application/json"});
  if (!token) return session.Fail(token.error());
  const std::string text = api::WriteYaml(Kubeconfig(*endpoint, *token, ns));
  if (!file) {
    session.out << text;
    return kExitOk;
  }
  auto written = file->Write(text);
  if (written) written = file->Commit();
  if (!written) {
    // Nobody has it: it must not stay good.
    static_cast<void>(session.Call(
        {.method = "DELETE", .target = "/ballast/v1/tokens/" + UrlEncode(Word(*token, "id"))}));
    return session.Fail(written.error());
  }
  session.out << Sanitize(path) << " written: " << role << " as " << Text(*token, "user")
              << (ns.empty() ? "" : " in the namespace " + Sanitize(ns)) << ", until "
              << Text(*token, "expirationTimestamp") << " (token " << Text(*token, "id") << ")\n"
              << "kubectl --kubeconfig " << Sanitize(path) << " get webapps\n";
  return kExitOk;
}

}  // namespace ballast::cli
