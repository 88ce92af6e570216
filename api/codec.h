// The strict codec: YAML or JSON text -> objects, and objects -> JSON. Everything a user may have
// got wrong is an error that names file, line, column and field; nothing is ignored silently.
// Pure functions without state, callable from any thread; no files, sockets or clocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/autoscaler.h"
#include "api/core.h"
#include "api/load_balancer.h"
#include "api/status.h"
#include "api/webapp.h"

namespace ballast::api {

struct FieldError {
  std::string file;
  int line = 0;  // 1-based; 0: unknown (objects that did not come from text)
  int column = 0;
  std::string field;    // "spec.template.spec.containers[0].image"; empty: the document itself
  std::string message;  // what is wrong, what is allowed

  // "app.yaml:12:5: spec.replicas: must be an integer between 0 and 1000, got \"three\""
  [[nodiscard]] std::string ToString() const;
  bool operator==(const FieldError&) const = default;
};

using Object = std::variant<WebApp, LoadBalancer, Autoscaler, Namespace, Secret, ConfigMap>;

struct DecodedObject {
  Object object;
  std::string file;
  int line = 0;  // of the document's first key
  int column = 0;
  // Line and column of spec.routes[i], for the errors of ValidateSet; may be shorter than the
  // routes.
  std::vector<std::pair<int, int>> route_marks;
  // The document as it was written, before defaults: what its author names, and nothing else. Never
  // null when it came from DecodeManifest.
  std::shared_ptr<const nlohmann::json> written;
};

// Groups of fields that are checked already but that not every reader acts on. Each is refused by
// name until its switch is on; a switch goes when all readers act on its fields.
struct Features {
  bool env_references = false;  // env: valueFrom.secretKeyRef, .configMapKeyRef; envFrom
  bool object_volumes = false;  // volumes: configMap, secret
  bool image_pull_secrets = false;
  bool basic_auth = false;  // traffic.basicAuthSecret
  bool https = false;       // listeners: protocol HTTPS, http2, tls, redirectToHttps
  bool stats_auth = false;  // stats.auth

  [[nodiscard]] static constexpr Features All() { return {true, true, true, true, true, true}; }
  bool operator==(const Features&) const = default;
};

struct DecodeOptions {
  // hostPath volumes are refused unless below one of these directories (--allow-host-path).
  std::vector<std::string> allowed_host_paths;
  // Decodes Autoscaler, Namespace, Secret and ConfigMap too, which are refused by name otherwise:
  // for those who store them. A reader of manifests that nothing acts on must not take them.
  bool all_kinds = false;
  Features features;
  // Is there such a time zone? Asked for names that look right. Unset: all of them.
  std::function<bool(std::string_view name)> knows_time_zone;
};

// Limits of one input: 1 MiB, 200 documents, 50 000 nodes, depth 64.
inline constexpr std::size_t kMaxManifestBytes = 1 << 20;

// Decodes every document of a YAML (or JSON) text, with defaults filled in and validated. Refused
// whole: one error means no objects. Errors come in the order of the text, at most 100.
[[nodiscard]] std::expected<std::vector<DecodedObject>, std::vector<FieldError>> DecodeManifest(
    const std::string& file, std::string_view text, const DecodeOptions& options);

// What only the whole set shows: the same object twice, two web apps claiming the same load
// balancer + host + path + pathType, a route to a load balancer that no document defines (only
// `default` is implied), two Autoscalers of one web app. Errors name the later document in order of
// file and line.
[[nodiscard]] std::vector<FieldError> ValidateSet(const std::vector<DecodedObject>& objects);

// What an update may not change: the values of an immutable Secret or ConfigMap, a Secret's type.
// `before` and `after` are of the same kind and name. No message shows a value.
[[nodiscard]] std::vector<FieldError> ValidateUpdate(const Object& before, const Object& after);

// Full JSON with apiVersion, kind, metadata, spec: what `-o json` shows and what DecodeObject
// reads. Of a Secret with its values.
[[nodiscard]] nlohmann::json EncodeObject(const Object& object);
// The inverse of EncodeObject, with the same validation and with every error, without positions.
// Takes metadata.generation and the mark of what Ballast made itself: a caller that got the JSON
// from a user decides about these first.
[[nodiscard]] std::expected<Object, std::vector<FieldError>> DecodeJson(
    const nlohmann::json& json, const DecodeOptions& options);
// DecodeJson with the first errors in one line (used for objects kept on disk).
[[nodiscard]] Result<Object> DecodeObject(const nlohmann::json& json, const DecodeOptions& options);

// JSON text -> json with the same limits: depth, size, no duplicate keys.
[[nodiscard]] Result<nlohmann::json> ParseJsonStrict(std::string_view text, std::size_t max_bytes,
                                                     int max_depth);

// The pod template as canonical JSON (sorted keys, defaults left out, no white space): the text of
// the label ballast.dev/template, and what the revision hash is made of. Stable for ever: a golden
// test guards it, since a change would roll every app at an upgrade.
[[nodiscard]] std::string CanonicalTemplate(const PodTemplate& pod_template);
[[nodiscard]] Result<PodTemplate> ParseCanonicalTemplate(std::string_view text);

// Revision of a template: the first 8 hex digits of FNV-1a 64 over CanonicalTemplate, folded.
// `config`: digests of what it takes from Secrets and ConfigMaps (label ballast.dev/config); empty
// for a template without references, whose revision is that of the template alone.
[[nodiscard]] std::string RevisionOf(const PodTemplate& pod_template, std::string_view config = "");

// A resource quantity: "500m" -> 500 millis, "256Mi" -> bytes.
[[nodiscard]] Result<std::int64_t> ParseCpuMillis(std::string_view text);
[[nodiscard]] Result<std::int64_t> ParseBytes(std::string_view text);
// "250ms", "60s", "1h", "1m30s" or a bare number of seconds.
[[nodiscard]] Result<Millis> ParseDuration(std::string_view text);

// A host for a route (api/names.h rules): lower case DNS name, optional leading "*.".
[[nodiscard]] Result<std::string> NormalizeHost(std::string_view host);
// A path for a route: starts with '/', printable ASCII without space, '#', ';', '\\', '"', '\'',
// '%..'.
[[nodiscard]] Result<std::string> NormalizePath(std::string_view path);
// DNS-1123 label as Kubernetes demands for names and namespaces.
[[nodiscard]] bool IsDnsLabel(std::string_view text);

// maxSurge (rounded up) and maxUnavailable (rounded down) of `replicas`.
[[nodiscard]] int ResolveUp(const IntOrPercent& value, int replicas);
[[nodiscard]] int ResolveDown(const IntOrPercent& value, int replicas);

}  // namespace ballast::api
