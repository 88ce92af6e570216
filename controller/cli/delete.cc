#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/manifest_files.h"
#include "controller/cli/not_found.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"
#include "controller/cli/waiter.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

class Deleter {
 public:
  Deleter(const Arguments& arguments, Session& session)
      : arguments_(arguments), session_(session), ns_(arguments.Get("--namespace")) {}

  int Run() {
    if (const std::string wrong = Check(); !wrong.empty()) return session_.Usage(wrong, "delete");
    const Result<void> collected = arguments_.Given("--filename") ? FromFiles() : FromWords();
    if (!collected) {
      return collected.error().code == Code::kInvalidArgument && !arguments_.Given("--filename")
                 ? session_.Usage(collected.error().message, "delete")
                 : session_.Fail(collected.error());
    }
    int code = kExitOk;
    Waiter waiter(session_);
    for (const Item& item : items_) {
      if (const Result<void> deleted = Delete(item, waiter); !deleted) {
        code = session_.Fail(deleted.error());
        if (deleted.error().code != Code::kNotFound) return code;
      }
    }
    if (items_.empty()) session_.err << "there is nothing to delete\n";
    if (waiter.empty()) return code;
    session_.out.flush();
    const int waited = waiter.Wait(timeout_);
    return waited == kExitOk ? code : waited;
  }

 private:
  struct Item {
    const ResourceType* type = nullptr;
    std::string ns;
    std::string name;
  };

  std::string Check() {
    const bool files = arguments_.Given("--filename");
    const bool several = arguments_.On("--all") || arguments_.Given("--selector");
    if (files && !arguments_.words().empty()) return "names and -f exclude each other";
    if (files && several) return "-f excludes --all and --selector";
    if (!files && arguments_.words().empty()) return "TYPE NAME, TYPE/NAME or -f FILE is missing";
    const std::string cascade = arguments_.Get("--cascade");
    if (cascade != "background" && cascade != "foreground" && cascade != "orphan") {
      return fmt::format("--cascade is background, foreground or orphan, not \"{}\"",
                         Sanitize(cascade));
    }
    const auto timeout = ParseDuration(arguments_.Get("--timeout"));
    if (!timeout) return "--timeout is a time like 90s, 5m or 1h";
    timeout_ = *timeout;
    return "";
  }

  // The last one of the files first: what others need goes after them.
  Result<void> FromFiles() {
    const auto files = ReadFiles(arguments_.All("--filename"), session_.environment.read_input);
    if (!files) return std::unexpected(files.error());
    const auto manifests = ParseAllManifests(*files);
    if (!manifests) return std::unexpected(manifests.error());
    const auto types = session_.Types();
    if (!types) return std::unexpected(types.error());
    for (const Manifest& manifest : *manifests) {
      const ResourceType* const type = (*types)->FindKind(manifest.api_version, manifest.kind);
      if (type == nullptr) {
        const Status wrong = (*types)->UnknownKind(manifest.api_version, manifest.kind);
        return Error(wrong.code, manifest.Locate("kind") + ": " + wrong.message);
      }
      items_.push_back({type, manifest.ns.empty() ? ns_ : manifest.ns, manifest.name});
    }
    std::ranges::reverse(items_);
    return {};
  }

  Result<void> FromWords() {
    const auto types = session_.Types();
    if (!types) return std::unexpected(types.error());
    const auto targets = ParseTargets(arguments_.words(), **types);
    if (!targets) return std::unexpected(targets.error());
    const bool several = arguments_.On("--all") || arguments_.Given("--selector");
    if (targets->by_name && several) {
      return Error(Code::kInvalidArgument, "names exclude --all and --selector");
    }
    if (!targets->by_name && !several) {
      return Error(Code::kInvalidArgument,
                   fmt::format("which {}? name them, or say --all", targets->all[0].type->plural));
    }
    for (const auto& target : targets->all) {
      if (targets->by_name) {
        items_.push_back({target.type, ns_, target.name});
        continue;
      }
      const auto list = session_.ListAll(
          target.type->Path(ns_), {{"labelSelector", arguments_.Get("--selector")}}, kTableAccept);
      if (!list) return std::unexpected(list.error());
      for (const json& row : List(*list, "rows")) {
        items_.push_back({target.type, ns_, Text(Field(Field(row, "object"), "metadata"), "name")});
      }
    }
    return {};
  }

  Result<void> Delete(const Item& item, Waiter& waiter) {
    std::string policy = arguments_.Get("--cascade");
    policy[0] = static_cast<char>(policy[0] - 'a' + 'A');
    const bool dry_run = arguments_.On("--dry-run");
    const auto answer = session_.CallJson(
        {.method = "DELETE",
         .target = item.type->Path(item.ns, item.name) + Query({{"dryRun", dry_run ? "All" : ""}}),
         .body =
             json({{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"propagationPolicy", policy}})
                 .dump(),
         .content_type = "application/json"});
    if (!answer) {
      if (answer.error().code != Code::kNotFound) return std::unexpected(answer.error());
      if (arguments_.On("--ignore-not-found")) return {};
      return ExplainNotFound(session_, *item.type, item.ns, item.name, answer.error());
    }
    const bool gone = Text(*answer, "kind") == "Status";
    const std::string ref = item.type->Ref(Sanitize(item.name));
    if (dry_run) {
      session_.out << ref << " would be deleted (dry run)\n";
      return {};
    }
    session_.out << ref << (gone ? " deleted" : " is being deleted") << "\n";
    if (!gone && arguments_.On("--wait")) {
      waiter.Add(*item.type, item.type->namespaced ? item.ns : "", item.name,
                 GoneJudge(Text(Field(*answer, "metadata"), "uid", "")), "is gone");
    }
    return {};
  }

  static Waiter::Judge GoneJudge(const std::string& uid) {
    return [uid](const json* object) -> Readiness {
      // Another one of the same name may have been made since.
      if (object == nullptr || Text(Field(*object, "metadata"), "uid", "") != uid) {
        return {.ready = true};
      }
      const json& status = Field(*object, "status");
      if (Field(status, "replicas").is_number_integer()) {
        const auto left = Number(status, "replicas");
        return {.text = fmt::format("{} {} left", left, left == 1 ? "replica" : "replicas")};
      }
      return {.text = Text(Condition(status, "Available"), "message", "it is still there")};
    };
  }

  const Arguments& arguments_;
  Session& session_;
  const std::string ns_;
  std::chrono::seconds timeout_{0};
  std::vector<Item> items_;
};

}  // namespace

int RunDelete(const Arguments& arguments, Session& session) {
  return Deleter(arguments, session).Run();
}

}  // namespace ballast::cli
