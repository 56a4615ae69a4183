# What the scripts share that start a Java server: sourced by them, with $data and $server set.
#
#   data     folder for its files
#   server   its name in messages and in its pid file

needs() {
  command -v "$1" >/dev/null || { echo "$server.sh: '$1' is not installed, and it is needed" >&2; exit 3; }
}

alive() {
  # Where nobody collects the dead, as in some containers, one that was killed still answers to kill -0.
  kill -0 "$1" 2>/dev/null && [[ $(ps -o stat= -p "$1") != Z* ]]
}

running() {
  [[ -f $data/$server.pid ]] && alive "$(cat "$data/$server.pid")"
}

free_port() {
  local candidate
  while :; do
    candidate=$((20000 + RANDOM % 12000))
    (echo >"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
  done
}

# answers HOST/PORT: returns when it takes connections; ends the script when it never does.
answers() {
  for _ in $(seq 600); do
    (echo >"/dev/tcp/$1") 2>/dev/null && return
    running || { tail -5 "$data/$server.log" >&2; echo "$server.sh: it did not start" >&2; exit 1; }
    sleep 0.1
  done
  echo "$server.sh: it does not answer after a minute; see $data/$server.log" >&2
  exit 1
}

stop() {
  running || { rm -f "$data/$server.pid"; return 0; }
  local pid
  pid=$(cat "$data/$server.pid")
  kill "$pid"
  for _ in $(seq 300); do
    alive "$pid" || { rm -f "$data/$server.pid"; return 0; }
    sleep 0.1
  done
  kill -9 "$pid"
  rm -f "$data/$server.pid"
}
