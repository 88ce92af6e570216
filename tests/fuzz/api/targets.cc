#include "tests/fuzz/api/targets.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "api/base64.h"
#include "api/codec.h"
#include "api/cron.h"
#include "api/metric_quantity.h"
#include "api/names.h"
#include "api/quantity.h"
#include "api/tree.h"

namespace ballast::api::fuzz {
namespace {

void Require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

DecodeOptions Options() {
  DecodeOptions options;
  options.allowed_host_paths = {"/srv"};
  options.all_kinds = true;
  options.features = Features::All();
  return options;
}

void CheckRoundTrip(const Object& object) {
  const auto back = DecodeObject(EncodeObject(object), Options());
  Require(back.has_value() && *back == object, "DecodeObject(EncodeObject(x)) == x");
  Require(ValidateUpdate(object, object).empty(), "nothing changed");
  const auto* webapp = std::get_if<WebApp>(&object);
  if (webapp == nullptr || !webapp->spec.pod_template) return;
  const auto parsed = ParseCanonicalTemplate(CanonicalTemplate(*webapp->spec.pod_template));
  Require(parsed.has_value() && *parsed == *webapp->spec.pod_template, "canonical template");
}

}  // namespace

void Manifest(std::string_view bytes) {
  const auto objects = DecodeManifest("fuzz.yaml", bytes, Options());
  if (!objects) {
    Require(!objects.error().empty() && objects.error().size() <= 100, "1 to 100 errors");
    int line = 0;
    for (const FieldError& error : objects.error()) {
      Require(!HasControl(error.ToString()), "no control characters in an error");
      Require(!error.message.empty(), "an error says something");
      Require(error.line >= line, "errors in order");
      line = error.line;
    }
    return;
  }
  for (const DecodedObject& decoded : *objects) CheckRoundTrip(decoded.object);
  for (const FieldError& error : ValidateSet(*objects)) {
    Require(!HasControl(error.ToString()), "no control characters in an error");
  }
}

void Json(std::string_view bytes) {
  const auto json = ParseJsonStrict(bytes, kMaxManifestBytes, 64);
  if (!json) {
    Require(!HasControl(json.error().message), "no control characters in an error");
  } else {
    const auto object = DecodeObject(*json, Options());
    if (object) CheckRoundTrip(*object);
  }
  const auto pod_template = ParseCanonicalTemplate(bytes);
  if (!pod_template) return;
  const auto again = ParseCanonicalTemplate(CanonicalTemplate(*pod_template));
  Require(again.has_value() && *again == *pod_template, "canonical template");
}

void Words(std::string_view bytes) {
  if (const auto host = NormalizeHost(bytes)) {
    Require(host->find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789.-*") == host->npos,
            "a host has no other characters");
    Require(NormalizeHost(*host) == *host, "a normal host stays as it is");
  }
  if (const auto path = NormalizePath(bytes)) {
    Require(path->find_first_of(std::string_view(" \t\r\n\0#;\\\"'%$", 12)) == path->npos,
            "a path has no dangerous characters");
    Require(NormalizePath(*path) == *path, "a normal path stays as it is");
  }
  if (const auto duration = ParseDuration(bytes)) {
    Require(duration->count() >= 0, "no negative durations");
    const auto back = ParseDuration(FormatDuration(*duration));
    Require(back.has_value() && *back == *duration, "durations survive");
  }
  if (const auto cpu = ParseCpuMillis(bytes)) {
    const auto back = ParseCpuMillis(FormatCpuMillis(*cpu));
    Require(*cpu >= 0 && back.has_value() && *back == *cpu, "CPUs survive");
  }
  if (const auto size = ParseBytes(bytes)) {
    Require(*size >= 0, "no negative sizes");
    const auto back = ParseBytes(FormatBytes(*size));
    // 15 digits are read at most; larger sizes have a unit unless they are odd.
    Require(!back.has_value() || *back == *size, "sizes survive");
  }
  if (const auto quantity = ParseMetricQuantity(bytes)) {
    const auto back = ParseMetricQuantity(FormatMetricQuantity(*quantity));
    Require(quantity->millis >= 0 && back.has_value() && *back == *quantity, "quantities survive");
  }
  if (const auto decoded = DecodeBase64(bytes)) {
    const auto back = DecodeBase64(EncodeBase64(*decoded));
    Require(back.has_value() && *back == *decoded, "bytes survive");
  }
  Require(DecodeBase64(EncodeBase64(bytes)) == bytes, "bytes survive");
  if (const auto cron = ParseCron(bytes)) {
    Require(cron->minutes != 0 && cron->minutes >> 60 == 0, "minutes");
    Require(cron->hours != 0 && cron->hours >> 24 == 0, "hours");
    Require(cron->days != 0 && (cron->days & 1) == 0, "days");
    Require(cron->months != 0 && cron->months >> 13 == 0 && (cron->months & 1) == 0, "months");
    Require(cron->weekdays != 0 && cron->weekdays >> 7 == 0, "weekdays");
  } else {
    Require(!HasControl(cron.error().message), "no control characters in an error");
  }
  for (const Rule rule :
       {RuleImage,         RuleSnippet,    RuleHostPort,   RuleCidr,          RuleProbePath,
        RuleHeaderValue,   RuleHeaderName, RuleCookieName, RuleDockerNetwork, RuleDockerVolume,
        RuleLogDriver,     RuleEnvName,    RuleLabelKey,   RulePortName,      RuleMountPath,
        RuleHeaderHost,    RuleLongName,   RuleTimeZone,   RuleDataKey,       RuleRelativePath,
        RuleNamespacedName}) {
    if (rule(bytes).empty()) Require(!HasControl(bytes), "no rule accepts control characters");
  }
  if (bytes.starts_with('/')) {
    const std::string clean = CleanPath(bytes);
    Require(CleanPath(clean) == clean, "a clean path stays as it is");
    Require(clean.find("/../") == clean.npos && !clean.ends_with("/.."), "no way up");
  }
  Require(!HasControl(Quote(bytes)), "Quote escapes");
  (void)ResolvePlainScalar(bytes);
}

}  // namespace ballast::api::fuzz
