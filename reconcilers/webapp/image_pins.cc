#include "reconcilers/webapp/image_pins.h"

#include <algorithm>

#include "api/reasons.h"

namespace ballast::reconcilers {

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

Result<void> ImagePins::Resolve(Engine& engine, EventRecorder& events, const api::ObjectKey& app,
                                const std::string& revision, const api::PodTemplate& pod_template) {
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
      auto pulled = engine.PullImage(container.image, [](const PullProgress&) {});
      if (!pulled) {
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
