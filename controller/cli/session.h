// What all commands share for one run: where to write, the way to the server, and its types, asked
// for once. One thread.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "api/status.h"
#include "controller/cli/cli.h"
#include "controller/cli/connection.h"
#include "controller/cli/resource_types.h"
#include "controller/cli/status_error.h"

namespace ballast::cli {

class Session {
 public:
  Session(const Environment& environment, Connection& connection, std::ostream& out,
          std::ostream& err)
      : environment(environment), connection(connection), out(out), err(err) {}

  const Environment& environment;
  Connection& connection;
  std::ostream& out;
  std::ostream& err;

  // From discovery.
  [[nodiscard]] Result<const ResourceTypes*> Types();

  // Sends, and makes an error of what is not 2xx (NotFound, Conflict, ... by its code). Warnings of
  // the server are printed.
  [[nodiscard]] Result<Reply> Call(const HttpCall& call, const ErrorContext& context = {});
  // Call, whose answer must be a JSON object.
  [[nodiscard]] Result<nlohmann::json> CallJson(const HttpCall& call,
                                                const ErrorContext& context = {});
  // The whole list, page by page, in one object; of a Table its rows.
  [[nodiscard]] Result<nlohmann::json> ListAll(const std::string& path,
                                               std::map<std::string, std::string> query,
                                               const std::string& accept);

  // Prints "ballast: ..."; answers the exit code.
  int Fail(const Status& status) const;
  int Fail(std::string_view message) const;
  // The same for what the command line says.
  int Usage(std::string_view message, std::string_view command) const;

 private:
  std::optional<ResourceTypes> types_;
};

// The answer as JSON; Internal when it is none.
[[nodiscard]] Result<nlohmann::json> ParseAnswer(std::string_view body);

inline constexpr char kTableAccept[] =
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

}  // namespace ballast::cli
