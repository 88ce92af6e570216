// Where things are inside a HAProxy container: two mounted directories, one with the files that
// Ballast writes, one with the sockets and files that HAProxy writes. Pure; any thread.
#pragma once

#include <string>

#include "api/meta.h"

namespace ballast::reconcilers::haproxy {

// Names in ConfigFiles, relative to kConfigDir.
inline constexpr char kConfigFile[] = "haproxy.cfg";
inline constexpr char kExactMapFile[] = "maps/exact.map";
inline constexpr char kPrefixMapFile[] = "maps/prefix.map";
// Of requests that wait for a server (hold.h).
inline constexpr char kHoldMapFile[] = "maps/hold.map";
inline constexpr char kScriptDir[] = "lua/";
inline constexpr char kHoldScriptFile[] = "lua/hold.lua";

// Directories of secrets: certificates with their keys and the lists of each HTTPS listener; users
// with their hashed passwords.
inline constexpr char kCertificateDir[] = "certs/";
inline constexpr char kUsersDir[] = "users/";
// "certs/default_shop-tls.pem"; a long name is cut, with a digest in its place.
[[nodiscard]] std::string CertificateFile(const api::NamespacedName& secret);
[[nodiscard]] std::string CertificateListFile(const std::string& listener);  // "certs/https.list"
[[nodiscard]] std::string UsersFileName(const std::string& backend);         // "users/default_shop"

inline constexpr char kConfigDir[] = "/etc/haproxy";
inline constexpr char kConfigPath[] = "/etc/haproxy/haproxy.cfg";
inline constexpr char kExactMapPath[] = "/etc/haproxy/maps/exact.map";
inline constexpr char kPrefixMapPath[] = "/etc/haproxy/maps/prefix.map";
inline constexpr char kHoldMapPath[] = "/etc/haproxy/maps/hold.map";
inline constexpr char kHoldScriptPath[] = "/etc/haproxy/lua/hold.lua";

// How HAProxy names a certificate on its command line.
[[nodiscard]] std::string CertificatePath(const api::NamespacedName& secret);

inline constexpr char kRuntimeDir[] = "/run/haproxy";
inline constexpr char kAdminSocket[] = "/run/haproxy/admin.sock";
inline constexpr char kMasterSocket[] = "/run/haproxy/master.sock";
// Where the controller listens, not HAProxy: it is told there of requests that wait.
inline constexpr char kWakeSocket[] = "/run/haproxy/wake.sock";
inline constexpr char kStatsFile[] = "/run/haproxy/stats";  // counters, `dump stats-file`
inline constexpr char kStateFile[] = "/run/haproxy/state";  // `show servers state`

// Proxies that every configuration has. A dot is in no name of a listener, namespace or web app.
inline constexpr char kNoRouteBackend[] = "ballast.noroute";
inline constexpr char kStatsFrontend[] = "ballast.stats";
inline constexpr char kIdleFrontend[] = "ballast.idle";

}  // namespace ballast::reconcilers::haproxy
