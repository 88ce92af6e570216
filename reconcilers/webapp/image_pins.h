// Which image ids a revision is pinned to: those of its containers, else resolved once (pulling as
// imagePullPolicy says) when its first replica is to be made. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/webapp.h"
#include "reconcilers/ports/config_reader.h"
#include "reconcilers/ports/engine.h"
#include "reconcilers/ports/event_recorder.h"

namespace ballast::reconcilers {

class ImagePins {
 public:
  // One id a container of the template; nullopt until resolved.
  [[nodiscard]] std::optional<std::vector<std::string>> Get(const api::ObjectKey& app,
                                                            const std::string& revision) const;
  void Set(const api::ObjectKey& app, const std::string& revision, std::vector<std::string> ids);
  // An image is gone, or the revision is.
  void Forget(const api::ObjectKey& app, const std::string& revision);
  void Keep(const api::ObjectKey& app, const std::vector<std::string>& revisions);

  // Blocks: inspects and pulls what is missing, with the template's imagePullSecrets, then sets the
  // pin.
  Result<void> Resolve(Engine& engine, const ConfigReader& config, EventRecorder& events,
                       const api::ObjectKey& app, const std::string& revision,
                       const api::PodTemplate& pod_template);

 private:
  mutable std::mutex mutex_;
  std::map<std::pair<api::ObjectKey, std::string>, std::vector<std::string>> pins_;
};

}  // namespace ballast::reconcilers
