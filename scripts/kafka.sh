#!/usr/bin/env bash
# One real Apache Kafka broker (KRaft, no ZooKeeper) for trying things and for the tests.
#
#   scripts/kafka.sh start     start it, and print its address
#   scripts/kafka.sh stop      stop it
#   scripts/kafka.sh jars      only fetch the jars
#   scripts/kafka.sh wipe      stop it, and remove its data
#
# Needs Java 17 or newer and Maven, which fetches the jars (45 MB) once. Exit code 3: one of them is missing.
#
#   BUYSIGNAL_KAFKA_JARS   where the jars lie         (~/.cache/buysignal/kafka-4.1.0)
#   BUYSIGNAL_KAFKA_DATA   where the data lie         (~/.cache/buysignal/kafka-data)
#   BUYSIGNAL_KAFKA_PORT   0 takes a free one         (9092)
#   BUYSIGNAL_KAFKA_HEAP   memory                     (512m)
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/buysignal
jars=${BUYSIGNAL_KAFKA_JARS:-$cache/kafka-4.1.0}
data=${BUYSIGNAL_KAFKA_DATA:-$cache/kafka-data}
port=${BUYSIGNAL_KAFKA_PORT:-9092}
heap=${BUYSIGNAL_KAFKA_HEAP:-512m}
here=$(cd "$(dirname "$0")" && pwd)

server=kafka
# shellcheck source=scripts/_java-server.sh
source "$here/_java-server.sh"

fetch() {
  needs java
  [[ -f $jars/complete ]] && return
  needs mvn
  mkdir -p "$jars"
  echo "kafka.sh: fetching Apache Kafka into $jars" >&2
  mvn -q -B -f "$here/kafka-pom.xml" dependency:copy-dependencies \
    -DoutputDirectory="$jars" -DincludeScope=runtime >&2
  touch "$jars/complete"
}

settings() {
  cat >"$data/log4j2.properties" <<LOG
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %m (%c)%n
LOG
  cat >"$data/server.properties" <<CONFIG
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$data/log
log.cleaner.dedupe.buffer.size=16777216
auto.create.topics.enable=false
num.partitions=4
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
CONFIG
}

start() {
  if running; then
    cat "$data/bootstrap"
    return
  fi
  fetch
  mkdir -p "$data"
  # The same data are served on the same ports again, so that clients find the broker after a crash.
  if [[ ! -f $data/server.properties ]]; then
    [[ $port == 0 ]] && port=$(free_port)
    settings "$port" "$(free_port)"
    java -Dlog4j2.configurationFile="$data/log4j2.properties" -cp "$jars/*" kafka.tools.StorageTool format \
      --ignore-formatted --cluster-id buysignal-0000000000000 --config "$data/server.properties" >"$data/format.log" 2>&1 ||
      { cat "$data/format.log" >&2; rm -f "$data/server.properties"; exit 1; }
    echo "127.0.0.1:$port" >"$data/bootstrap"
  fi
  local address
  address=$(cat "$data/bootstrap")
  nohup java -Xmx"$heap" -Dlog4j2.configurationFile="$data/log4j2.properties" \
    -cp "$jars/*" kafka.Kafka "$data/server.properties" >>"$data/kafka.log" 2>&1 </dev/null &
  echo $! >"$data/kafka.pid"
  answers "${address/://}"
  echo "$address"
}

case ${1:-} in
  start) start ;;
  stop) stop ;;
  jars) fetch ;;
  wipe) stop; rm -rf "$data" ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
