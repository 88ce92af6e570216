// Small helpers of the api tests: files of the source tree, manifests with little typing.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "api/codec.h"

namespace ballast::api::testing {

inline std::string SourcePath(const std::string& relative) {
  return std::string(BALLAST_SOURCE_DIR) + "/" + relative;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// BALLAST_UPDATE_GOLDEN=1 makes golden tests write what they would compare; look at the diff.
inline bool UpdateGolden() {
  const char* value = std::getenv("BALLAST_UPDATE_GOLDEN");  // NOLINT(concurrency-mt-unsafe)
  return value != nullptr && std::string_view(value) == "1";
}

inline DecodeOptions Options() {
  DecodeOptions options;
  options.allowed_host_paths = {"/srv"};
  return options;
}

inline DecodeOptions AllKinds() {
  DecodeOptions options = Options();
  options.all_kinds = true;
  options.features = Features::All();
  return options;
}

// "app.yaml:7:3: spec.replica: unknown field", one line an error.
inline std::string ErrorsOf(std::string_view text, const DecodeOptions& options = Options()) {
  const auto objects = DecodeManifest("app.yaml", text, options);
  std::string out;
  if (objects) return out;
  for (const FieldError& error : objects.error()) out += error.ToString() + "\n";
  return out;
}

inline const std::string kWebAppHead =
    "apiVersion: ballast.dev/v1alpha1\nkind: WebApp\nmetadata: {name: shop}\nspec:\n";
inline const std::string kLoadBalancerHead =
    "apiVersion: ballast.dev/v1alpha1\nkind: LoadBalancer\nmetadata: {name: edge}\nspec:\n";
inline const std::string kAutoscalerHead =
    "apiVersion: ballast.dev/v1alpha1\nkind: Autoscaler\nmetadata: {name: shop}\nspec:\n";
inline const std::string kConfigMapHead =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
inline const std::string kSecretHead = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\n";

// The only object of a text that must be right; a default one and a printed error otherwise.
template <typename T>
T DecodeOne(const std::string& text) {
  const auto objects = DecodeManifest("app.yaml", text, AllKinds());
  if (!objects || objects->size() != 1 || !std::holds_alternative<T>(objects->front().object)) {
    throw std::runtime_error("not one object of that kind: " + ErrorsOf(text, AllKinds()));
  }
  return std::get<T>(objects->front().object);
}

}  // namespace ballast::api::testing
