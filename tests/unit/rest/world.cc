#include "tests/unit/rest/world.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <sstream>
#include <utility>

namespace ballast::apiserver {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kNever{20};
constexpr std::uint64_t kFirstTransient = 1'000'000;

}  // namespace

void CrowdedStore::BeforeNextWrite(std::function<void()> what) {
  const std::lock_guard lock(mutex_);
  once_ = std::move(what);
}

void CrowdedStore::BeforeWrites(std::function<void()> what) {
  const std::lock_guard lock(mutex_);
  always_ = std::move(what);
}

void CrowdedStore::FailWrites(const Status& status, int times) {
  const std::lock_guard lock(mutex_);
  failure_ = status;
  failures_ = times;
}

void CrowdedStore::Submit(reconcilers::StoreWrite write, Done done) {
  std::function<void()> before;
  std::optional<Status> failure;
  {
    const std::lock_guard lock(mutex_);
    before = once_ ? std::exchange(once_, nullptr) : always_;
    if (failures_ > 0) {
      --failures_;
      failure = failure_;
    }
  }
  if (before) before();
  if (failure) return done(std::unexpected(*failure));
  inner_.Submit(std::move(write), std::move(done));
}

Result<reconcilers::ChangePage> CrowdedStore::ReadChanges(const std::string& resource,
                                                          std::uint64_t after, std::size_t limit) {
  auto page = inner_.ReadChanges(resource, after, limit);
  if (page && page->through > after + look_at_) {
    page->through = after + look_at_;
    std::erase_if(page->items,
                  [&page](const auto& change) { return change->revision > page->through; });
  }
  return page;
}

World::World(store::HistoryLimits limits)
    : durable(clock, limits, 0),
      transient(clock, limits, kFirstTransient),
      registry({.durable = durable,
                .transient = transient,
                .clock = clock,
                .new_uid = [this] { return NewUid(); },
                .executor = [this](std::function<void()> task) { tasks_.Post(std::move(task)); },
                .decode = {.allowed_host_paths = {}, .all_kinds = true, .knows_time_zone = {}}}),
      hub(clock),
      rest_({.registry = registry,
             .hub = hub,
             .clock = clock,
             .version = "1.2.3",
             .authenticate = [this](const HttpRequest&) -> std::optional<User> {
               if (user.name.empty()) return std::nullopt;
               return user;
             },
             .audit =
                 [this](const AuditRecord& record) {
                   const std::lock_guard lock(mutex_);
                   audits_.push_back(record);
                 },
             .readers = {{"log",
                          [](const RequestInfo& info, const HttpRequest&, const Respond& respond) {
                            respond(TextResponse(200, "log of " + info.name));
                          }}},
             .pod_metrics =
                 [this](const RequestInfo& info, const HttpRequest& request, Respond respond) {
                   if (pod_metrics) return pod_metrics(info, request, std::move(respond));
                   respond(TextResponse(200, "use of " + info.name));
                 },
             .other =
                 [](const User&, const HttpRequest& request, const Respond& respond) {
                   respond(TextResponse(200, "other " + request.path));
                 }}) {
  hub.Start({&durable, &transient});
}

World::~World() {
  hub.Stop();
  durable.Close();
  transient.Close();
  tasks_.Stop();
}

std::string World::NewUid() {
  const std::lock_guard lock(mutex_);
  // The first letters differ, as they make the names of generateName.
  std::string number = std::to_string(++uids_);
  return std::string(5 - std::min<std::size_t>(5, number.size()), 'a') + number + "-uid";
}

Reply World::Send(const std::string& method, const std::string& target, const std::string& body,
                  const Headers& headers) {
  HttpRequest request{.method = method, .path = "", .query = {}, .headers = headers, .body = body};
  if (!ParseTarget(target, request)) ADD_FAILURE() << "no target: " << target;
  request.peer.address = "192.0.2.7:4711";
  auto promise = std::make_shared<std::promise<HttpResponse>>();
  auto future = promise->get_future();
  rest_.Handle(std::move(request),
               [promise](HttpResponse response) { promise->set_value(std::move(response)); });
  Reply reply;
  if (future.wait_for(kNever) != std::future_status::ready) {
    ADD_FAILURE() << "never answered: " << method << " " << target;
    return reply;
  }
  reply.response = future.get();
  reply.status = reply.response.status;
  reply.text = reply.response.body;
  reply.body = json::parse(reply.text, nullptr, false);
  if (reply.body.is_discarded()) reply.body = nullptr;
  return reply;
}

Reply World::Get(const std::string& target, const Headers& headers) {
  return Send("GET", target, "", headers);
}
Reply World::Post(const std::string& target, const json& body) {
  return Send("POST", target, body.dump(), {{"content-type", "application/json"}});
}
Reply World::Put(const std::string& target, const json& body) {
  return Send("PUT", target, body.dump(), {{"content-type", "application/json"}});
}
Reply World::Merge(const std::string& target, const json& patch) {
  return Send("PATCH", target, patch.dump(), {{"content-type", "application/merge-patch+json"}});
}
Reply World::JsonPatch(const std::string& target, const json& patch) {
  return Send("PATCH", target, patch.dump(), {{"content-type", "application/json-patch+json"}});
}
Reply World::Apply(const std::string& target, const json& config, const std::string& manager,
                   bool force) {
  return Send("PATCH",
              target + (target.find('?') == std::string::npos ? "?" : "&") +
                  "fieldManager=" + manager + (force ? "&force=true" : ""),
              config.dump(), {{"content-type", "application/apply-patch+yaml"}});
}
Reply World::Delete(const std::string& target, const json& options) {
  return Send("DELETE", target, options.is_null() ? "" : options.dump(),
              {{"content-type", "application/json"}});
}

json World::Stored(const std::string& resource, const std::string& ns, const std::string& name) {
  const auto object = durable.Get({resource, ns, name});
  return object ? json::parse(*object->value) : json(nullptr);
}

std::vector<AuditRecord> World::Audit() {
  const std::lock_guard lock(mutex_);
  return audits_;
}

void World::ClearAudit() {
  const std::lock_guard lock(mutex_);
  audits_.clear();
}

// Writes take effect in their order.
void World::Settle() {
  const reconcilers::StoreKey key{"settled", "", "settled"};
  const auto written = durable.inner().Commit({key, 0, std::make_shared<const std::string>("{}")});
  ASSERT_TRUE(written);
  ASSERT_TRUE(durable.inner().Commit({key, *written, nullptr}));
}

json App(const std::string& name, const std::string& image) {
  return {
      {"apiVersion", "ballast.dev/v1alpha1"},
      {"kind", "WebApp"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"replicas", 2},
        {"template",
         {{"spec",
           {{"containers",
             {{{"name", "web"}, {"image", image}, {"ports", {{{"containerPort", 8080}}}}}}}}}}}}}};
}

json RoutedApp(const std::string& name, const std::string& host, const std::string& path) {
  json app = App(name);
  app["spec"]["routes"] = {{{"host", host}, {"path", path}}};
  return app;
}

json ConfigMap(const std::string& name, const json& data, const json& labels) {
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", {{"name", name}, {"labels", labels}}},
          {"data", data}};
}

struct Watcher::Shared {
  std::mutex mutex;
  std::condition_variable woken_cv;
  bool woken = false;  // guarded by mutex
};

Watcher::Watcher(World& world, const std::string& target, const World::Headers& headers)
    : shared_(std::make_shared<Shared>()) {
  const Reply reply = world.Get(target, headers);
  status_ = reply.status;
  source_ = reply.response.stream;
  if (source_ == nullptr) return;
  source_->Start([shared = shared_] {
    const std::lock_guard lock(shared->mutex);
    shared->woken = true;
    shared->woken_cv.notify_all();
  });
}

Watcher::~Watcher() = default;

std::vector<json> Watcher::Read() {
  std::vector<json> events;
  while (source_ != nullptr && !ended_) {
    std::string out;
    const BodySource::Next next = source_->Fill(out);
    std::istringstream lines(out);
    for (std::string line; std::getline(lines, line);) events.push_back(json::parse(line));
    if (next == BodySource::Next::kMore) continue;
    ended_ = next == BodySource::Next::kEnd;
    break;
  }
  return events;
}

std::vector<std::string> Watcher::ReadWords() {
  std::vector<std::string> words;
  for (const json& event : Read()) {
    std::string name;
    const json& object = event.at("object");
    if (object.contains("metadata")) name = object["metadata"].value("name", "");
    words.push_back(event.value("type", "") + (name.empty() ? "" : " " + name));
  }
  return words;
}

bool Watcher::AwaitWake() {
  std::unique_lock lock(shared_->mutex);
  const bool woken = shared_->woken_cv.wait_for(lock, kNever, [this] { return shared_->woken; });
  shared_->woken = false;
  return woken;
}

}  // namespace ballast::apiserver
