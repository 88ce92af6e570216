// Containers, and what all requests share.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "controller/docker/decode.h"
#include "controller/docker/encode.h"
#include "controller/docker/engine.h"
#include "controller/docker/errors.h"
#include "controller/docker/json.h"
#include "controller/docker/tar.h"

namespace ballast::docker {
namespace {

using Json = nlohmann::json;
using reconcilers::ContainerInfo;
using reconcilers::ContainerSpec;
using reconcilers::StatsSample;

constexpr int kNotModified = 304;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;

}  // namespace

Result<void> CheckName(std::string_view kind, std::string_view name) {
  constexpr std::size_t kLongest = 255;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  if (!name.empty() && name.size() <= kLongest && name.front() != '.' &&
      std::all_of(name.begin(), name.end(), allowed)) {
    return {};
  }
  return Error(
      Code::kInvalidArgument,
      fmt::format("a {} name has 1 to {} letters, digits, '_', '.' and '-'", kind, kLongest));
}

std::string LabelFilter(const std::string& label) {
  return "filters=" + Escape(DumpJson(Json{{"label", Json::array({label})}}));
}

DockerEngine::DockerEngine(DockerOptions options)
    : options_(std::move(options)), client_(options_), registries_(options_.registry_config) {}

Result<void> DockerEngine::Do(std::string_view operation, const std::string& what, Request request,
                              const Accept& accept) {
  const auto response = client_.Call(operation, std::move(request));
  if (!response) return Wrap(what, response.error());
  if (response->ok()) return {};
  if (accept && accept(response->status, response->body)) return {};
  return std::unexpected(ToStatus(what, response->status, response->body));
}

Result<std::string> DockerEngine::DoForId(std::string_view operation, const std::string& what,
                                          Request request, const char* member) {
  const auto response = client_.Call(operation, std::move(request));
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) return std::unexpected(ToStatus(what, response->status, response->body));
  const auto json = ParseJson(response->body);
  if (!json) return Wrap(what, json.error());
  std::string id = GetString(*json, {member});
  if (id.empty()) return Error(Code::kInternal, what + ": Docker answered without an id");
  return id;
}

Result<reconcilers::EngineVersion> DockerEngine::Version() { return client_.Negotiate(); }

Result<std::vector<ContainerInfo>> DockerEngine::ListContainers(const std::string& label) {
  const std::string what = fmt::format("list containers with label {}", label);
  std::vector<ContainerInfo> out;
  ArraySplitter splitter([&out](std::string_view element) -> Result<void> {
    const auto json = ParseJson(element);
    if (!json) return std::unexpected(json.error());
    out.push_back(DecodeListed(*json));
    return {};
  });
  const BodySink sink{.on_data = [&](std::string_view chunk) { return splitter.Feed(chunk); }};
  const auto response = client_.Call("list_containers",
                                     {.target = "/containers/json?all=1&" + LabelFilter(label),
                                      .timeout = options_.request_timeout},
                                     &sink);
  if (!response) return Wrap(what, response.error());
  if (!response->ok()) return std::unexpected(ToStatus(what, response->status, response->body));
  if (auto finished = splitter.Finish(); !finished) return Wrap(what, finished.error());
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

Result<ContainerInfo> DockerEngine::InspectContainer(const std::string& id) {
  if (auto valid = CheckName("container", id); !valid) return std::unexpected(valid.error());
  const auto json = client_.GetJson("inspect_container", "inspect container " + id,
                                    "/containers/" + Escape(id) + "/json");
  if (!json) return std::unexpected(json.error());
  return DecodeInspected(*json);
}

std::vector<Result<StatsSample>> DockerEngine::ContainerStats(const std::vector<std::string>& ids) {
  std::vector<Result<StatsSample>> out;
  const std::span<const std::string> all(ids);
  for (std::size_t from = 0; from < ids.size(); from += options_.max_stats_at_once) {
    const std::size_t count = std::min(options_.max_stats_at_once, ids.size() - from);
    std::ranges::move(StatsAtOnce(all.subspan(from, count)), std::back_inserter(out));
  }
  return out;
}

std::vector<Result<StatsSample>> DockerEngine::StatsAtOnce(std::span<const std::string> ids) {
  std::vector<Result<StatsSample>> out(ids.size());
  std::vector<std::size_t> asked;
  std::vector<Request> requests;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (auto valid = CheckName("container", ids[i]); !valid) {
      out[i] = std::unexpected(valid.error());
      continue;
    }
    asked.push_back(i);
    requests.push_back(
        {.target = fmt::format("/containers/{}/stats?stream=false&one-shot=true", Escape(ids[i])),
         .timeout = options_.stats_timeout});
  }
  const auto responses = client_.CallAll("container_stats", std::move(requests));
  const auto decode = [](const std::string& id,
                         const Result<Response>& response) -> Result<StatsSample> {
    const std::string what = "measure container " + id;
    if (!response) return Wrap(what, response.error());
    if (!response->ok()) return std::unexpected(ToStatus(what, response->status, response->body));
    const auto json = ParseJson(response->body);
    if (!json) return Wrap(what, json.error());
    const auto sample = DecodeStats(*json);
    if (!sample) return Error(Code::kFailedPrecondition, what + ": it does not run");
    return *sample;
  };
  for (std::size_t i = 0; i < asked.size(); ++i)
    out[asked[i]] = decode(ids[asked[i]], responses[i]);
  return out;
}

Result<std::string> DockerEngine::CreateContainer(const ContainerSpec& spec) {
  if (auto valid = CheckName("container", spec.name); !valid) {
    return std::unexpected(valid.error());
  }
  const std::string what = "create container " + spec.name;
  // Docker lets a container that does not run join what does not exist, and fails at its start.
  for (const std::string& network : spec.more_networks) {
    if (auto there = InspectNetwork(network); !there) return Wrap(what, there.error());
  }
  auto id = DoForId("create_container", what,
                    {.method = "POST",
                     .target = "/containers/create?name=" + Escape(spec.name),
                     .body = EncodeContainer(spec),
                     .idempotent = false,
                     .timeout = options_.slow_request_timeout},
                    "Id");
  if (!id && id.error().code == Code::kNotFound &&
      ContainsNoCase(id.error().message, "no such image")) {
    return Error(Code::kNotFound,
                 fmt::format("{}: image {} is not on this engine: pull or build it first", what,
                             spec.image));
  }
  if (!id) return id;
  for (const std::string& network : spec.more_networks) {
    auto joined = ConnectNetwork(network, *id, "");
    if (joined) continue;
    // Half a container is worse than none: its name would be taken and its networks missing.
    auto removed = RemoveContainer(*id);
    Status error{joined.error().code, fmt::format("{}: {}", what, joined.error().message)};
    if (!removed) error.message += "; and then " + removed.error().message;
    return std::unexpected(error);
  }
  return id;
}

Result<void> DockerEngine::StartContainer(const std::string& id) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  return Do("start_container", "start container " + id,
            {.method = "POST",
             .target = "/containers/" + Escape(id) + "/start",
             .timeout = options_.slow_request_timeout},
            [](int status, std::string_view) { return status == kNotModified; });
}

Result<void> DockerEngine::PutFiles(const std::string& id, const std::string& directory,
                                    const std::vector<reconcilers::FileEntry>& files) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  auto tar = MakeTar(files);
  if (!tar) return std::unexpected(tar.error());
  return Do("put_files", fmt::format("put files into {} of container {}", directory, id),
            {.method = "PUT",
             .target = fmt::format("/containers/{}/archive?path={}", Escape(id), Escape(directory)),
             .body = std::move(*tar),
             .content_type = "application/x-tar",
             .timeout = options_.request_timeout});
}

Result<void> DockerEngine::SignalContainer(const std::string& id, const std::string& signal) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  return Do("signal_container", fmt::format("send {} to container {}", signal, id),
            {.method = "POST",
             .target = fmt::format("/containers/{}/kill?signal={}", Escape(id), Escape(signal)),
             .idempotent = false,
             .timeout = options_.request_timeout},
            [](int status, std::string_view text) {
              // It ended before the signal came, with whatever status that answers.
              return status != kNotFound && (ContainsNoCase(text, "is not running") ||
                                             ContainsNoCase(text, "process already finished") ||
                                             ContainsNoCase(text, "no such process"));
            });
}

Result<void> DockerEngine::UpdateRestartPolicy(const std::string& id, const std::string& policy) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  return Do("update_container", "update the restart policy of container " + id,
            {.method = "POST",
             .target = "/containers/" + Escape(id) + "/update",
             .body = DumpJson(Json{{"RestartPolicy", Json{{"Name", policy}}}}),
             .timeout = options_.request_timeout});
}

Result<void> DockerEngine::RemoveContainer(const std::string& id) {
  if (auto valid = CheckName("container", id); !valid) return valid;
  const std::string what = "remove container " + id;
  bool under_way = false;
  auto removed = Do("remove_container", what,
                    {.method = "DELETE",
                     .target = "/containers/" + Escape(id) + "?force=1&v=1",
                     .timeout = options_.slow_request_timeout},
                    [&](int status, std::string_view text) {
                      under_way =
                          status == kConflict && ContainsNoCase(text, "already in progress");
                      return status == kNotFound || under_way;
                    });
  if (!removed || !under_way) return removed;
  return AwaitRemoval(id, what);
}

// Somebody else is removing it: it is gone only when they are done.
Result<void> DockerEngine::AwaitRemoval(const std::string& id, const std::string& what) {
  return Do("wait_container", what,
            {.method = "POST",
             .target = "/containers/" + Escape(id) + "/wait?condition=removed",
             .timeout = options_.slow_request_timeout},
            [](int status, std::string_view) { return status == kNotFound; });
}

std::unique_ptr<reconcilers::Engine> NewDockerEngine(DockerOptions options) {
  return std::make_unique<DockerEngine>(std::move(options));
}

}  // namespace ballast::docker
