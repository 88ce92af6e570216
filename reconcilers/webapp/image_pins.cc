#include "reconcilers/webapp/image_pins.h"

#include <algorithm>

#include "api/reasons.h"

namespace ballast::reconcilers {
namespace {

struct Logins {
  std::vector<PullLogin> usable;
  std::string problems;  // "; Secret registry does not exist ..."
};

// As in Kubernetes, a pull does without what is not there: the image may be public, or another
// login may do. Values get into the logins only.
Result<Logins> ReadLogins(const ConfigReader& config, EventRecorder& events,
                          const api::ObjectKey& app, const api::PodTemplate& pod_template) {
  Logins logins;
  for (const api::LocalObjectReference& reference : pod_template.image_pull_secrets) {
    const std::string name = "Secret " + reference.name;
    std::string problem;
    const auto secret = config.GetSecret(app.ns, reference.name);
    if (!secret && secret.error().code != Code::kNotFound) {
      return Wrap("read " + name, secret.error());
    }
    if (!secret) {
      problem = " does not exist: kubectl create secret docker-registry " + reference.name +
                " --namespace " + app.ns +
                " --docker-server=HOST --docker-username=USER --docker-password=PASSWORD";
    } else if ((*secret)->type != api::kSecretDockerConfigJson) {
      problem = " is not of type " + std::string(api::kSecretDockerConfigJson);
    } else if (const auto it = (*secret)->data.find(api::kDockerConfigJsonKey);
               it == (*secret)->data.end()) {
      problem = " has no key " + std::string(api::kDockerConfigJsonKey);
    } else {
      logins.usable.push_back({.name = name, .config_json = it->second});
      continue;
    }
    events.Record(app, EventType::kWarning, api::reason::kPullSecretUnusable,
                  "imagePullSecrets: " + name + problem);
    logins.problems += "; " + name + problem;
  }
  return logins;
}

}  // namespace

std::optional<std::vector<std::string>> ImagePins::Get(const api::ObjectKey& app,
                                                       const std::string& revision) const {
  const std::lock_guard lock(mutex_);
  const auto it = pins_.find({app, revision});
  if (it == pins_.end()) return std::nullopt;
  return it->second;
}

void ImagePins::Set(const api::ObjectKey& app, const std::string& revision,
                    std::vector<std::string> ids) {
  const std::lock_guard lock(mutex_);
  pins_[{app, revision}] = std::move(ids);
}

void ImagePins::Forget(const api::ObjectKey& app, const std::string& revision) {
  const std::lock_guard lock(mutex_);
  pins_.erase({app, revision});
}

void ImagePins::Keep(const api::ObjectKey& app, const std::vector<std::string>& revisions) {
  const std::lock_guard lock(mutex_);
  std::erase_if(pins_, [&](const auto& entry) {
    return entry.first.first == app &&
           std::ranges::find(revisions, entry.first.second) == revisions.end();
  });
}

Result<void> ImagePins::Resolve(Engine& engine, const ConfigReader& config, EventRecorder& events,
                                const api::ObjectKey& app, const std::string& revision,
                                const api::PodTemplate& pod_template) {
  std::vector<std::string> ids;
  for (const api::Container& container : pod_template.containers) {
    Result<ImageInfo> image = engine.InspectImage(container.image);
    const bool missing = !image && image.error().code == Code::kNotFound;
    if (!image && !missing) return Wrap("inspect image " + container.image, image.error());
    if (missing && container.image_pull_policy == api::PullPolicy::kNever) {
      return Error(Code::kFailedPrecondition,
                   "image " + container.image +
                       " is not on this host and imagePullPolicy is Never: build or load it, or "
                       "change the policy");
    }
    if (missing || container.image_pull_policy == api::PullPolicy::kAlways) {
      events.Record(app, EventType::kNormal, api::reason::kPulling,
                    "pulling image " + container.image);
      auto logins = ReadLogins(config, events, app, pod_template);
      if (!logins) return Wrap("pull image " + container.image, logins.error());
      auto pulled =
          engine.PullImageWith(container.image, logins->usable, [](const PullProgress&) {});
      if (!pulled) {
        pulled.error().message += logins->problems;
        events.Record(app, EventType::kWarning, api::reason::kImagePullFailed,
                      "pull " + container.image + ": " + pulled.error().message);
        return Wrap("pull image " + container.image, pulled.error());
      }
      events.Record(app, EventType::kNormal, api::reason::kPulled,
                    "pulled image " + container.image);
      image = engine.InspectImage(container.image);
      if (!image) return Wrap("inspect image " + container.image, image.error());
    }
    ids.push_back(image->id);
  }
  Set(app, revision, std::move(ids));
  return {};
}

}  // namespace ballast::reconcilers
