// The rules for single words: names, hosts, paths, images, addresses. Allow-lists, since most of
// them end up in haproxy.cfg, in HAProxy's maps or on Docker's API. Pure; callable from any thread.
#pragma once

#include <string>
#include <string_view>

namespace ballast::api {

// A rule for a string: empty when the text is allowed, else what is allowed, as the second half of
// "must be ...".
using Rule = std::string (*)(std::string_view text);

inline constexpr std::size_t kMaxObjectName = 40;

[[nodiscard]] std::string RuleObjectName(std::string_view text);  // DNS-1123 label, at most 40
[[nodiscard]] std::string RuleLongName(std::string_view text);    // DNS-1123 subdomain
[[nodiscard]] std::string RulePortName(std::string_view text);    // Kubernetes' IANA_SVC_NAME
[[nodiscard]] std::string RuleImage(std::string_view text);       // Docker's reference grammar
[[nodiscard]] std::string RuleEnvName(std::string_view text);     // Kubernetes' grammar
[[nodiscard]] std::string RuleEnvValue(std::string_view text);    // no NUL, at most 128 KiB
[[nodiscard]] std::string RuleArgument(std::string_view text);    // no NUL, at most 128 KiB
[[nodiscard]] std::string RuleLabelKey(std::string_view text);    // Kubernetes' grammar
[[nodiscard]] std::string RuleLabelValue(std::string_view text);  // Kubernetes' grammar
[[nodiscard]] std::string RuleAnnotationValue(std::string_view text);
[[nodiscard]] std::string RuleAbsolutePath(std::string_view text);  // in a container or on the host
[[nodiscard]] std::string RuleMountPath(std::string_view text);
[[nodiscard]] std::string RuleProbePath(std::string_view text);  // may have a query
[[nodiscard]] std::string RuleRoutePath(std::string_view text);
[[nodiscard]] std::string RuleRouteHost(std::string_view text);   // empty: any host
[[nodiscard]] std::string RuleHeaderHost(std::string_view text);  // with or without a port
[[nodiscard]] std::string RuleHeaderName(std::string_view text);  // RFC 9110 token
[[nodiscard]] std::string RuleHeaderValue(std::string_view text);
[[nodiscard]] std::string RuleCookieName(std::string_view text);  // RFC 6265 token, no quote
[[nodiscard]] std::string RuleDockerVolume(std::string_view text);
[[nodiscard]] std::string RuleDockerNetwork(std::string_view text);
[[nodiscard]] std::string RuleLogDriver(std::string_view text);
[[nodiscard]] std::string RuleLogOption(std::string_view text);
[[nodiscard]] std::string RulePlainText(std::string_view text);     // no control characters
[[nodiscard]] std::string RuleCapability(std::string_view text);    // NET_ADMIN, ALL
[[nodiscard]] std::string RuleCidr(std::string_view text);          // IPv4 or IPv6, prefix optional
[[nodiscard]] std::string RuleHostPort(std::string_view text);      // logs.example.com:514
[[nodiscard]] std::string RuleDataKey(std::string_view text);       // of a ConfigMap or Secret
[[nodiscard]] std::string RuleRelativePath(std::string_view text);  // of a file in a volume
[[nodiscard]] std::string RuleNamespacedName(std::string_view text);
[[nodiscard]] std::string RuleSnippet(std::string_view text);

// "/srv/../etc//x/" -> "/etc/x". Textual: symbolic links are not followed.
[[nodiscard]] std::string CleanPath(std::string_view absolute);
// Is a clean path one of these directories or below one?
[[nodiscard]] bool IsBelow(std::string_view path, std::string_view directory);

}  // namespace ballast::api
