#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/manifest_files.h"
#include "controller/cli/print_object.h"
#include "controller/cli/status_view.h"
#include "controller/cli/waiter.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr int kHttpCreated = 201;

// What others need comes first.
int RankOf(const std::string& kind) {
  static constexpr std::string_view kOrder[] = {"Namespace", "Secret", "ConfigMap", "LoadBalancer",
                                                "WebApp"};
  const auto* const found = std::ranges::find(kOrder, kind);
  return static_cast<int>(found - std::begin(kOrder));
}

class Applier {
 public:
  Applier(const Arguments& arguments, Session& session)
      : arguments_(arguments),
        session_(session),
        dry_run_(arguments.On("--dry-run")),
        output_(arguments.Given("--output") ? arguments.Get("--output") : "") {}

  int Run() {
    if (const std::string wrong = Check(); !wrong.empty()) return session_.Usage(wrong, "apply");
    const auto files = ReadFiles(arguments_.All("--filename"), session_.environment.read_input);
    if (!files) return session_.Fail(files.error());
    auto manifests = ParseAllManifests(*files);
    if (!manifests) return session_.Fail(manifests.error());
    if (const Result<void> found = FindTypes(*manifests); !found) {
      return session_.Fail(found.error());
    }
    std::ranges::stable_sort(items_, {}, [](const Item& i) { return RankOf(i.manifest.kind); });
    if (const Result<void> fine = CheckAll(); !fine) return session_.Fail(fine.error());
    for (Item& item : items_) {
      const auto applied = Patch(item, dry_run_);
      if (!applied) return Incomplete(applied.error(), item);
      Print(item, *applied);
    }
    if (!results_.empty()) PrintResults();
    if (!arguments_.On("--wait") || dry_run_) return kExitOk;
    session_.out.flush();
    return Wait();
  }

 private:
  struct Item {
    Manifest manifest;
    const ResourceType* type = nullptr;
    std::string ns;
    std::string version_before;  // its resourceVersion; empty: it was not there
    std::int64_t generation = 0;

    [[nodiscard]] std::string Path() const { return type->Path(ns, manifest.name); }
    [[nodiscard]] std::string Ref() const { return type->Ref(Sanitize(manifest.name)); }
  };

  std::string Check() {
    if (!arguments_.words().empty()) {
      return fmt::format("\"{}\" is no flag: files are given as -f FILE",
                         Sanitize(arguments_.words().front()));
    }
    if (!arguments_.Given("--filename")) return "-f FILE is missing: what to apply";
    if (!output_.empty() && output_ != "name" && output_ != "json" && output_ != "yaml") {
      return fmt::format("--output is name, json or yaml, not \"{}\"", Sanitize(output_));
    }
    const auto timeout = ParseDuration(arguments_.Get("--timeout"));
    if (!timeout) return "--timeout is a time like 90s, 5m or 1h";
    timeout_ = *timeout;
    return "";
  }

  Result<void> FindTypes(std::vector<Manifest>& manifests) {
    const auto types = session_.Types();
    if (!types) return std::unexpected(types.error());
    std::vector<std::string> wrong;
    for (Manifest& manifest : manifests) {
      const ResourceType* const type = (*types)->FindKind(manifest.api_version, manifest.kind);
      if (type == nullptr) {
        const Status status = (*types)->UnknownKind(manifest.api_version, manifest.kind);
        const bool kind = status.message.starts_with("kind");
        wrong.push_back(manifest.Locate(kind ? "kind" : "apiVersion") + ": " + status.message);
      } else if (!type->writable) {
        wrong.push_back(fmt::format("{}: kind: {} are made by Ballast itself and can only be read",
                                    manifest.Locate("kind"), type->plural));
      } else if (const std::string other = OtherNamespace(manifest, *type); !other.empty()) {
        wrong.push_back(other);
      } else {
        const std::string ns = !type->namespaced     ? ""
                               : manifest.ns.empty() ? arguments_.Get("--namespace")
                                                     : manifest.ns;
        items_.push_back({.manifest = std::move(manifest), .type = type, .ns = ns});
      }
    }
    if (wrong.empty()) return {};
    return Error(Code::kInvalidArgument, ManifestsAreWrong(wrong));
  }

  std::string OtherNamespace(const Manifest& manifest, const ResourceType& type) const {
    if (!type.namespaced || manifest.ns.empty() || !arguments_.Given("--namespace") ||
        manifest.ns == arguments_.Get("--namespace")) {
      return "";
    }
    return fmt::format("{}: metadata.namespace: is {}, but -n says {}",
                       manifest.Locate("metadata.namespace"), Sanitize(manifest.ns),
                       Sanitize(arguments_.Get("--namespace")));
  }

  // With one object the write itself is the check.
  Result<void> CheckAll() {
    if (items_.size() == 1) return {};
    std::string wrong;
    for (Item& item : items_) {
      const auto checked = Patch(item, true);
      if (checked) continue;
      const Code code = checked.error().code;
      if (code != Code::kInvalidArgument && code != Code::kConflict) {
        return std::unexpected(checked.error());
      }
      wrong += (wrong.empty() ? "" : "\n") + checked.error().message;
    }
    if (wrong.empty()) return {};
    return Error(Code::kInvalidArgument, wrong + "\nnothing was changed");
  }

  Result<Reply> Patch(Item& item, bool dry_run) {
    if (const Result<void> looked = LookBefore(item); !looked) {
      return std::unexpected(looked.error());
    }
    const std::string query = Query({{"fieldManager", "ballast"},
                                     {"fieldValidation", "Strict"},
                                     {"force", arguments_.On("--force-conflicts") ? "true" : ""},
                                     {"dryRun", dry_run ? "All" : ""}});
    return session_.Call({.method = "PATCH",
                          .target = item.Path() + query,
                          .body = item.manifest.body,
                          .content_type = "application/apply-patch+yaml"},
                         {.where = item.manifest.Locate(""),
                          .locate = [&](std::string_view f) { return item.manifest.Locate(f); }});
  }

  // What is printed later depends on it: created, changed, or the same as before.
  Result<void> LookBefore(Item& item) {
    const auto reply = session_.Call({.target = item.Path()});
    if (!reply && reply.error().code != Code::kNotFound) return std::unexpected(reply.error());
    item.version_before.clear();
    if (!reply) return {};
    const auto object = ParseAnswer(reply->body);
    if (!object) return std::unexpected(object.error());
    item.version_before = Text(Field(*object, "metadata"), "resourceVersion", "");
    return {};
  }

  void Print(Item& item, const Reply& reply) {
    auto object = ParseAnswer(reply.body);
    if (!object) object = json::object();
    const json& metadata = Field(*object, "metadata");
    item.generation = Number(metadata, "generation");
    if (output_ == "json" || output_ == "yaml") {
      HideManagedFields(*object);
      results_.push_back(object->dump(-1, ' ', false, json::error_handler_t::replace));
      return;
    }
    if (output_ == "name") {
      session_.out << item.Ref() << "\n";
      return;
    }
    const bool created = reply.status == kHttpCreated || item.version_before.empty();
    const bool same = Text(metadata, "resourceVersion", "") == item.version_before;
    session_.out << item.Ref() << " "
                 << (created ? "created"
                     : same  ? "unchanged"
                             : "configured")
                 << (dry_run_ ? " (dry run)" : "") << "\n";
  }

  void PrintResults() const {
    json items = json::array();
    for (const std::string& result : results_) items.push_back(json::parse(result, nullptr, false));
    if (items.size() == 1) {
      session_.out << StructuredText(items.front(), output_);
      return;
    }
    session_.out << StructuredText({{"kind", "List"},
                                    {"apiVersion", "v1"},
                                    {"metadata", json::object()},
                                    {"items", std::move(items)}},
                                   output_);
  }

  // Says which objects were not tried any more.
  int Incomplete(const Status& error, const Item& at) {
    const int code = session_.Fail(error);
    const auto left = items_.size() - 1 - static_cast<std::size_t>(&at - items_.data());
    if (left > 0) {
      session_.err << "the objects before it are applied, the " << left
                   << " after it are not; apply again when it is mended\n";
    }
    return code;
  }

  int Wait() {
    Waiter waiter(session_);
    for (const Item& item : items_) {
      if (item.type->kind != "WebApp" && item.type->kind != "LoadBalancer") continue;
      waiter.Add(
          *item.type, item.ns, item.manifest.name,
          [generation = item.generation](const json* object) {
            if (object != nullptr) return ReadinessOf(*object, generation);
            return Readiness{.failed = true, .text = "somebody else deleted it"};
          },
          "is available");
    }
    return waiter.Wait(timeout_);
  }

  const Arguments& arguments_;
  Session& session_;
  const bool dry_run_;
  const std::string output_;
  std::chrono::seconds timeout_{0};
  std::vector<Item> items_;
  std::vector<std::string> results_;
};

}  // namespace

int RunApply(const Arguments& arguments, Session& session) {
  return Applier(arguments, session).Run();
}

}  // namespace ballast::cli
