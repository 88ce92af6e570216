// Listening sockets: where a unix socket may be put, and how. Internal to apiserver; one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "api/status.h"
#include "controller/apiserver/file_descriptor.h"
#include "controller/apiserver/http_types.h"

namespace ballast::apiserver {

struct ListenSocket {
  FileDescriptor fd;  // does not block
  std::string name;   // "127.0.0.1:7443", "/run/ballast/ballast.sock"
  ino_t inode = 0;    // of the socket's file
  std::uint16_t port = 0;
};

// The socket appears with its final mode; its directory is created. AlreadyExists when somebody
// answers on it, else what is there is replaced.
[[nodiscard]] Result<ListenSocket> BindUnix(const std::string& path, mode_t mode);
// Removes the socket's file if it is still this one.
void RemoveUnix(const std::string& path, ino_t inode);

// Port 0: any.
[[nodiscard]] Result<ListenSocket> BindTcp(const std::string& address, std::uint16_t port);

// For a connection that was accepted: who it is, and the options that suit a server.
[[nodiscard]] Peer PeerOf(int fd);
void SetOptions(int fd, const Peer& peer);

}  // namespace ballast::apiserver
