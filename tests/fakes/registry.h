// An image registry (v2 API, plain HTTP) on a free port of 127.0.0.1, where Docker pulls without
// TLS. Serves the images that a test adds, to anybody or only with basic authentication. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ballast::fakes {

class Registry {
 public:
  // With a user, every request needs these credentials.
  explicit Registry(std::string user = "", std::string password = "");
  ~Registry();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] std::string host() const;  // "127.0.0.1:40001"

  // An image of one layer with these files (path -> content, mode 0755) and this command. Adding
  // the same name again moves the tag. Returns the reference to pull: "127.0.0.1:40001/shop:1".
  std::string AddImage(const std::string& name, const std::string& tag,
                       const std::map<std::string, std::string>& files,
                       const std::vector<std::string>& command = {"/bin/none"});
  // The same image by digest: "127.0.0.1:40001/shop@sha256:...".
  [[nodiscard]] std::string DigestReference(const std::string& name, const std::string& tag) const;

  void SetCredentials(std::string user, std::string password);
  // Every answer from now on has this status (500, 429); 0: as it should be.
  void FailWith(int status);
  // "GET /v2/shop/manifests/1 200" in order.
  [[nodiscard]] std::vector<std::string> Requests() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ballast::fakes
