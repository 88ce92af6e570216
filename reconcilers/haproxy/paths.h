// Where things are inside a HAProxy container: two mounted directories, one with the files that
// Ballast writes, one with the sockets and files that HAProxy writes. Constants only.
#pragma once

namespace ballast::reconcilers::haproxy {

// Names in ConfigFiles, relative to kConfigDir.
inline constexpr char kConfigFile[] = "haproxy.cfg";
inline constexpr char kExactMapFile[] = "maps/exact.map";
inline constexpr char kPrefixMapFile[] = "maps/prefix.map";

inline constexpr char kConfigDir[] = "/etc/haproxy";
inline constexpr char kConfigPath[] = "/etc/haproxy/haproxy.cfg";
inline constexpr char kExactMapPath[] = "/etc/haproxy/maps/exact.map";
inline constexpr char kPrefixMapPath[] = "/etc/haproxy/maps/prefix.map";

inline constexpr char kRuntimeDir[] = "/run/haproxy";
inline constexpr char kAdminSocket[] = "/run/haproxy/admin.sock";
inline constexpr char kMasterSocket[] = "/run/haproxy/master.sock";
inline constexpr char kStatsFile[] = "/run/haproxy/stats";  // counters, `dump stats-file`
inline constexpr char kStateFile[] = "/run/haproxy/state";  // `show servers state`

// Proxies that every configuration has. A dot is in no name of a listener, namespace or web app.
inline constexpr char kNoRouteBackend[] = "ballast.noroute";
inline constexpr char kStatsFrontend[] = "ballast.stats";
inline constexpr char kIdleFrontend[] = "ballast.idle";

}  // namespace ballast::reconcilers::haproxy
