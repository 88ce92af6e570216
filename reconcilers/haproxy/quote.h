// The only way by which a value that somebody wrote gets into HAProxy's configuration or onto its
// command line. HAProxy itself checks names of proxies and servers, and nothing else: a newline is
// a new directive, `;` a new command. So every kind of value has an allow-list here, and what is
// not on it is refused (file) or made harmless (command line). Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/status.h"

namespace ballast::reconcilers::haproxy {

// One word of the configuration file: 'value'. Refuses what cannot be in single quotes: empty
// values, quotes, control characters, anything that is not ASCII. A space is fine.
[[nodiscard]] Result<std::string> Quote(std::string_view value);
// The same where HAProxy reads a log-format: every % is doubled.
[[nodiscard]] Result<std::string> QuoteLogFormat(std::string_view value);

// One word of a runtime command. Never fails and never splits: `\`, `;` and space are escaped,
// control characters and non-ASCII become '?', and so does an empty value; HAProxy then refuses the
// name or address, which is a reply that nobody takes for success.
[[nodiscard]] std::string CliWord(std::string_view value);

// These return the value itself, or why it must not be written. None of them contains a character
// that means something to the file's or the command line's parser.
[[nodiscard]] Result<std::string> CheckName(std::string_view name);  // proxies, servers, guids
[[nodiscard]] Result<std::string> CheckListenerName(std::string_view name);  // DNS label
[[nodiscard]] Result<std::string> CheckHost(std::string_view host);  // also "" and "*.example.com"
[[nodiscard]] Result<std::string> CheckPath(std::string_view path);  // of routes
[[nodiscard]] Result<std::string> CheckCookieName(std::string_view name);  // RFC 6265 token
[[nodiscard]] Result<std::string> CheckAddress(std::string_view address);  // IPv4, dotted
[[nodiscard]] Result<std::string> CheckNetwork(std::string_view cidr);     // IPv4 or IPv6 CIDR
[[nodiscard]] Result<std::string> CheckHostPort(std::string_view host_port);

// A raw line of an administrator: one line, no control characters but tabs, not a new section, no
// preprocessor, and none of the words that pass `haproxy -c` and then take all workers down
// (user, group, chroot ...) or replace what Ballast relies on.
[[nodiscard]] Result<std::string> CheckSnippet(std::string_view line);

// `value` for an error message: cut, with control characters shown as \xNN.
[[nodiscard]] std::string Printable(std::string_view value);

}  // namespace ballast::reconcilers::haproxy
