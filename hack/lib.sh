# shellcheck shell=bash
# Shared by the scripts in hack/ (source it first): saying what happens, running quiet commands with
# progress, stopping cleanly, and asking the Docker Engine. POSIX tools, bash, and curl once
# hack/install-deps ran.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT
# What these scripts made on this machine, so that hack/uninstall removes that and nothing else.
RECORDS=/var/lib/ballast/hack
DOCKER_SOCKET=/var/run/docker.sock
export DOCKER_HOST=unix://$DOCKER_SOCKET
unset DOCKER_CONTEXT
# Elapsed time counts from the first script of a chain (hack/test calls hack/build calls ...).
export BALLAST_STARTED=${BALLAST_STARTED:-$(date +%s)}

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
  BOLD=$'\e[1m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' RED='' PLAIN=''
fi

elapsed() {
  local seconds=$(($(date +%s) - BALLAST_STARTED))
  printf '%d:%02d' $((seconds / 60)) $((seconds % 60))
}

say() { printf '%s[%5s]%s %s\n' "$BOLD" "$(elapsed)" "$PLAIN" "$*"; }

# fail MESSAGE [NEXT STEP...]: says what is wrong and what to do, and ends the script.
fail() {
  printf '%s%s: %s%s\n' "$RED" "${0##*/}" "$1" "$PLAIN" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

need_root() {
  [ "$(id -u)" -eq 0 ] || fail "needs root $*" "run it again as root, e.g. with sudo"
}

# --- Running and stopping ---------------------------------------------------------------------
# What takes long runs as the one CHILD, in a session of its own, while the script waits for it. So a
# signal reaches the script at once and alone, and the script decides: it ends the child, or lets it
# finish where ending it half-way would harm the machine. A child ends when its script is killed.
CHILD=''
CHILD_LOG=''
CLEANUPS=()

# at_exit COMMAND...: runs when the script ends, however it ends; the last one first. ENDING has the
# exit status by then, above 128 after an interruption.
at_exit() { CLEANUPS+=("$(printf '%q ' "$@")"); }

finish() {
  local status=$? i
  # shellcheck disable=SC2034
  ENDING=$status
  trap - EXIT
  trap '' INT TERM HUP
  stop_child
  for ((i = ${#CLEANUPS[@]} - 1; i >= 0; i--)); do
    eval "${CLEANUPS[i]}" || printf 'cleaning up failed: %s\n' "${CLEANUPS[i]}" >&2
  done
  exit "$status"
}

# Whether a process is left in this process group. Not those that ended and that nobody has waited for:
# where a container's first process is no init they stay for ever.
group_runs() {
  awk -v group="$1" '
    { sub(/^.*\) /, "") } $3 == group && $1 != "Z" { found = 1 } END { exit !found }
  ' < <(cat /proc/[0-9]*/stat 2>/dev/null)
}

stop_child() {
  if [ -n "$CHILD" ] && { kill -TERM -- "-$CHILD" || kill -TERM "$CHILD"; } 2>/dev/null; then
    while group_runs "$CHILD"; do sleep 0.1; done
  fi
  if [ -n "$CHILD_LOG" ]; then rm -f "$CHILD_LOG"; fi
}

interrupted() {
  printf '\n%s: interrupted\n' "${0##*/}" >&2
  exit "$1"
}

stop_on_signals() {
  trap 'interrupted 130' INT
  trap 'interrupted 143' TERM
  trap 'interrupted 129' HUP
}

trap finish EXIT
stop_on_signals

# A background command of a script ignores SIGINT, and so would all that it starts: not here.
start() {
  setsid env --default-signal=INT,QUIT "$@" </dev/null &
  CHILD=$!
}

# run COMMAND...: an external command in the foreground.
run() {
  local status=0
  start setpriv --pdeathsig TERM "$@"
  wait "$CHILD" || status=$?
  CHILD=''
  return "$status"
}

# quietly WHAT COMMAND...: the same with its output kept back: says what it does, a line every ten
# seconds while it lasts, and its last lines when it fails.
quietly() {
  local what=$1
  shift
  say "$what"
  CHILD_LOG=$(mktemp "${TMPDIR:-/tmp}/ballast.XXXXXX")
  start setpriv --pdeathsig TERM "$@" >"$CHILD_LOG" 2>&1
  await_child "$what"
}

# to_its_end WHAT COMMAND...: the same for what must not be ended half-way.
to_its_end() {
  local what=$1 signal='' status=0
  shift
  say "$what"
  CHILD_LOG=$(mktemp "${TMPDIR:-/tmp}/ballast.XXXXXX")
  trap 'signal=130; say "  interrupted: this step has to end first"' INT
  trap 'signal=143' TERM
  trap 'signal=129' HUP
  start "$@" >"$CHILD_LOG" 2>&1
  await_child "$what" || status=$?
  stop_on_signals
  if [ -n "$signal" ]; then interrupted "$signal"; fi
  return "$status"
}

# Of a build what failed first, of anything else the end.
last_words() {
  if grep -q '^FAILED: ' "$1"; then sed -n '/^FAILED: /,$p' "$1" | head -n 80; else tail -n 60 "$1"; fi
}

last_line() {
  tail -c 1000 "$1" | tr '\r' '\n' | tr -d '\000-\011\013-\037' | awk 'NF { line = $0 } END { print substr(line, 1, 80) }'
}

await_child() {
  local what=$1 status=0 began last=0 now
  began=$(date +%s)
  while kill -0 "$CHILD" 2>/dev/null; do
    sleep 0.2
    now=$(($(date +%s) - began))
    if [ "$now" -ge $((last + 10)) ]; then
      last=$now
      say "  ... $now s: $(last_line "$CHILD_LOG")"
    fi
  done
  wait "$CHILD" || status=$?
  CHILD=''
  if [ "$status" -ne 0 ]; then
    printf '%s%s: failed (exit %s)%s\n' "$RED" "$what" "$status" "$PLAIN" >&2
    last_words "$CHILD_LOG" | sed 's/^/  | /' >&2
  fi
  rm -f "$CHILD_LOG"
  CHILD_LOG=''
  return "$status"
}

# only_one LOCK: sets ONLY_ONE, the words to put before a command of which one may run at a time.
# --close: nothing that the command leaves running keeps the lock.
only_one() {
  mkdir -p "$(dirname "$1")"
  if ! flock --nonblock "$1" true; then say "waiting for another ${1##*/} to end"; fi
  # shellcheck disable=SC2034
  ONLY_ONE=(flock --close "$1" setpriv --pdeathsig TERM)
}

# Compilers running at once: one a core, and about 1.5 GB of memory each.
jobs_for_memory() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable:/ {print int($2 / 1500000)}' /proc/meminfo)
  if [ "$memory" -lt 1 ]; then memory=1; fi
  echo $((cores < memory ? cores : memory))
}

# --- The Docker Engine ------------------------------------------------------------------------
engine_answers() {
  [ -S "$DOCKER_SOCKET" ] || return 1
  if command -v curl >/dev/null; then
    curl -fsS --max-time 5 --unix-socket "$DOCKER_SOCKET" http://localhost/_ping >/dev/null 2>&1
  else
    docker version >/dev/null 2>&1
  fi
}

image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# remove_labelled KIND LABEL...: the containers, networks or volumes that carry all these labels.
# One that cannot be removed (somebody's container is in the network) is named, and stays.
remove_labelled() {
  local kind=$1 label filters=() list=(docker) remove=(docker) count=0 id message
  shift
  for label in "$@"; do filters+=(--filter "label=$label"); done
  case $kind in
    container) list+=(ps --all --quiet --no-trunc) remove+=(rm --force --volumes) ;;
    network | volume) list+=("$kind" ls --quiet) remove+=("$kind" rm) ;;
  esac
  for id in $("${list[@]}" "${filters[@]}"); do
    if message=$("${remove[@]}" "$id" 2>&1); then
      count=$((count + 1))
    else
      say "kept $kind $id: ${message##*$'\n'}"
    fi
  done
  if [ "$count" -gt 0 ]; then say "removed $count $kind(s) labelled $*"; fi
}

# record NAME TEXT / recorded NAME: what hack/uninstall has to know.
record() {
  mkdir -p "$RECORDS"
  printf '%s\n' "$2" >"$RECORDS/$1.new"
  mv "$RECORDS/$1.new" "$RECORDS/$1"
}
recorded() { if [ -f "$RECORDS/$1" ]; then cat "$RECORDS/$1"; fi; }

# --- Tests and benchmarks --------------------------------------------------------------------
# Tests clean up after themselves; when they were killed (by us or for being late), this does. A
# controller under test has an instance of its own, t and six hexadecimal digits; what else a test makes
# carries ballast.dev/test. Not while another hack/test runs its own.
remove_leftovers() {
  local owners owner kind
  [ "$ENDING" -ne 0 ] || return 0
  flock --nonblock "$ROOT/build/test.lock" true || return 0
  owners=$(docker ps --all --format '{{.Names}} {{.Label "ballast.dev/owner"}}' && docker network ls --format \
    '{{.Label "ballast.dev/owner"}}' && docker volume ls --format '{{.Label "ballast.dev/owner"}}')
  owners=$(tr ' ' '\n' <<<"$owners" | sed -nE 's/^(ballast-controller-)?(t[0-9a-f]{6})$/\2/p' | sort -u)
  for owner in $owners; do
    if [ -n "$(docker ps --all --quiet --filter "name=^/ballast-controller-$owner\$")" ]; then
      docker rm --force --volumes "ballast-controller-$owner" >/dev/null
    fi
    for kind in container network volume; do remove_labelled "$kind" "ballast.dev/owner=$owner"; done
    rm -rf "/tmp/ballast-$owner"
  done
  for kind in container network volume; do remove_labelled "$kind" ballast.dev/test; done
  if [ -n "$(image_id ballast/haproxy:upgrade-test)" ]; then
    docker rmi ballast/haproxy:upgrade-test >/dev/null
  fi
}
