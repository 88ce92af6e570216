#include <fmt/format.h>

#include <optional>
#include <ostream>

#include "controller/cli/commands.h"
#include "controller/cli/private_file.h"
#include "controller/cli/progress.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

std::string Size(std::uint64_t bytes) {
  constexpr std::uint64_t kKi = 1024;
  if (bytes < kKi) return fmt::format("{} bytes", bytes);
  if (bytes < kKi * kKi) return fmt::format("{} KiB", bytes / kKi);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / static_cast<double>(kKi * kKi));
}

}  // namespace

int RunBackup(const Arguments& arguments, Session& session) {
  if (arguments.words().size() != 1) {
    return session.Usage(arguments.words().empty() ? "FILE is missing: where to write the backup"
                                                   : "backup takes one FILE",
                         "backup");
  }
  const std::string& path = arguments.words().front();
  if (path == "-")
    return session.Usage("a backup is written to a file, not to a terminal", "backup");
  auto file = PrivateFile::Create(path);
  if (!file) return session.Fail(file.error());
  Progress progress(session.err, session.environment.error_width);
  std::uint64_t bytes = 0;
  Result<void> result;
  session.connection.Open(
      {.call = {.target = "/ballast/v1/backup", .accept = "application/octet-stream, */*"},
       .on_data =
           [&](std::string_view piece) {
             result = file->Write(piece);
             bytes += piece.size();
             if (session.environment.error_width > 0) progress.Show(Size(bytes));
             return result.has_value();
           },
       .on_end =
           [&](const Result<Reply>& reply) {
             if (!result) return;  // the disk's, not the controller's fault
             if (!reply) {
               result = std::unexpected(reply.error());
             } else if (!reply->ok()) {
               result = Error(Code::kInternal, DescribeStatus(reply->status, reply->body));
             } else if (bytes == 0) {
               result = Error(Code::kInternal, "the controller sent an empty backup");
             } else {
               result = file->Commit();
             }
           }});
  const auto ran = session.connection.Run(std::nullopt);
  progress.Clear();
  if (!ran) return session.Fail(ran.error());
  if (!result) return session.Fail(result.error());
  session.out << Sanitize(path) << " written, " << Size(bytes) << "\n";
  return kExitOk;
}

}  // namespace ballast::cli
