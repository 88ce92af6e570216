// What arrives over time: events, logs.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "controller/docker/decode.h"
#include "controller/docker/demux.h"
#include "controller/docker/encode.h"
#include "controller/docker/engine.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"
#include "controller/docker/unix_stream.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using reconcilers::EngineEvent;

std::string EventsTarget() {
  // Docker 20.10 answers with the header *before* it subscribes (getEvents in its
  // system_routes.go): without `since` an event in between would be lost, although on_open said
  // that none is.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(now - seconds);
  std::vector<std::string> actions = ContainerActions();
  actions.insert(actions.end(), NetworkActions().begin(), NetworkActions().end());
  const Json filters{{"type", Json::array({"container", "network"})}, {"event", actions}};
  return fmt::format("/events?since={}.{:09}&filters={}", seconds.count(), nanoseconds.count(),
                     Escape(DumpJson(filters)));
}

std::unexpected<Status> LogError(const std::string& what, const Response& response) {
  Status error = ToStatus(what, response.status, response.body);
  if (ContainsNoCase(error.message, "does not support reading")) {
    error.code = Code::kFailedPrecondition;
  }
  return std::unexpected(error);
}

}  // namespace

Status DockerEngine::StreamEvents(std::stop_token stop, const std::function<void()>& on_open,
                                  const std::function<void(const EngineEvent&)>& on_event) {
  Canceller canceller;
  const std::stop_callback interrupt(stop, [&canceller] { canceller.Cancel(); });
  Status cancelled{Code::kCancelled, "stream events: stopped"};

  std::size_t skipped = 0;
  const auto count_skipped = [&] {
    ++skipped;
    if (options_.metrics != nullptr) {
      options_.metrics->Add("ballast_docker_events_skipped_total", 1, {});
    }
  };
  LineSplitter lines([&](std::string_view line) -> Result<void> {
    const auto events = DecodeEvents(line);
    if (!events) {
      count_skipped();
      return {};
    }
    for (const EngineEvent& event : *events) {
      if (stop.stop_requested()) return std::unexpected(cancelled);
      on_event(event);
    }
    return {};
  });
  std::size_t too_long = 0;
  const BodySink sink{.on_header = [&](const Response&) { on_open(); },
                      .on_data = [&](std::string_view chunk) -> Result<void> {
                        auto fed = lines.Feed(chunk);
                        for (; too_long < lines.too_long(); ++too_long) count_skipped();
                        return fed;
                      }};
  const auto response = client_.Call("stream_events",
                                     {.target = EventsTarget(),
                                      .timeout = options_.request_timeout,
                                      .endless_body = true,
                                      .canceller = &canceller},
                                     &sink);
  if (stop.stop_requested()) return cancelled;
  if (!response) return {response.error().code, "stream events: " + response.error().message};
  if (!response->ok()) return ToStatus("stream events", response->status, response->body);
  return {Code::kUnavailable, "stream events: Docker ended the stream; is it shutting down?"};
}

Result<std::string> DockerEngine::TailLogs(const std::string& id, int lines) {
  if (auto valid = CheckName("container", id); !valid) return std::unexpected(valid.error());
  const std::string what = "read the log of container " + id;
  BoundedText output(BoundedText::Keep::kLast, options_.max_log_bytes);
  std::optional<Demux> demux;
  const BodySink sink{.on_header =
                          [&](const Response& header) {
                            demux.emplace(
                                output, header.content_type != "application/vnd.docker.raw-stream");
                          },
                      .on_data = [&](std::string_view chunk) -> Result<void> {
                        demux->Feed(chunk);
                        return {};
                      }};
  const auto response =
      client_.Call("logs",
                   {.target = fmt::format("/containers/{}/logs?stdout=1&stderr=1&tail={}",
                                          Escape(id), std::max(lines, 0)),
                    .timeout = options_.request_timeout},
                   &sink);
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) return LogError(what, *response);
  return std::move(output).Take();
}

Result<void> DockerEngine::StreamLogs(const std::string& id, const reconcilers::LogRequest& request,
                                      std::stop_token stop,
                                      const std::function<bool(std::string_view)>& on_data) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  const std::string what = "read the log of container " + id;
  Canceller canceller;
  const std::stop_callback interrupt(stop, [&canceller] { canceller.Cancel(); });
  bool wanted = true;
  std::optional<Demux> demux;
  const BodySink sink{.on_header =
                          [&](const Response& header) {
                            demux.emplace(
                                [&](std::string_view text) { wanted = wanted && on_data(text); },
                                header.content_type != "application/vnd.docker.raw-stream");
                          },
                      .on_data = [&](std::string_view chunk) -> Result<void> {
                        demux->Feed(chunk);
                        if (!wanted)
                          return Error(Code::kCancelled, what + ": nobody listens any more");
                        return {};
                      }};
  const auto since = std::chrono::floor<std::chrono::seconds>(request.since.time_since_epoch());
  const auto response = client_.Call(
      "logs",
      {.target = fmt::format(
           "/containers/{}/logs?stdout=1&stderr=1&follow={}&tail={}&since={}&timestamps={}",
           Escape(id), request.follow ? 1 : 0,
           request.tail < 0 ? "all" : std::to_string(request.tail), since.count(),
           request.timestamps ? 1 : 0),
       .timeout = options_.request_timeout,
       .endless_body = true,
       .canceller = &canceller},
      &sink);
  if (stop.stop_requested()) return Error(Code::kCancelled, what + ": stopped");
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) return LogError(what, *response);
  return {};
}

}  // namespace ballast::docker
