// What a load balancer's HAProxy shall run, computed from what it runs and what web apps wish.
// Pure.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/haproxy/model.h"
#include "reconcilers/ports/traffic.h"

namespace ballast::reconcilers {

// What is known of the web apps' wishes.
struct Wishes {
  const std::map<api::ObjectKey, BackendSpec>* specs = nullptr;
  const std::set<api::ObjectKey>* reported = nullptr;  // others keep what they have
  // Whether a route is wished by some web app that has not published it here yet: until it does,
  // whoever has the route keeps it, so that it is moved and never missing.
  std::function<bool(const api::Route&, const std::string& holder)> claimed_by_other;
};

// "default_shop" -> WebApp/default/shop.
[[nodiscard]] api::ObjectKey AppOfBackend(const std::string& backend);

// Whether two routes answer the same requests.
[[nodiscard]] bool SameRoute(const api::Route& a, const api::Route& b);

// The routes over backends in `backends`: of apps that have not reported, those that they have; of
// the others, those that they wish. The holder of a route keeps it against another app that wishes
// it too, which is told in `conflicts`.
[[nodiscard]] std::vector<haproxy::RouteModel> TargetRoutes(
    const std::vector<haproxy::RouteModel>& applied, const Wishes& wishes,
    const std::set<std::string>& backends, std::vector<std::string>* conflicts);

// The layout of a configuration: what is left of its text without servers, routes and values of web
// apps. Differs when a new version of Ballast writes other lines.
// With HTTPS a second part follows, with requests that wait a third one, so that the first one is
// the same without.
[[nodiscard]] std::string LayoutOf(const haproxy::LoadBalancerModel& model);
// Whether the parts that both have are the same: what comes or goes is no other layout.
[[nodiscard]] bool SameLayout(const std::string& a, const std::string& b);

// The note kept beside haproxy.cfg: what HAProxy runs, for a controller that starts anew.
inline constexpr char kNoteFile[] = "ballast.json";
struct Note {
  haproxy::LoadBalancerModel model;
  std::string layout;
  bool bootstrap = false;  // HAProxy runs sockets only
  bool operator==(const Note&) const = default;
};
[[nodiscard]] std::string EncodeNote(const Note& note);
[[nodiscard]] Result<Note> DecodeNote(const std::string& text);

}  // namespace ballast::reconcilers
