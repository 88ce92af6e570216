#include "controller/cmd/load_reporter.h"

#include <map>
#include <utility>

namespace ballast::cmd {
namespace {

using apiserver::LoadFigures;
using apiserver::TopWebApp;

LoadFigures FiguresOf(const runtime::LoadNow& now) {
  if (!now.known) return {};
  LoadFigures figures{.request_rate = now.request_rate,
                      .concurrency = now.concurrency,
                      .queued = now.queued,
                      .response_seconds = {},
                      .error_rate = now.error_rate,
                      .cpu = {},
                      .memory = {}};
  if (now.response_seconds >= 0) figures.response_seconds = now.response_seconds;
  return figures;
}

}  // namespace

std::vector<TopWebApp> LoadReporter::Top(const std::string& ns) {
  std::map<api::ObjectKey, runtime::AppLoadNow> loads;
  for (runtime::AppLoadNow& load : monitor_.Now(ns)) loads[load.app] = std::move(load);
  for (const auto& app : desired_.ListWebApps()) {  // also those that nothing is routed to
    if (ns.empty() || app->meta.ns == ns) loads.try_emplace(app->Key());
  }
  std::vector<TopWebApp> top;
  for (const auto& [key, load] : loads) {
    TopWebApp item{.key = key,
                   .figures = FiguresOf(load.load),
                   .in_service = load.in_service,
                   .held = load.held,
                   .replicas = {}};
    std::map<std::string, LoadFigures> replicas;
    for (const auto& [name, now] : load.replicas) replicas[name] = FiguresOf(now);
    for (const auto& [name, usage] : monitor_.Resources(key)) {
      replicas[name].cpu = usage.cpu;
      replicas[name].memory = usage.memory;
      item.figures.cpu = item.figures.cpu.value_or(0) + usage.cpu;
      item.figures.memory = item.figures.memory.value_or(0) + usage.memory;
    }
    for (auto& [name, figures] : replicas) item.replicas.push_back({name, figures});
    top.push_back(std::move(item));
  }
  return top;
}

bool LoadReporter::Exists(const api::ObjectKey& app) const {
  std::shared_ptr<const api::WebApp> object;
  return desired_.GetWebApp(app, object) == reconcilers::Presence::kPresent;
}

}  // namespace ballast::cmd
