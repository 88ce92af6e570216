// Who may use a web app or the stats page: hashed passwords, never plain ones.
#include "reconcilers/haproxy/paths.h"
#include "reconcilers/haproxy/quote.h"
#include "reconcilers/haproxy/render_parts.h"

namespace ballast::reconcilers::haproxy {
namespace {

void WriteUserlist(const std::string& name, const std::string& digest, const SecretContent& content,
                   ConfigWriter& out) {
  const auto users = content.users.find(digest);
  out.Section("userlist").Name(name);
  if (users == content.users.end()) {
    out.Checked(Error(Code::kInternal, "its users are not known"));
    return;
  }
  for (const User& user : users->second) {
    out.Line("user").Checked(Quote(user.name)).Add("password").Checked(Quote(user.hash));
  }
}

}  // namespace

void WriteUserlists(const LoadBalancerModel& model, const SecretContent& content,
                    ConfigWriter& out) {
  if (model.spec.stats_auth && !model.stats_users.empty()) {
    WriteUserlist(kStatsFrontend, model.stats_users, content, out);
  }
  for (const BackendModel& backend : model.backends) {
    if (backend.traffic.basic_auth_secret.empty() || backend.users.empty()) continue;
    WriteUserlist(backend.name, backend.users, content, out);
  }
}

void WriteAuthentication(const std::string& userlist, const std::string& users, ConfigWriter& out) {
  if (users.empty()) {
    out.Comment("The Secret with its users cannot be used: nobody is let in.");
    // With a condition: HAProxy warns of what follows one without, at every start.
    out.Line("http-request return status 503 content-type text/plain string \"not available\\n\"")
        .Add("if { always_true }");
    return;
  }
  // "default/shop", as people name it.
  std::string realm = userlist;
  if (const std::size_t split = realm.find('_'); split != std::string::npos) realm[split] = '/';
  out.Line("http-request auth realm").Checked(Quote(realm));
  out.Add("unless").Checked(CheckName(userlist), "{ http_auth(", ") }");
}

}  // namespace ballast::reconcilers::haproxy
