// The commands that talk to the API server, one file each, and the table of all. Each prints to the
// session and answers the exit code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controller/cli/arguments.h"
#include "controller/cli/session.h"

namespace ballast::cli {

using RunCommand = int (*)(const Arguments& arguments, Session& session);

// In the order of the help; `controller` and `help` are not among them.
[[nodiscard]] const std::vector<Command>& Commands();
// Null: there is none.
[[nodiscard]] const Command* FindCommand(std::string_view name);
[[nodiscard]] std::vector<std::string> CommandNames();
// What `ballast help NAME` prints.
[[nodiscard]] std::string CommandHelp(const Command& command);

int RunStatus(const Arguments& arguments, Session& session);
int RunApply(const Arguments& arguments, Session& session);
int RunGet(const Arguments& arguments, Session& session);
int RunDescribe(const Arguments& arguments, Session& session);
int RunDelete(const Arguments& arguments, Session& session);
int RunScale(const Arguments& arguments, Session& session);
int RunWhy(const Arguments& arguments, Session& session);
int RunSimulate(const Arguments& arguments, Session& session);
int RunEvents(const Arguments& arguments, Session& session);
int RunLogs(const Arguments& arguments, Session& session);
int RunBackup(const Arguments& arguments, Session& session);
int RunKubeconfig(const Arguments& arguments, Session& session);
int RunToken(const Arguments& arguments, Session& session);
int RunTop(const Arguments& arguments, Session& session);
int RunVersion(const Arguments& arguments, Session& session);

}  // namespace ballast::cli
