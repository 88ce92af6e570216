// Where manifests go: the API's own way in, as the field manager "ballast-manifests". Any thread;
// each call waits for the store.
#pragma once

#include "controller/apiserver/registry.h"
#include "controller/manifests/object_sink.h"

namespace ballast::cmd {

class StoreSink final : public manifests::ObjectSink {
 public:
  StoreSink(apiserver::Registry& registry, api::DecodeOptions decode)
      : registry_(registry), decode_(std::move(decode)) {}

  Result<manifests::SinkResult> Apply(const api::ObjectKey& key, const nlohmann::json& config,
                                      const std::string& file) override;
  Result<void> Remove(const api::ObjectKey& key) override;
  std::shared_ptr<const api::Object> Find(const api::ObjectKey& key) override;

 private:
  // Null: this version does not understand it.
  [[nodiscard]] std::shared_ptr<const api::Object> Decode(const std::string& stored) const;

  apiserver::Registry& registry_;
  const api::DecodeOptions decode_;
};

}  // namespace ballast::cmd
