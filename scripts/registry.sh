#!/usr/bin/env bash
# One real schema registry (Apicurio, in memory) for trying Avro and for the tests.
#
#   scripts/registry.sh start     start it, and print the address for --schema-registry
#   scripts/registry.sh stop      stop it; what was registered is gone
#   scripts/registry.sh fetch     only fetch it
#
# Needs Java 17 or newer and Maven, which fetches it (109 MB) once. Exit code 3: one of them is missing.
#
#   BUYSIGNAL_REGISTRY_JARS   where it lies             (~/.cache/buysignal/apicurio-3.0.9)
#   BUYSIGNAL_REGISTRY_DATA   where its log lies        (~/.cache/buysignal/registry)
#   BUYSIGNAL_REGISTRY_PORT   0 takes a free one        (8081)
#   BUYSIGNAL_REGISTRY_HEAP   memory                    (256m)
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/buysignal
jars=${BUYSIGNAL_REGISTRY_JARS:-$cache/apicurio-3.0.9}
data=${BUYSIGNAL_REGISTRY_DATA:-$cache/registry}
port=${BUYSIGNAL_REGISTRY_PORT:-8081}
heap=${BUYSIGNAL_REGISTRY_HEAP:-256m}
here=$(cd "$(dirname "$0")" && pwd)

server=registry
# shellcheck source=scripts/_java-server.sh
source "$here/_java-server.sh"

fetch() {
  needs java
  [[ -f $jars/complete ]] && return
  needs mvn
  mkdir -p "$jars"
  echo "registry.sh: fetching Apicurio Registry into $jars" >&2
  mvn -q -B -f "$here/registry-pom.xml" dependency:copy \
    -Dartifact=io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all -DoutputDirectory="$jars/packed" >&2
  tar -xzf "$jars"/packed/*.tar.gz -C "$jars"
  rm -r "$jars/packed"
  touch "$jars/complete"
}

start() {
  if running; then
    cat "$data/address"
    return
  fi
  fetch
  mkdir -p "$data"
  [[ $port == 0 ]] && port=$(free_port)
  (cd "$jars" && exec nohup java -Xmx"$heap" -XX:TieredStopAtLevel=1 -Dquarkus.http.host=127.0.0.1 \
    -Dquarkus.http.port="$port" -Dquarkus.log.level=WARN -Dquarkus.management.enabled=false \
    -jar apicurio-registry-app-3.0.9-runner.jar >"$data/registry.log" 2>&1 </dev/null) &
  echo $! >"$data/registry.pid"
  answers "127.0.0.1/$port"
  echo "http://127.0.0.1:$port/apis/ccompat/v7" | tee "$data/address"
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  fetch) fetch ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
