#include "controller/apiserver/rest_handler.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <vector>

#include "controller/apiserver/body.h"
#include "controller/apiserver/continue_token.h"
#include "controller/apiserver/discovery.h"
#include "controller/apiserver/object.h"
#include "controller/apiserver/render.h"
#include "controller/apiserver/selectors.h"

namespace ballast::apiserver {
namespace {

using nlohmann::json;
using reconcilers::StoredObject;

constexpr std::size_t kPageSize = 500;  // of a list with a selector, looked at in one go
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxPathShown = 300;
constexpr char kJsonType[] = "application/json";

// The path without names, for metrics.
std::string RouteOf(const RequestInfo& info) {
  const Resource& resource = *info.resource;
  return fmt::format("{}{}/{}{}{}", resource.group.empty() ? "/api/" : "/apis/",
                     resource.ApiVersion(), resource.plural, info.name.empty() ? "" : "/{name}",
                     info.subresource.empty() ? "" : "/" + info.subresource);
}

// Does the patch itself ask for a certain resourceVersion?
bool NamesRevision(PatchType type, const json& patch) {
  if (type == PatchType::kMerge) return !MetaText(patch, "resourceVersion").empty();
  if (!patch.is_array()) return false;
  for (const json& operation : patch) {
    if (operation.is_object() && operation.value("path", json()) == "/metadata/resourceVersion") {
      return true;
    }
  }
  return false;
}

ApiResult<json> WithReplicas(const RequestInfo& info, json current, const json& scale) {
  const auto replicas = scale.find("spec") == scale.end() || !scale["spec"].is_object()
                            ? json()
                            : scale["spec"].value("replicas", json());
  if (!replicas.is_number_integer() || replicas.get<std::int64_t>() < 0) {
    return Refuse(Invalid(info.Subject(), "Scale",
                          {{.file = "",
                            .field = "spec.replicas",
                            .message = "must be a whole number of 0 or more"}}));
  }
  current["spec"]["replicas"] = replicas;
  for (const char* key : {"resourceVersion", "uid"}) {
    current["metadata"].erase(key);
    if (const std::string asked = MetaText(scale, key); !asked.empty()) {
      current["metadata"][key] = asked;
    }
  }
  return current;
}

// RFC 7234: quotes and backslashes of the text are escaped, control characters left out.
std::string WarningHeader(const std::vector<std::string>& warnings) {
  std::string out;
  for (const std::string& warning : warnings) {
    if (!out.empty()) out += ", ";
    out += "299 - \"";
    for (const char c : warning) {
      if (static_cast<unsigned char>(c) < 0x20) continue;
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

}  // namespace

struct RestHandler::Call {
  HttpRequest request;
  Respond respond;
  User user;
  RequestInfo info;
  Format format;
  bool dry_run = false;

  [[nodiscard]] ObjectRef Ref() const { return {info.resource, info.ns, info.name}; }
};

HttpResponse ErrorResponse(const ApiError& error) {
  HttpResponse response{.status = error.code,
                        .content_type = kJsonType,
                        .body = DumpJson(EncodeStatus(error)) + "\n"};
  if (error.retry_after_seconds > 0) {
    response.headers["Retry-After"] = std::to_string(error.retry_after_seconds);
  }
  if (error.code == 401) response.headers["WWW-Authenticate"] = "Bearer";
  return response;
}

void RestHandler::Handle(HttpRequest request, Respond respond) const {
  auto user = deps_.authenticate(request);
  const auto refuse = [&](const ApiError& error, const std::string& route) {
    AuditRefusal(user ? user->name : "", request, error);
    HttpResponse response = ErrorResponse(error);
    response.route = route;
    respond(std::move(response));
  };
  if (!user) return refuse(Unauthorized(), "unauthorized");
  auto info = ParseRequest(request);
  if (!info) return refuse(info.error(), "refused");
  if (!*info) return HandleOther(*user, std::move(request), std::move(respond));
  auto call = std::make_shared<Call>(Call{.request = std::move(request),
                                          .respond = std::move(respond),
                                          .user = std::move(*user),
                                          .info = std::move(**info),
                                          .format = {}});
  if (auto allowed = Authorize(call->user, call->info); !allowed) {
    return AnswerError(call, allowed.error());
  }
  const Verb verb = call->info.verb;
  if (!IsRead(verb) && call->info.resource->writers == Writers::kController) {
    return AnswerError(
        call, MethodNotAllowed(fmt::format("{} are made by Ballast itself and can only be read",
                                           call->info.resource->plural)));
  }
  const std::vector<std::string>& readable = call->info.resource->readable;
  if (std::ranges::find(readable, call->info.subresource) != readable.end()) {
    const auto reader = deps_.readers.find(call->info.subresource);
    if (verb != Verb::kGet || reader == deps_.readers.end()) {
      return AnswerError(call, MethodNotAllowed("the " + call->info.subresource + " of " +
                                                call->info.resource->plural + " can only be read"));
    }
    return reader->second(call->info, call->request, [this, call](HttpResponse response) {
      Answer(call, std::move(response));
    });
  }
  if (call->info.resource == &PodMetricsResource()) {
    if ((verb != Verb::kGet && verb != Verb::kList) || !deps_.pod_metrics) {
      return AnswerError(call, MethodNotAllowed("what pods use can only be read, not watched"));
    }
    return deps_.pod_metrics(call->info, call->request, [this, call](HttpResponse response) {
      Answer(call, std::move(response));
    });
  }
  const auto query = call->request.query.find("includeObject");
  auto format = ChooseFormat(call->request.Header("accept"),
                             query == call->request.query.end() ? "" : query->second);
  if (!format) return AnswerError(call, format.error());
  call->format = *format;
  if (verb == Verb::kGet) return Get(call);
  if (verb == Verb::kList) return List(call);
  if (verb == Verb::kWatch) return StartWatch(call);
  auto options = ParseWriteOptions(call->request);
  if (!options) return AnswerError(call, options.error());
  call->dry_run = options->dry_run;
  options->may_reach_host = IsAdministrator(call->user);
  if (options->field_manager.empty()) {
    // As Kubernetes does: what the client calls itself, up to the slash.
    const std::string_view agent = call->request.Header("user-agent");
    options->field_manager = agent.substr(0, std::min(agent.find('/'), std::size_t{128}));
  }
  if (verb == Verb::kCreate) return Create(call, *options);
  if (verb == Verb::kUpdate) return Update(call, *options);
  if (verb == Verb::kPatch) return Patch(call, *options);
  if (!call->info.subresource.empty()) {
    return AnswerError(call, MethodNotAllowed("a subresource cannot be deleted"));
  }
  return verb == Verb::kDelete ? Delete(call) : DeleteAll(call);
}

// Of what never became the call of a resource; reads are not written down.
void RestHandler::AuditRefusal(const std::string& user, const HttpRequest& request,
                               const ApiError& error) const {
  if (request.method == "GET" || request.method == "HEAD") return;
  const std::string_view verb = request.method == "POST"     ? "create"
                                : request.method == "PUT"    ? "update"
                                : request.method == "PATCH"  ? "patch"
                                : request.method == "DELETE" ? "delete"
                                                             : "other";
  deps_.audit({.user = user,
               .address = request.peer.address,
               .verb = std::string(verb),
               .resource = request.path.substr(0, kMaxPathShown),
               .ns = "",
               .name = "",
               .code = error.code,
               .reason = error.reason});
}

void RestHandler::HandleOther(const User& user, HttpRequest request, Respond respond) const {
  if (auto allowed = AuthorizePath(user, request); !allowed) {
    AuditRefusal(user.name, request, allowed.error());
    return respond(ErrorResponse(allowed.error()));
  }
  if (request.method == "GET" || request.method == "HEAD") {
    if (auto answer = AnswerDiscovery(request, deps_.version)) {
      answer->route = "/discovery";
      return respond(std::move(*answer));
    }
  }
  if (deps_.other) return deps_.other(user, std::move(request), std::move(respond));
  respond(ErrorResponse(NotFound({})));
}

void RestHandler::Get(const CallPtr& call) const {
  auto object = deps_.registry.Get(call->Ref());
  if (!object) return AnswerError(call, object.error());
  if (call->info.subresource == "scale") {
    return Answer(call, {.content_type = kJsonType,
                         .body = DumpJson(ScaleOf(json::parse(*object, nullptr, false)))});
  }
  Answer(call, {.content_type = kJsonType,
                .body = RenderObject(*call->info.resource, *object, call->format,
                                     deps_.clock.WallNow())});
}

void RestHandler::List(const CallPtr& call) const {
  const auto options = ParseListOptions(call->request);
  if (!options) return AnswerError(call, options.error());
  const auto labels = LabelSelector::Parse(options->label_selector);
  if (!labels) return AnswerError(call, labels.error());
  const auto fields = FieldSelector::Parse(options->field_selector);
  if (!fields) return AnswerError(call, fields.error());
  const Resource& resource = *call->info.resource;
  reconcilers::ListRequest wanted{
      .resource = resource.plural, .ns = call->info.ns, .start_after = {}};
  if (!options->continue_token.empty()) {
    const auto place = ParseContinueToken(options->continue_token, resource.plural);
    if (!place) return AnswerError(call, place.error());
    wanted.at_revision = place->revision;
    wanted.start_after = place->after;
  }
  const bool select_all = labels->empty() && fields->empty();
  std::vector<StoredObject> items;
  ListMeta meta;
  for (;;) {
    wanted.limit = options->limit;
    if (!select_all && options->limit > 0) wanted.limit = std::max(options->limit, kPageSize);
    auto page = deps_.registry.StoreOf(resource).List(wanted);
    if (!page) return AnswerError(call, FromStatus(page.error(), resource.Subject("")));
    meta.revision = page->revision;
    wanted.at_revision = page->revision;
    bool full = false;
    for (StoredObject& item : page->items) {
      if (options->limit > 0 && items.size() == options->limit) {
        full = true;
        break;
      }
      wanted.start_after = item.key;
      if (!select_all) {
        if (!fields->MatchesNames(item.key.ns, item.key.name)) continue;
        if (!labels->empty() || !fields->OnlyNames()) {
          const json object = json::parse(*item.value, nullptr, false);
          if (!labels->Matches(object) || !fields->Matches(object)) continue;
        }
      }
      items.push_back(std::move(item));
    }
    const bool more = full || page->more;
    if (more && options->limit > 0 && items.size() == options->limit) {
      meta.continue_token =
          MakeContinueToken({.revision = page->revision, .after = *wanted.start_after});
      break;
    }
    if (!more) break;
  }
  Answer(call, {.content_type = kJsonType,
                .body = RenderList(resource, items, meta, call->format, deps_.clock.WallNow())});
}

void RestHandler::StartWatch(const CallPtr& call) const {
  const auto options = ParseListOptions(call->request);
  if (!options) return AnswerError(call, options.error());
  auto labels = LabelSelector::Parse(options->label_selector);
  if (!labels) return AnswerError(call, labels.error());
  std::string field_selector = options->field_selector;
  if (!call->info.name.empty()) {  // watching one object by its path
    field_selector += (field_selector.empty() ? "" : ",") + ("metadata.name=" + call->info.name);
  }
  auto fields = FieldSelector::Parse(field_selector);
  if (!fields) return AnswerError(call, fields.error());
  const auto sends = call->request.query.find("sendInitialEvents");
  const bool asked = sends != call->request.query.end() && sends->second == "true";
  const std::uint64_t after = options->resource_version.value_or(0);
  WatchRequest request{.resource = call->info.resource,
                       .ns = call->info.ns,
                       .labels = std::move(*labels),
                       .fields = std::move(*fields),
                       .format = call->format,
                       .after = after,
                       .initial = after == 0 || asked,
                       .bookmark_after_initial = asked && options->allow_bookmarks,
                       .bookmarks = options->allow_bookmarks,
                       .timeout_seconds = options->timeout_seconds,
                       .allowed = nullptr};
  if (!call->user.may_do_all) {
    // A token that is revoked, or a certificate that ends, ends the watch too.
    request.allowed = [this, info = call->info,
                       asked_by = HttpRequest{.method = call->request.method,
                                              .path = call->request.path,
                                              .query = {},
                                              .headers = call->request.headers,
                                              .body = "",
                                              .peer = call->request.peer}] {
      const auto user = deps_.authenticate(asked_by);
      return user && Authorize(*user, info).has_value();
    };
  }
  Answer(call, {.content_type = kJsonType,
                .stream = NewWatch(std::move(request), deps_.registry.StoreOf(*call->info.resource),
                                   deps_.hub, deps_.clock),
                .client = call->user.name});
}

void RestHandler::Create(const CallPtr& call, const WriteOptions& options) const {
  auto body = ParseBody(call->request);
  if (!body) return AnswerError(call, body.error());
  if (call->info.name.empty() && body->is_object()) {
    call->info.name = MetaText(*body, "name").substr(0, kMaxName);  // for the audit log
  }
  ObjectRef collection = call->Ref();
  collection.name.clear();
  deps_.registry.Create(collection, std::move(*body), options, AnswerWith(call));
}

void RestHandler::Update(const CallPtr& call, const WriteOptions& options) const {
  auto body = ParseBody(call->request);
  if (!body) return AnswerError(call, body.error());
  if (!body->is_object()) return AnswerError(call, BadRequest("the body must be an object"));
  if (call->info.subresource.empty()) {
    return deps_.registry.Update(call->Ref(), *body, options, AnswerWith(call));
  }
  Registry::Change change;
  if (call->info.subresource == "scale") {
    change = [call, body = std::move(*body)](const json& current) {
      return WithReplicas(call->info, current, body);
    };
  } else {
    change = [body = std::move(*body)](const json&) -> ApiResult<json> { return body; };
  }
  deps_.registry.Modify(call->Ref(), call->info.subresource, std::move(change), options,
                        AnswerWith(call));
}

void RestHandler::Patch(const CallPtr& call, const WriteOptions& options) const {
  const auto type = PatchTypeOf(call->request, call->info.resource->group.empty());
  if (!type) return AnswerError(call, type.error());
  auto patch = ParseBody(call->request);
  if (!patch) return AnswerError(call, patch.error());
  if (*type == PatchType::kApply) {
    if (!call->info.subresource.empty()) {
      return AnswerError(call, UnsupportedMediaType("a subresource takes no server-side apply; use "
                                                    "application/merge-patch+json"));
    }
    if (!patch->is_object()) return AnswerError(call, BadRequest("the body must be an object"));
    return deps_.registry.Apply(call->Ref(), *patch, options, AnswerWith(call));
  }
  const bool scale = call->info.subresource == "scale";
  Registry::Change change = [call, type = *type, scale,
                             patch = std::move(*patch)](const json& current) -> ApiResult<json> {
    auto patched = ApplyPatch(type, patch, scale ? ScaleOf(current) : current);
    if (!patched) return patched;
    // What it did not name is no precondition: it may be made on a newer object just as well.
    if (patched->is_object() && !NamesRevision(type, patch) && patched->contains("metadata") &&
        (*patched)["metadata"].is_object()) {
      (*patched)["metadata"].erase("resourceVersion");
    }
    return scale ? WithReplicas(call->info, current, *patched) : patched;
  };
  deps_.registry.Modify(call->Ref(), call->info.subresource, std::move(change), options,
                        AnswerWith(call));
}

void RestHandler::Delete(const CallPtr& call) const {
  const auto options = ParseDeleteOptions(call->request);
  if (!options) return AnswerError(call, options.error());
  call->dry_run = options->dry_run;
  deps_.registry.Delete(call->Ref(), *options, [this, call](ApiResult<WriteResult> result) {
    if (!result) return AnswerError(call, result.error());
    const std::string body =
        result->deleted ? DumpJson(EncodeSuccess(call->info.Subject(), result->uid)) : result->body;
    Answer(call, {.content_type = kJsonType, .body = body});
  });
}

// One after the other, each by itself: a collection is no transaction.
void RestHandler::DeleteAll(const CallPtr& call) const {
  const auto options = ParseDeleteOptions(call->request);
  if (!options) return AnswerError(call, options.error());
  call->dry_run = options->dry_run;
  const auto list = ParseListOptions(call->request);
  if (!list) return AnswerError(call, list.error());
  const auto labels = LabelSelector::Parse(list->label_selector);
  if (!labels) return AnswerError(call, labels.error());
  const auto fields = FieldSelector::Parse(list->field_selector);
  if (!fields) return AnswerError(call, fields.error());
  const Resource& resource = *call->info.resource;
  const auto page = deps_.registry.StoreOf(resource).List(
      {.resource = resource.plural, .ns = call->info.ns, .start_after = {}});
  if (!page) return AnswerError(call, FromStatus(page.error(), resource.Subject("")));
  struct Progress {
    std::mutex mutex;
    std::size_t open = 1;             // guarded by mutex; 1 of them this function's own
    std::optional<ApiError> failure;  // guarded by mutex; the first one
  };
  auto progress = std::make_shared<Progress>();
  const auto finish = [this, call, progress](std::optional<ApiError> failure) {
    {
      const std::lock_guard lock(progress->mutex);
      if (failure && !progress->failure) progress->failure = std::move(failure);
      if (--progress->open > 0) return;
    }
    if (progress->failure) return AnswerError(call, *progress->failure);
    Answer(call, {.content_type = kJsonType,
                  .body = DumpJson(EncodeSuccess(call->info.resource->Subject(""), ""))});
  };
  for (const StoredObject& item : page->items) {
    const json object = json::parse(*item.value, nullptr, false);
    if (!labels->Matches(object) || !fields->Matches(object)) continue;
    {
      const std::lock_guard lock(progress->mutex);
      ++progress->open;
    }
    DeleteOptions one = *options;
    one.uid = MetaText(object, "uid");
    deps_.registry.Delete({&resource, item.key.ns, item.key.name}, one,
                          [finish](const ApiResult<WriteResult>& result) {
                            const bool fine = result || result.error().code == 404;
                            finish(fine ? std::nullopt : std::optional(result.error()));
                          });
  }
  finish(std::nullopt);
}

Registry::Done RestHandler::AnswerWith(const CallPtr& call) const {
  return [this, call](ApiResult<WriteResult> result) {
    if (!result) return AnswerError(call, result.error());
    call->info.name = result->name;  // generateName's, for the audit log
    HttpResponse response{.status = result->created ? 201 : 200, .content_type = kJsonType};
    if (call->info.subresource == "scale") {
      response.body = DumpJson(ScaleOf(json::parse(result->body, nullptr, false)));
    } else {
      response.body =
          RenderObject(*call->info.resource, result->body, call->format, deps_.clock.WallNow());
    }
    if (!result->warnings.empty()) response.headers["Warning"] = WarningHeader(result->warnings);
    Answer(call, std::move(response));
  };
}

void RestHandler::Answer(const CallPtr& call, HttpResponse response) const {
  response.route = RouteOf(call->info);
  if (!IsRead(call->info.verb)) {
    std::string reason;
    if (response.status >= 400) {
      const json status = json::parse(response.body, nullptr, false);
      if (status.is_object()) reason = status.value("reason", "");
    }
    deps_.audit({.user = call->user.name,
                 .address = call->request.peer.address,
                 .verb = std::string(VerbName(call->info.verb)),
                 .resource = call->info.resource->plural +
                             (call->info.subresource.empty() ? "" : "/" + call->info.subresource),
                 .ns = call->info.ns,
                 .name = call->info.name,
                 .dry_run = call->dry_run,
                 .code = response.status,
                 .reason = reason});
  }
  call->respond(std::move(response));
}

void RestHandler::AnswerError(const CallPtr& call, const ApiError& error) const {
  Answer(call, ErrorResponse(error));
}

}  // namespace ballast::apiserver
