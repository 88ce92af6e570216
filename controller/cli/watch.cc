#include "controller/cli/watch.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/cli/status_view.h"

namespace ballast::cli {
namespace {

using nlohmann::json;

constexpr int kGone = 410;
constexpr int kMaxFailures = 60;  // with the pause: a controller that is upgraded is back by then
constexpr std::chrono::milliseconds kPause{1000};
constexpr std::size_t kMaxLine = std::size_t{64} << 20;

}  // namespace

bool LineReader::Feed(std::string_view piece, const std::function<bool(std::string_view)>& line) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    if (end == piece.npos) {
      if (rest_.size() + piece.size() > kMaxLine) return false;
      rest_ += piece;
      return true;
    }
    bool more = true;
    if (rest_.empty()) {
      more = line(piece.substr(0, end));
    } else {
      rest_ += piece.substr(0, end);
      more = line(std::exchange(rest_, {}));
    }
    if (!more) return false;
    piece.remove_prefix(end + 1);
  }
  return true;
}

Watch::Watch(Session& session, std::string path, std::map<std::string, std::string> query,
             std::string accept, WatchCalls calls)
    : session_(session),
      path_(std::move(path)),
      query_(std::move(query)),
      accept_(std::move(accept)),
      calls_(std::move(calls)) {}

void Watch::Start(std::string resource_version) {
  version_ = std::move(resource_version);
  Open();
}

void Watch::Open() {
  lines_ = {};
  auto query = query_;
  query["watch"] = "true";
  query["allowWatchBookmarks"] = "true";
  query["resourceVersion"] = version_;
  session_.connection.Open(
      {.call = {.target = path_ + Query(query), .accept = accept_},
       .on_data =
           [this](std::string_view piece) {
             return lines_.Feed(piece, [this](std::string_view line) { return OnLine(line); });
           },
       .on_end = [this](const Result<Reply>& reply) { OnEnd(reply); }});
}

bool Watch::OnLine(std::string_view line) {
  const auto event = ParseAnswer(line);
  if (!event) return true;  // a line that we do not understand is not the end
  const std::string type = Text(*event, "type");
  const json& object = Field(*event, "object");
  if (type == "ERROR") {
    if (Number(object, "code") == kGone) {
      Lose();
      return false;
    }
    ended_ = true;
    calls_.on_failure(
        {Code::kInternal,
         DescribeStatus(static_cast<int>(Number(object, "code")),
                        object.dump(-1, ' ', false, json::error_handler_t::replace))});
    return false;
  }
  failures_ = 0;
  const json& rows = Field(object, "rows");
  const json& shown = rows.is_array() && !rows.empty() ? Field(rows.back(), "object") : object;
  const std::string version = Text(Field(shown, "metadata"), "resourceVersion", "");
  if (!version.empty()) version_ = version;
  if (type == "BOOKMARK") return true;
  if (calls_.on_event(type, object)) return true;
  ended_ = true;
  return false;
}

void Watch::Lose() {
  version_ = "0";
  if (calls_.on_lost) calls_.on_lost();
}

void Watch::OnEnd(const Result<Reply>& reply) {
  if (ended_) return;
  if (reply && !reply->ok()) {
    if (reply->status == kGone) {
      Lose();
    } else {
      ended_ = true;
      return calls_.on_failure({Code::kInternal, DescribeStatus(reply->status, reply->body, {})});
    }
  }
  // The server may end a watch whenever it likes; a controller that restarts is soon back.
  if (++failures_ > kMaxFailures) {
    ended_ = true;
    return calls_.on_failure(reply ? Status{Code::kUnavailable, "the controller ends every watch"}
                                   : reply.error());
  }
  session_.connection.After(failures_ == 1 ? std::chrono::milliseconds(0) : kPause,
                            [this] { Open(); });
}

}  // namespace ballast::cli
