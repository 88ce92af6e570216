-- Written by Ballast. Requests wait here until a server takes traffic (scale to zero).
local WAKE = "unix@/run/haproxy/wake.sock"
local LATE = ":late"
local FIRST = 16       -- requests a server that go at once; twice as many each 250 ms later

local held = {}        -- backend -> requests that wait
local opened = {}      -- backend -> since when it has a server again, and what ran then
local told = {}        -- backend -> ms: when the controller was last told
local looked = 0       -- ms: when it was last looked whether this worker was replaced
local replaced = false

local function ms()
  local now = core.now()
  return now.sec * 1000 + now.usec // 1000
end

-- Failures do not matter: the controller finds waiting requests in the counters as well.
local function tell(backend)
  local socket = core.tcp()
  socket:settimeout(1)
  if socket:connect(WAKE) then socket:send(backend .. "\n") end
  socket:close()
end

-- A worker that was replaced takes no order but a new server, which it leaves in maintenance.
-- Only there: Lua would keep servers that are deleted, with their names, until it collects them.
local function admit(backend, now)
  if math.abs(now - looked) >= 25 then
    looked = now
    replaced = replaced or tonumber(core.get_info()["Stopping"]) == 1
  end
  if not replaced then return end
  for name, server in pairs(core.backends[backend].servers) do
    if name:sub(-#LATE) == LATE then server:set_ready() end
  end
end

-- May one more go to `servers` servers? Not all at once: an application that has just started would
-- not take their connections. Each that is answered makes room for two.
local function room(txn, backend, servers, now)
  local all = txn.f:be_conn(backend)
  if held[backend] > all then held[backend] = all end
  local open = opened[backend]
  if not open then
    open = {at = now, before = all - held[backend], gone = 0}
    opened[backend] = open
  end
  local running = all - held[backend] - open.before
  local steps = math.min(20, math.max(0, now - open.at) // 250)
  if running >= servers * FIRST * (1 << steps) + math.max(0, open.gone - running) then
    return false
  end
  open.gone = open.gone + 1
  return true
end

core.register_action("hold", {"http-req"}, function(txn)
  local backend = txn.f:be_name()
  local limit = txn:get_var("txn.hold") * 1000
  local waited, nap, last = 0, 0, ms()
  held[backend] = (held[backend] or 0) + 1
  while true do
    local now = ms()
    -- The clock may be set meanwhile.
    waited = waited + math.min(math.max(now - last, nap), nap + 1000)
    last = now
    local servers = txn.f:nbsrv(backend)
    if servers > 0 then
      if room(txn, backend, servers, now) then break end
      nap = math.max(5, math.min(100, held[backend] // 16))
    elseif waited >= limit then
      held[backend] = held[backend] - 1
      txn:done(txn:reply{
        status = 503,
        headers = {["retry-after"] = {"5"}, ["cache-control"] = {"no-store"},
                   ["content-type"] = {"text/plain"}},
        body = "no replica is ready yet\n"})
      return
    else
      opened[backend] = nil
      if math.abs(now - (told[backend] or 0)) >= 1000 then
        told[backend] = now
        core.register_task(tell, backend)
      end
      admit(backend, now)
      -- Seldom where many wait or where it has taken long already: it costs little either way.
      nap = math.max(25, math.min(250, held[backend] // 8), math.min(500, waited // 200))
    end
    core.msleep(nap)
  end
  held[backend] = held[backend] - 1
end, 0)
