#include "controller/cli/simulate_input.h"

#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <variant>

#include "api/codec.h"
#include "controller/cli/manifest_files.h"
#include "controller/cli/status_view.h"
#include "controller/cli/table.h"

namespace ballast::cli {
namespace {

using nlohmann::json;
using reconcilers::LoadSample;
using reconcilers::Trace;

constexpr std::size_t kLongestLine = 4096;

double Rate(const json& sample) {
  const json& rate = Field(sample, "requestRate");
  return rate.is_number() ? rate.get<double>() : -1;  // a sample of less than none is no sample
}

std::vector<LoadSample> Samples(const json& answer, const char* field) {
  std::vector<LoadSample> samples;
  for (const json& item : List(answer, field)) {
    samples.push_back({.second = Number(item, "second"), .request_rate = Rate(item)});
  }
  return samples;
}

}  // namespace

Result<api::Autoscaler> ReadAutoscaler(
    const std::vector<std::string>& names, const std::function<std::string()>& read_input,
    const std::function<bool(std::string_view)>& knows_time_zone) {
  const auto files = ReadFiles(names, read_input);
  if (!files) return std::unexpected(files.error());
  api::DecodeOptions options;
  options.all_kinds = true;
  options.features = api::Features::All();
  options.allowed_host_paths = {"/"};  // what web apps beside it mount is the controller's to judge
  options.knows_time_zone = knows_time_zone;
  std::vector<std::string> wrong;
  std::vector<api::Autoscaler> found;
  for (const ManifestFile& file : *files) {
    auto decoded = api::DecodeManifest(file.name, file.text, options);
    if (!decoded) {
      for (const api::FieldError& error : decoded.error()) {
        wrong.push_back(Sanitize(error.ToString()));
      }
      continue;
    }
    for (api::DecodedObject& object : *decoded) {
      auto* const autoscaler = std::get_if<api::Autoscaler>(&object.object);
      if (autoscaler != nullptr) found.push_back(std::move(*autoscaler));
    }
  }
  if (!wrong.empty()) return Error(Code::kInvalidArgument, ManifestsAreWrong(wrong));
  if (found.size() != 1) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("{}: {} of kind Autoscaler; exactly one is wanted, see "
                    "manifests/samples/autoscaler.yaml",
                    Sanitize(fmt::format("{}", fmt::join(names, ", "))),
                    found.empty() ? "no object" : fmt::format("{} objects", found.size())));
  }
  return std::move(found.front());
}

Result<Trace> ReadTrace(const std::string& name) {
  std::error_code error;
  if (std::filesystem::is_directory(name, error)) {
    return Error(Code::kInvalidArgument, Sanitize(name) + ": is a directory, not a trace");
  }
  errno = 0;
  std::ifstream in(name, std::ios::binary);
  if (!in.is_open()) {
    return Error(Code::kNotFound,
                 fmt::format("{}: {}", Sanitize(name),
                             std::error_code(errno, std::generic_category()).message()));
  }
  reconcilers::TraceReader reader;
  std::int64_t number = 0;
  // A file without line ends must not fill the memory.
  char buffer[kLongestLine];
  while (in.good()) {
    in.getline(buffer, sizeof buffer);
    if (in.eof() && in.gcount() == 0) break;
    ++number;
    if (in.fail()) {
      return Error(Code::kInvalidArgument,
                   fmt::format("{}: line {}: longer than {} characters; is this a trace?",
                               Sanitize(name), number, kLongestLine));
    }
    if (const auto added = reader.AddLine(buffer); !added) {
      return Wrap(Sanitize(name), added.error());
    }
  }
  if (in.bad()) return Error(Code::kFailedPrecondition, Sanitize(name) + ": cannot be read");
  auto trace = reader.Finish();
  if (!trace) return Error(Code::kInvalidArgument, Sanitize(name) + " " + trace.error().message);
  return trace;
}

Result<Trace> RecordedTrace(const json& answer) {
  return reconcilers::TraceOfSamples(Samples(answer, "seconds"), Samples(answer, "minutes"));
}

}  // namespace ballast::cli
