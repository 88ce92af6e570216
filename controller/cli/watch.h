// Follows the objects of one list: what there is, then what changes, across lost connections and
// restarts of the controller, for as long as the connection runs. One thread.
#pragma once

#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/status.h"
#include "controller/cli/session.h"

namespace ballast::cli {

// Lines out of pieces.
class LineReader {
 public:
  // Calls `line` for each whole one, without its end; false from it stops.
  bool Feed(std::string_view piece, const std::function<bool(std::string_view)>& line);
  // What has no end yet.
  [[nodiscard]] const std::string& rest() const { return rest_; }

 private:
  std::string rest_;
};

struct WatchCalls {
  // ADDED, MODIFIED or DELETED; of tables the object is a Table. False ends the watch.
  std::function<bool(std::string_view type, const nlohmann::json& object)> on_event;
  // What changed in between is not known; what there is now follows as ADDED. May be null.
  std::function<void()> on_lost;
  // It cannot go on: refused, or nobody answers any more.
  std::function<void(const Status& status)> on_failure;
};

class Watch {
 public:
  // `query`: selectors. `accept`: of tables or of objects.
  Watch(Session& session, std::string path, std::map<std::string, std::string> query,
        std::string accept, WatchCalls calls);

  // From `resource_version` on; "0": what there is, first. Must outlive the connection's Run.
  void Start(std::string resource_version);

 private:
  void Open();
  bool OnLine(std::string_view line);
  void OnEnd(const Result<Reply>& reply);
  void Lose();

  Session& session_;
  const std::string path_;
  const std::map<std::string, std::string> query_;
  const std::string accept_;
  const WatchCalls calls_;
  std::string version_;
  LineReader lines_;
  int failures_ = 0;  // one after the other
  bool ended_ = false;
};

}  // namespace ballast::cli
