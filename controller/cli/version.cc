#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/print_object.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

// "v1.32.0+ballast-0.1.0" -> "0.1.0"
std::string BallastVersion(const std::string& git_version) {
  constexpr std::string_view kMark = "+ballast-";
  const std::size_t at = git_version.find(kMark);
  return at == git_version.npos ? git_version : git_version.substr(at + kMark.size());
}

}  // namespace

int RunVersion(const Arguments& arguments, Session& session) {
  if (!arguments.words().empty()) return session.Usage("version takes no words", "version");
  const std::string format = arguments.Get("--output");
  if (!format.empty() && format != "json" && format != "yaml") {
    return session.Usage("--output is json or yaml", "version");
  }
  const std::string& version = session.environment.version;
  json versions = {{"clientVersion", version}};
  std::string missing;
  std::string server;
  std::string kubernetes;
  if (!arguments.On("--client")) {
    const auto answer = session.CallJson({.target = "/version"});
    if (answer) {
      const std::string git_version = Text(*answer, "gitVersion");
      server = BallastVersion(git_version);
      kubernetes = git_version.substr(0, git_version.find('+'));
      versions["serverVersion"] = server;
      versions["kubernetesVersion"] = kubernetes;
    } else if (answer.error().code == Code::kCancelled) {
      return kExitInterrupted;
    } else {
      missing = answer.error().message;
    }
  }
  if (!format.empty()) {
    session.out << StructuredText(versions, format);
    return kExitOk;
  }
  session.out << "ballast " << version << "\n";
  if (!server.empty()) {
    session.out << "controller " << server << ", speaks Kubernetes " << kubernetes << "\n";
  }
  // To know one's own version is enough for success.
  if (!missing.empty()) session.err << "controller: " << missing << "\n";
  return kExitOk;
}

}  // namespace ballast::cli
