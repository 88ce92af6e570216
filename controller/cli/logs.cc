#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "controller/cli/commands.h"
#include "controller/cli/not_found.h"
#include "controller/cli/status_view.h"
#include "controller/cli/targets.h"
#include "controller/cli/watch.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr int kMaxFailures = 60;  // with the pause: as long as a watch waits for the controller
constexpr std::chrono::milliseconds kPause{1000};

// The one that is asked for: another container under the pod's name is another log.
std::string ContainerId(const json& pod) {
  const auto& containers = List(Field(pod, "status"), "containerStatuses");
  return containers.empty() ? "" : Text(containers.front(), "containerID", "");
}

class LogReader {
 public:
  LogReader(const Arguments& arguments, Session& session)
      : arguments_(arguments),
        session_(session),
        ns_(arguments.Get("--namespace")),
        follow_(arguments.On("--follow")) {}

  int Run() {
    if (const std::string wrong = Check(); !wrong.empty()) return session_.Usage(wrong, "logs");
    const auto types = session_.Types();
    if (!types) return session_.Fail(types.error());
    pods_ = (*types)->FindKind("v1", "Pod");
    webapps_ = (*types)->FindKind("ballast.dev/v1alpha1", "WebApp");
    if (pods_ == nullptr || webapps_ == nullptr) {
      return session_.Fail("this controller shows no logs: it is older than this program");
    }
    const std::string& word = arguments_.words().front();
    if (word.find('/') == word.npos) return OfPod(word);
    const auto targets = ParseTargets({word}, **types);
    if (!targets) {
      return targets.error().code == Code::kInvalidArgument
                 ? session_.Usage(targets.error().message, "logs")
                 : session_.Fail(targets.error());
    }
    const auto& target = targets->all.front();
    if (target.type == webapps_) return OfWebApp(target.name);
    // A Replica and its Pod have the same name.
    if (target.type == pods_ || target.type->kind == "Replica") return OfPod(target.name);
    return session_.Usage(fmt::format("{} have no logs: POD or webapp/NAME", target.type->plural),
                          "logs");
  }

 private:
  struct Source {
    std::string pod;
    std::string prefix;
    LineReader lines;
    int failures = 0;  // one after the other
  };

  std::string Check() const {
    if (arguments_.words().empty()) return "whose log? POD or webapp/NAME";
    if (arguments_.words().size() > 1) return "logs are of one POD or webapp/NAME";
    if (arguments_.Given("--tail") && !ParseCount(arguments_.Get("--tail"))) {
      return fmt::format("--tail is a number of lines, not \"{}\"",
                         Sanitize(arguments_.Get("--tail")));
    }
    if (follow_ && arguments_.On("--previous")) {
      return "--previous is of a container that is dead: there is nothing to follow";
    }
    return "";
  }

  HttpCall LogCall(const std::string& pod, const std::string& tail) const {
    return {.target = pods_->Path(ns_, pod) + "/log" +
                      Query({{"follow", follow_ ? "true" : ""},
                             {"tailLines", tail},
                             {"previous", arguments_.On("--previous") ? "true" : ""},
                             {"container", arguments_.Get("--container")},
                             {"timestamps", arguments_.On("--timestamps") ? "true" : ""}}),
            .accept = "text/plain, */*"};
  }

  int OfPod(const std::string& pod) {
    Result<Reply> end = Reply{};
    session_.connection.Open({.call = LogCall(pod, arguments_.Get("--tail")),
                              .on_data =
                                  [this](std::string_view piece) {
                                    session_.out << piece << std::flush;
                                    return session_.out.good();
                                  },
                              .on_end = [&end](const Result<Reply>& reply) { end = reply; }});
    if (const auto ran = session_.connection.Run(std::nullopt); !ran) {
      return session_.Fail(ran.error());
    }
    if (!end) return session_.Fail(end.error());
    if (end->status == 0 || end->ok()) return kExitOk;
    constexpr int kNotFound = 404;
    if (end->status != kNotFound) return session_.Fail(DescribeStatus(end->status, end->body));
    const auto webapp = session_.Call({.target = webapps_->Path(ns_, pod)});
    const std::string message = DescribeStatus(end->status, end->body);
    if (webapp) {
      return session_.Fail(message + fmt::format("; of all replicas of the web app: `ballast logs "
                                                 "webapp/{}`",
                                                 Sanitize(pod)));
    }
    return session_.Fail(
        ExplainNotFound(session_, *pods_, ns_, pod, {Code::kNotFound, message}).error());
  }

  int OfWebApp(const std::string& name) {
    const auto scale = session_.CallJson({.target = webapps_->Path(ns_, name) + "/scale"});
    if (!scale) {
      if (scale.error().code != Code::kNotFound) return session_.Fail(scale.error());
      return session_.Fail(ExplainNotFound(session_, *webapps_, ns_, name, scale.error()).error());
    }
    const std::string selector =
        Text(Field(*scale, "status"), "selector", ("ballast.dev/webapp=" + name).c_str());
    const auto list =
        session_.ListAll(pods_->Path(ns_), {{"labelSelector", selector}}, "application/json");
    if (!list) return session_.Fail(list.error());
    for (const json& pod : List(*list, "items")) {
      waiting_.push_back(Text(Field(pod, "metadata"), "name"));
      width_ = std::max(width_, waiting_.back().size());
      seen_.insert(waiting_.back() + "/" + ContainerId(pod));
    }
    std::ranges::sort(waiting_);
    if (waiting_.empty()) {
      session_.err << webapps_->Ref(Sanitize(name)) << " has no replicas"
                   << (follow_ ? " yet; waiting for them" : "") << "\n";
      if (!follow_) return kExitOk;
    }
    std::optional<Status> failure;
    Watch watch(session_, pods_->Path(ns_), {{"labelSelector", selector}}, "application/json",
                {.on_event =
                     [this](std::string_view type, const json& pod) {
                       if (type != "DELETED") Notice(pod);
                       return session_.out.good();
                     },
                 .on_lost = nullptr,
                 .on_failure =
                     [&](const Status& status) {
                       failure = status;
                       session_.connection.Stop();
                     }});
    if (follow_) {
      for (const std::string& pod : waiting_) Open(pod, arguments_.Get("--tail"));
      waiting_.clear();
      watch.Start(Text(Field(*list, "metadata"), "resourceVersion", "0"));
    } else {
      OpenNext();
    }
    if (const auto ran = session_.connection.Run(std::nullopt); !ran) {
      return session_.Fail(ran.error());
    }
    return failure ? session_.Fail(*failure) : code_;
  }

  // A replica that came, or whose container was replaced: all of its log is new.
  void Notice(const json& pod) {
    const std::string name = Text(Field(pod, "metadata"), "name");
    const std::string id = ContainerId(pod);
    if (id.empty() || !seen_.insert(name + "/" + id).second) return;
    Open(name, "");
  }

  // One after the other, so that lines of a replica stay together.
  void OpenNext() {
    if (waiting_.empty() || !session_.out.good()) return;
    const std::string pod = waiting_.front();
    waiting_.erase(waiting_.begin());
    Open(pod, arguments_.Get("--tail"));
  }

  void Open(const std::string& pod, const std::string& tail) {
    static constexpr Style kStyles[] = {Style::kGood, Style::kWarning, Style::kBold, Style::kDim};
    const Style style = kStyles[opened_++ % std::size(kStyles)];
    width_ = std::max(width_, pod.size());
    const auto source = std::make_shared<Source>();
    source->pod = pod;
    source->prefix = Paint(pod, style, session_.environment.color) +
                     std::string(width_ - pod.size(), ' ') + " | ";
    Begin(source, tail);
  }

  void Begin(const std::shared_ptr<Source>& source, const std::string& tail) {
    session_.connection.Open(
        {.call = LogCall(source->pod, tail),
         .on_data =
             [this, source](std::string_view piece) {
               source->failures = 0;
               const bool more = source->lines.Feed(piece, [&](std::string_view line) {
                 session_.out << source->prefix << line << "\n";
                 return true;
               });
               session_.out.flush();
               return more && session_.out.good();
             },
         .on_end = [this, source](const Result<Reply>& reply) { OnEnd(source, reply); }});
  }

  void OnEnd(const std::shared_ptr<Source>& source, const Result<Reply>& reply) {
    if (!source->lines.rest().empty()) {
      session_.out << source->prefix << source->lines.rest() << "\n" << std::flush;
      source->lines = {};
    }
    if (!reply && follow_ && source->failures++ < kMaxFailures) {
      // The controller is restarted, say. What is printed until it is back is not shown.
      if (source->failures == 1) {
        session_.err << source->pod << ": " << reply.error().message << "; trying again\n";
      }
      return session_.connection.After(kPause, [this, source] { Begin(source, "0"); });
    }
    if (!reply) {
      session_.err << source->pod << ": " << reply.error().message << "\n";
    } else if (!reply->ok()) {
      session_.err << source->pod << ": " << DescribeStatus(reply->status, reply->body) << "\n";
    }
    if (!reply || !reply->ok()) code_ = kExitFailed;
    if (!follow_) OpenNext();
  }

  const Arguments& arguments_;
  Session& session_;
  const std::string ns_;
  const bool follow_;
  const ResourceType* pods_ = nullptr;
  const ResourceType* webapps_ = nullptr;
  std::vector<std::string> waiting_;  // pods whose turn comes
  std::set<std::string> seen_;        // pod/container
  std::size_t width_ = 0;
  std::size_t opened_ = 0;
  int code_ = kExitOk;
};

}  // namespace

int RunLogs(const Arguments& arguments, Session& session) {
  return LogReader(arguments, session).Run();
}

}  // namespace ballast::cli
