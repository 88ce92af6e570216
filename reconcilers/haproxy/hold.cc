// Implements hold.h.
#include "reconcilers/haproxy/hold.h"

#include <string_view>

#include "reconcilers/haproxy/diff.h"
#include "reconcilers/haproxy/paths.h"

namespace ballast::reconcilers::haproxy {
namespace {

// One Lua state a thread (lua-load-per-thread): nothing here waits for another thread.
constexpr char kScript[] =
    R"lua(-- Written by Ballast. Requests wait here until a server takes traffic (scale to zero).
local WAKE = "unix@@WAKE@"
local LATE = "@LATE@"

local held = 0      -- requests that wait in this thread
local told = {}     -- backend -> ms: when the controller was last told
local looked = {}   -- backend -> ms: when late servers were last looked for

local function ms()
  local now = core.now()
  return now.sec * 1000 + now.usec // 1000
end

-- True once in `every` ms for each backend.
local function due(last, backend, now, every)
  local ago = now - (last[backend] or 0)
  if ago >= 0 and ago < every then return false end
  last[backend] = now
  return true
end

-- Failures do not matter: the controller finds waiting requests in the counters as well.
local function tell(backend)
  local socket = core.tcp()
  socket:settimeout(1)
  if socket:connect(WAKE) then socket:send(backend .. "\n") end
  socket:close()
end

-- A worker that was replaced takes no order but a new server, which it leaves in maintenance.
local function admit(backend)
  for name, server in pairs(core.backends[backend].servers) do
    if name:sub(-#LATE) == LATE then server:set_ready() end
  end
end

core.register_action("ballast_hold", {"http-req"}, function(txn)
  local backend = txn.f:be_name()
  local limit = txn:get_var("txn.hold") * 1000
  local waited, nap, last = 0, 0, ms()
  held = held + 1
  while txn.f:nbsrv(backend) == 0 do
    local now = ms()
    -- The clock may be set meanwhile.
    waited = waited + math.min(math.max(now - last, nap), nap + 1000)
    last = now
    if waited >= limit then
      held = held - 1
      txn:done(txn:reply{
        status = 503,
        headers = {["retry-after"] = {"5"}, ["cache-control"] = {"no-store"},
                   ["content-type"] = {"text/plain"}},
        body = "no replica is ready yet\n"})
      return
    end
    if due(told, backend, now, 1000) then core.register_task(tell, backend) end
    if due(looked, backend, now, 25) then admit(backend) end
    -- Seldom where many wait or where it has taken long already: it costs little either way.
    nap = math.max(25, math.min(250, held // 10), math.min(500, waited // 200))
    core.msleep(nap)
  end
  held = held - 1
end, 0)
)lua";

void Replace(std::string& text, std::string_view name, std::string_view value) {
  text.replace(text.find(name), name.size(), value);
}

}  // namespace

std::string HoldScript() {
  std::string script = kScript;
  Replace(script, "@WAKE@", kWakeSocket);
  Replace(script, "@LATE@", kLateSuffix);
  return script;
}

std::map<std::string, std::string> HoldMap(const LoadBalancerModel& model) {
  std::map<std::string, std::string> map;
  for (const BackendModel& backend : model.backends) {
    if (backend.hold_seconds > 0) map[backend.name] = std::to_string(backend.hold_seconds);
  }
  return map;
}

}  // namespace ballast::reconcilers::haproxy
