// Fuzzes what stands between a user's text and HAProxy: a value in any field of the model never
// changes the shape of the files or of a command, and no reply crashes a parser. libFuzzer.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/replies.h"
#include "reconcilers/haproxy/stats.h"
#include "tests/golden/haproxy/models.h"
#include "tests/golden/haproxy/shape.h"

namespace hap = ballast::reconcilers::haproxy;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Values(const hap::Field& field, const std::string& value) {
  if (value.empty()) return;
  hap::LoadBalancerModel model = hap::FullModel();
  field.set(model, field.harmless);
  const auto harmless = hap::Render(model);
  field.set(model, value);
  const auto files = hap::Render(model);
  Require(harmless.has_value());
  if (files) Require(hap::SameShape(*files, *harmless));

  hap::BackendModel backend = hap::FullModel().backends[1];
  hap::ServerModel server = backend.servers[0];
  backend.name = server.name = server.address = value;
  for (const auto& commands :
       {hap::AddServerCommands(backend, server), hap::SetAdminCommands(value, value, server.admin),
        hap::DeleteServerCommands(value, value)}) {
    for (const hap::RuntimeCommand& command : commands) {
      const auto counts = hap::CliWordCounts(command.text);
      Require(counts.size() == 1 && counts[0] <= 64);
    }
  }
  const auto snippet = hap::CheckSnippet(value);
  if (snippet) Require(!snippet->contains('\n'));
}

void Replies(const std::string& reply) {
  (void)hap::ParseServersState(reply);
  (void)hap::ParseServersConn(reply);
  (void)hap::ParseShowProc(reply);
  (void)hap::ParseShowStat(reply);
  (void)hap::RequireVersion(reply);
  (void)hap::ExtractAlerts(reply);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t choice = data[0] % (hap::Fields().size() + 1);
  if (choice < hap::Fields().size()) {
    Values(hap::Fields()[choice], value);
  } else {
    Replies(value);
  }
  return 0;
}
