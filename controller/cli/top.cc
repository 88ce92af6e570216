#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "controller/cli/commands.h"
#include "controller/cli/resource_types.h"
#include "controller/cli/table.h"
#include "controller/cli/top_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kPeriod{1};
constexpr char kHideCursorAndClear[] = "\x1b[?25l\x1b[2J";
constexpr char kShowCursor[] = "\x1b[?25h";

// Draws the same place again and again, until Ctrl-C.
class LiveTop {
 public:
  LiveTop(Session& session, std::string target, TopOptions options)
      : session_(session), target_(std::move(target)), options_(options) {}

  int Run(json first) {
    answer_ = std::move(first);
    session_.out << kHideCursorAndClear;
    Draw("");
    session_.connection.After(kPeriod, [this] { Ask(); });
    const auto ran = session_.connection.Run(std::nullopt);
    session_.out << kShowCursor;
    session_.out.flush();
    // Ctrl-C is how it ends.
    return ran || ran.error().code == Code::kCancelled ? kExitOk : session_.Fail(ran.error());
  }

 private:
  void Ask() {
    body_.clear();
    session_.connection.Open({.call = {.target = target_},
                              .on_data =
                                  [this](std::string_view piece) {
                                    body_ += piece;
                                    return true;
                                  },
                              .on_end = [this](const Result<Reply>& reply) { OnEnd(reply); }});
  }

  // A controller that is restarted is soon back; until then the last figures stay.
  void OnEnd(const Result<Reply>& reply) {
    std::string notice;
    if (!reply) {
      notice = reply.error().message;
    } else if (!reply->ok()) {
      notice = fmt::format("the controller answered {}", reply->status);
    } else if (auto answer = ParseAnswer(body_)) {
      answer_ = *std::move(answer);
    } else {
      notice = answer.error().message;
    }
    Draw(notice);
    if (!session_.out.good()) return session_.connection.Stop();
    session_.connection.After(kPeriod, [this] { Ask(); });
  }

  void Draw(const std::string& notice) {
    const TerminalSize size = session_.environment.terminal();
    options_.width = size.width;
    session_.out << DrawTop(answer_, options_, size.height, notice);
    session_.out.flush();
  }

  Session& session_;
  const std::string target_;
  TopOptions options_;
  json answer_;
  std::string body_;
};

}  // namespace

int RunTop(const Arguments& arguments, Session& session) {
  const std::string format = arguments.Get("--output");
  if (format != "table" && format != "json") {
    return session.Usage(fmt::format("--output is table or json, not \"{}\"", Sanitize(format)),
                         "top");
  }
  const auto& words = arguments.words();
  const std::string what = words.empty() ? "webapps" : words.front();
  const bool replicas = what == "replicas" || what == "replica" || what == "pods";
  if (words.size() > 1 || (!replicas && what != "webapps" && what != "webapp" && what != "wa")) {
    return session.Usage("top takes webapps (the default) or replicas", "top");
  }
  const bool everywhere = arguments.On("--all-namespaces");
  std::string target = "/ballast/v1/top";
  if (!everywhere) target += Query({{"namespace", arguments.Get("--namespace")}});
  auto answer = session.CallJson({.target = target});
  if (!answer) return session.Fail(answer.error());
  if (format == "json") {
    session.out << answer->dump(2, ' ', false, json::error_handler_t::replace) << "\n";
    return kExitOk;
  }
  const TopOptions options{.replicas = replicas,
                           .with_namespace = everywhere,
                           .width = session.environment.width,
                           .color = session.environment.color};
  if (session.environment.terminal && !arguments.On("--once")) {
    return LiveTop(session, target, options).Run(*std::move(answer));
  }
  session.out << RenderTop(*answer, options);
  return kExitOk;
}

}  // namespace ballast::cli
