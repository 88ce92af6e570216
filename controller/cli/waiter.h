// Waits until objects are as they should be, or gone, and shows how far they are. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "controller/cli/progress.h"
#include "controller/cli/readiness.h"
#include "controller/cli/session.h"
#include "controller/cli/watch.h"

namespace ballast::cli {

class Waiter {
 public:
  // Of an object that is there, or (null) was deleted.
  using Judge = std::function<Readiness(const nlohmann::json* object)>;

  explicit Waiter(Session& session)
      : session_(session), progress_(session.err, session.environment.error_width) {}

  // To be waited for by Wait. `done`: the word for it at the end: "is available", "is gone".
  void Add(const ResourceType& type, const std::string& ns, const std::string& name, Judge judge,
           std::string done);
  [[nodiscard]] bool empty() const { return objects_.empty(); }

  // Answers the exit code; what is ready is printed as it becomes so, what is not at the end.
  int Wait(std::chrono::seconds timeout);

 private:
  struct Object {
    const ResourceType* type = nullptr;
    std::string ns;
    std::string name;
    Judge judge;
    std::string done;
    Readiness last;
    bool settled = false;
    std::unique_ptr<Watch> watch;
    [[nodiscard]] std::string Ref() const { return type->Ref(name); }
  };
  void Begin(Object& object);
  // The version of the list that it is as of; nothing when it could not be read.
  [[nodiscard]] std::optional<std::string> Look(Object& object);
  void Take(Object& object, const nlohmann::json* json);
  void Settle(Object& object);
  void ShowProgress();
  int Report(std::chrono::seconds timeout);

  Session& session_;
  Progress progress_;
  std::list<Object> objects_;
  std::optional<Status> failure_;
};

}  // namespace ballast::cli
