#include "controller/apiserver/pod_logs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <iomanip>
#include <mutex>
#include <sstream>
#include <thread>

#include "api/labels.h"
#include "controller/apiserver/rest_handler.h"

namespace ballast::apiserver {
namespace {

using reconcilers::ContainerInfo;

constexpr std::size_t kBuffer = 256 * 1024;  // read ahead of the client
constexpr std::size_t kPiece = 64 * 1024;

std::string Label(const ContainerInfo& info, const char* key) {
  const auto found = info.labels.find(key);
  return found == info.labels.end() ? "" : found->second;
}

int AttemptOf(const ContainerInfo& info) {
  const std::string text = Label(info, api::kLabelAttempt);
  int attempt = 0;
  std::from_chars(text.data(), text.data() + text.size(), attempt);
  return attempt;
}

std::optional<api::Time> ParseTime(const std::string& text) {
  std::istringstream in(text);
  std::tm parts{};
  in >> std::get_time(&parts, "%Y-%m-%dT%H:%M:%S");
  if (in.fail()) return std::nullopt;
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

// A log on its way: a thread reads it from Docker into a buffer, the server takes it from there.
class LogBody final : public BodySource {
 public:
  LogBody(reconcilers::Engine& engine, std::string container, reconcilers::LogRequest request,
          std::shared_ptr<std::atomic<int>> open)
      : engine_(engine),
        container_(std::move(container)),
        request_(request),
        open_(std::move(open)) {}

  ~LogBody() override {
    if (thread_.joinable()) {
      thread_.request_stop();
      room_cv_.notify_all();
      thread_.join();
    }
    open_->fetch_sub(1);
  }

  void Start(std::function<void()> wake) override {
    wake_ = std::move(wake);
    thread_ = std::jthread([this](const std::stop_token& stop) { Read(stop); });
  }

  Next Fill(std::string& out) override {
    const std::lock_guard lock(mutex_);
    const std::size_t count = std::min(kPiece, text_.size());
    out.append(text_, 0, count);
    text_.erase(0, count);
    room_cv_.notify_all();
    if (!text_.empty()) return Next::kMore;
    return ended_ ? Next::kEnd : Next::kWait;
  }

 private:
  void Read(const std::stop_token& stop) {
    const auto result =
        engine_.StreamLogs(container_, request_, stop, [this, &stop](std::string_view chunk) {
          {
            std::unique_lock lock(mutex_);
            room_cv_.wait(lock, stop, [this] { return text_.size() < kBuffer; });
            if (stop.stop_requested()) return false;
            text_.append(chunk);
          }
          wake_();
          return true;
        });
    {
      const std::lock_guard lock(mutex_);
      // The answer has begun: what went wrong can only be said in it.
      if (!result && result.error().code != Code::kCancelled) {
        text_ += "ballast: " + result.error().message + "\n";
      }
      ended_ = true;
    }
    wake_();
  }

  reconcilers::Engine& engine_;
  const std::string container_;
  const reconcilers::LogRequest request_;
  const std::shared_ptr<std::atomic<int>> open_;
  std::function<void()> wake_;
  std::mutex mutex_;
  std::condition_variable_any room_cv_;
  std::string text_;    // guarded by mutex_
  bool ended_ = false;  // guarded by mutex_
  std::jthread thread_;
};

}  // namespace

ApiResult<PodLogRequest> ParsePodLogRequest(const HttpRequest& request, api::Time now) {
  PodLogRequest wanted;
  const auto word = [&](const char* name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const auto is_true = [&](const char* name) { return word(name) == "true" || word(name) == "1"; };
  wanted.container = word("container");
  wanted.previous = is_true("previous");
  wanted.log.follow = is_true("follow");
  wanted.log.timestamps = is_true("timestamps");
  const auto number = [&](const char* name, int& out) {
    const std::string text = word(name);
    if (text.empty()) return true;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out >= 0;
  };
  if (!number("tailLines", wanted.log.tail)) {
    return Refuse(BadRequest("tailLines must be a number of lines"));
  }
  int seconds = 0;
  if (!number("sinceSeconds", seconds)) {
    return Refuse(BadRequest("sinceSeconds must be a number of seconds"));
  }
  if (seconds > 0) wanted.log.since = now - std::chrono::seconds(seconds);
  if (const std::string since = word("sinceTime"); !since.empty()) {
    const auto time = ParseTime(since);
    if (!time) return Refuse(BadRequest("sinceTime must be a time such as 2026-11-21T10:00:00Z"));
    wanted.log.since = *time;
  }
  return wanted;
}

ApiResult<ContainerInfo> ChooseContainer(const std::vector<ContainerInfo>& containers,
                                         const ErrorSubject& pod, const std::string& ns,
                                         const PodLogRequest& request) {
  std::vector<const ContainerInfo*> attempts;
  std::vector<const ContainerInfo*> serving;
  bool exists = false;
  for (const ContainerInfo& info : containers) {
    const std::string in = Label(info, api::kLabelNamespace);
    if ((in.empty() ? "default" : in) != ns || Label(info, api::kLabelReplica) != pod.name) {
      continue;
    }
    exists = true;
    const std::string sidecar = Label(info, api::kLabelSidecar);
    if (sidecar.empty()) serving.push_back(&info);
    if (sidecar == request.container) attempts.push_back(&info);
  }
  if (!exists) return Refuse(NotFound(pod));
  // By the name that the template gives the container that serves, which carries no label of it.
  if (attempts.empty()) attempts = std::move(serving);
  std::ranges::sort(attempts, std::greater(),
                    [](const ContainerInfo* info) { return AttemptOf(*info); });
  const std::size_t index = request.previous ? 1 : 0;
  if (attempts.size() <= index) {
    return Refuse(BadRequest(fmt::format(
        "previous terminated container of pod \"{}\" not found: it has not been restarted",
        pod.name)));
  }
  return *attempts[index];
}

void PodLogs::Handle(const RequestInfo& info, const HttpRequest& request,
                     const Respond& respond) const {
  const auto wanted = ParsePodLogRequest(request, clock_.WallNow());
  if (!wanted) return respond(ErrorResponse(wanted.error()));
  auto containers = engine_.ListContainers(std::string(api::kLabelReplica) + "=" + info.name);
  if (!containers) return respond(ErrorResponse(FromStatus(containers.error(), info.Subject())));
  std::erase_if(*containers, [this](const ContainerInfo& container) {
    return Label(container, api::kLabelOwner) != instance_;
  });
  const auto container = ChooseContainer(*containers, info.Subject(), info.ns, *wanted);
  if (!container) return respond(ErrorResponse(container.error()));
  if (open_->fetch_add(1) >= kMaxAtOnce) {
    open_->fetch_sub(1);
    ApiError error{.code = 429,
                   .reason = "TooManyRequests",
                   .message = fmt::format("{} logs are being read already", kMaxAtOnce)};
    error.retry_after_seconds = 1;
    return respond(ErrorResponse(error));
  }
  HttpResponse response{.content_type = "text/plain; charset=utf-8"};
  response.stream = std::make_shared<LogBody>(engine_, container->id, wanted->log, open_);
  respond(std::move(response));
}

}  // namespace ballast::apiserver
