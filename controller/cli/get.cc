#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/not_found.h"
#include "controller/cli/object_table.h"
#include "controller/cli/print_object.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"
#include "controller/cli/watch.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

class Getter {
 public:
  Getter(const Arguments& arguments, Session& session)
      : arguments_(arguments),
        session_(session),
        format_(arguments.Get("--output")),
        tables_(format_ == "table" || format_ == "wide"),
        all_namespaces_(arguments.On("--all-namespaces")),
        ns_(all_namespaces_ ? "" : arguments.Get("--namespace")) {}

  int Run() {
    if (const std::string wrong = Check(); !wrong.empty()) return session_.Usage(wrong, "get");
    const auto types = session_.Types();
    if (!types) return session_.Fail(types.error());
    auto targets = ParseTargets(arguments_.words(), **types);
    if (!targets) {
      return targets.error().code == Code::kInvalidArgument
                 ? session_.Usage(targets.error().message, "get")
                 : session_.Fail(targets.error());
    }
    targets_ = std::move(*targets);
    if (targets_.by_name && all_namespaces_) {
      return session_.Usage("a name is in one namespace: -n NAMESPACE instead of -A", "get");
    }
    if (targets_.by_name && !Selectors().empty()) {
      return session_.Usage("a name and a selector exclude each other", "get");
    }
    if (arguments_.On("--watch")) {
      if (targets_.all.size() == 1) return WatchOne(targets_.all.front());
      return session_.Usage("--watch follows one type, or one object", "get");
    }
    return tables_ ? PrintTables() : PrintObjects();
  }

 private:
  std::string Check() const {
    if (format_ == "table" || format_ == "wide" || format_ == "json" || format_ == "yaml" ||
        format_ == "name") {
      return "";
    }
    return fmt::format("--output is table, wide, json, yaml or name, not \"{}\"",
                       Sanitize(format_));
  }

  std::map<std::string, std::string> Selectors() const {
    std::map<std::string, std::string> selectors;
    if (arguments_.Given("--selector")) selectors["labelSelector"] = arguments_.Get("--selector");
    if (arguments_.Given("--field-selector")) {
      selectors["fieldSelector"] = arguments_.Get("--field-selector");
    }
    return selectors;
  }

  std::string Accept() const { return tables_ ? kTableAccept : "application/json"; }

  Result<json> Fetch(const Targets::One& target) {
    if (target.name.empty()) {
      return session_.ListAll(target.type->Path(ns_), Selectors(), Accept());
    }
    auto object =
        session_.CallJson({.target = target.type->Path(ns_, target.name), .accept = Accept()});
    if (!object && object.error().code == Code::kNotFound) {
      return ExplainNotFound(session_, *target.type, ns_, target.name, object.error());
    }
    return object;
  }

  ObjectTable MakeTable(const ResourceType& type, bool several_types) const {
    return ObjectTable({.wide = format_ == "wide",
                        .with_namespace = all_namespaces_ && type.namespaced,
                        .show_labels = arguments_.On("--show-labels"),
                        .headers = !arguments_.On("--no-headers"),
                        .color = session_.environment.color,
                        .ref_prefix = several_types ? type.singular + "/" : ""});
  }

  bool SeveralTypes() const {
    for (const auto& target : targets_.all) {
      if (target.type != targets_.all.front().type) return true;
    }
    return false;
  }

  bool Ignored(const Status& status) const {
    return status.code == Code::kNotFound && arguments_.On("--ignore-not-found");
  }

  int PrintTables() {
    const bool several = SeveralTypes();
    int code = kExitOk;
    bool nothing = true;
    bool failed = false;
    // What belongs together by type goes into one table.
    for (std::size_t i = 0; i < targets_.all.size();) {
      const ResourceType* const type = targets_.all[i].type;
      json whole;
      for (; i < targets_.all.size() && targets_.all[i].type == type; ++i) {
        auto table = Fetch(targets_.all[i]);
        if (!table) {
          if (Ignored(table.error())) continue;
          code = session_.Fail(table.error());
          failed = true;
          if (table.error().code != Code::kNotFound) return code;
          continue;
        }
        if (whole.is_null()) {
          whole = std::move(*table);
        } else {
          for (const json& row : List(*table, "rows")) whole["rows"].push_back(row);
        }
      }
      const std::string text = MakeTable(*type, several).Render(whole);
      if (text.empty()) continue;
      if (!nothing) session_.out << "\n";
      session_.out << text;
      nothing = false;
    }
    if (nothing && !failed && !targets_.by_name) SayNothing();
    return code;
  }

  void SayNothing() const {
    std::string what;
    for (const auto& target : targets_.all)
      what += (what.empty() ? "" : ", ") + target.type->plural;
    const bool namespaced = targets_.all.front().type->namespaced;
    session_.err << "there are no " << what << (!Selectors().empty() ? " that match" : "")
                 << (ns_.empty() || !namespaced ? "" : " in the namespace " + Sanitize(ns_))
                 << (ns_.empty() || !namespaced ? "" : "; -A looks in all of them") << "\n";
  }

  int PrintObjects() {
    int code = kExitOk;
    json items = json::array();
    std::vector<std::string> refs;
    for (const auto& target : targets_.all) {
      auto object = Fetch(target);
      if (!object) {
        if (Ignored(object.error())) continue;
        code = session_.Fail(object.error());
        if (object.error().code != Code::kNotFound) return code;
        continue;
      }
      if (!arguments_.On("--show-managed-fields")) HideManagedFields(*object);
      // A single object, or the list of a single type, is shown as the server gives it.
      if (targets_.all.size() == 1 && format_ != "name") {
        session_.out << StructuredText(*object, format_);
        return code;
      }
      const auto add = [&](const json& item) {
        refs.push_back(target.type->Ref(Text(Field(item, "metadata"), "name")));
        items.push_back(item);
      };
      if (!target.name.empty()) {
        add(*object);
        continue;
      }
      for (const json& item : List(*object, "items")) add(item);
    }
    if (format_ == "name") {
      for (const std::string& ref : refs) session_.out << ref << "\n";
    } else if (code == kExitOk || !items.empty()) {
      session_.out << StructuredText({{"kind", "List"},
                                      {"apiVersion", "v1"},
                                      {"metadata", json::object()},
                                      {"items", std::move(items)}},
                                     format_);
    }
    return code;
  }

  int WatchOne(const Targets::One& target) {
    auto query = Selectors();
    if (!target.name.empty()) query["fieldSelector"] = "metadata.name=" + target.name;
    const std::string path = target.type->Path(ns_);
    auto list = session_.ListAll(path, query, Accept());
    if (!list) return session_.Fail(list.error());
    ObjectTable table = MakeTable(*target.type, false);
    const bool is_table = !List(*list, "columnDefinitions").empty();
    if (!target.name.empty() && List(*list, is_table ? "rows" : "items").empty()) {
      session_.err << target.type->Ref(Sanitize(target.name))
                   << " does not exist yet; waiting for it\n";
    }
    if (tables_) {
      session_.out << table.Render(*list);
    } else {
      for (const json& item : List(*list, "items")) PrintOne(*target.type, item);
    }
    session_.out.flush();
    std::optional<Status> failure;
    Watch watch(session_, path, query, Accept(),
                {.on_event =
                     [&](std::string_view type, const json& object) {
                       if (tables_) {
                         session_.out << table.Render(object, type == "DELETED");
                       } else {
                         PrintOne(*target.type, object);
                       }
                       session_.out.flush();
                       return session_.out.good();
                     },
                 .on_failure = [&](const Status& status) { failure = status; }});
    watch.Start(Text(Field(*list, "metadata"), "resourceVersion", "0"));
    if (const auto ran = session_.connection.Run(std::nullopt); !ran) {
      return session_.Fail(ran.error());
    }
    return failure ? session_.Fail(*failure) : kExitOk;
  }

  void PrintOne(const ResourceType& type, json object) const {
    if (format_ == "name") {
      session_.out << type.Ref(Text(Field(object, "metadata"), "name")) << "\n";
      return;
    }
    if (!arguments_.On("--show-managed-fields")) HideManagedFields(object);
    if (format_ == "yaml") session_.out << "---\n";
    session_.out << StructuredText(object, format_);
  }

  const Arguments& arguments_;
  Session& session_;
  const std::string format_;
  const bool tables_;
  const bool all_namespaces_;
  const std::string ns_;
  Targets targets_;
};

}  // namespace

int RunGet(const Arguments& arguments, Session& session) {
  return Getter(arguments, session).Run();
}

}  // namespace ballast::cli
