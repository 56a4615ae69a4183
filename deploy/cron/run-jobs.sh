#!/bin/sh
# What a scheduler runs on one machine. Quiet where all is well, so that cron writes a mail for an alarm alone.
#
#   run-jobs.sh monitor    look at the latest days; retrain at once where the shop has changed
#   run-jobs.sh retrain    train a challenger, promote it where it is better
#
# Exit code: 0 all is well, 3 an alarm, else something is wrong.
#
#   BUYSIGNAL           the command               (buysignal)
#   BUYSIGNAL_EVENTS    folder of the export      (/var/lib/buysignal/events)
#   BUYSIGNAL_REGISTRY  the models                (/var/lib/buysignal/registry)
#   BUYSIGNAL_PAGES     monitor's pages           (/var/lib/buysignal/monitor)
#   BUYSIGNAL_PROM      node exporter's collector (/var/lib/node_exporter/textfile/buysignal.prom)
#   BUYSIGNAL_DAYS      length of the window      (7)
set -eu

buysignal=${BUYSIGNAL:-buysignal}
events=${BUYSIGNAL_EVENTS:-/var/lib/buysignal/events}
registry=${BUYSIGNAL_REGISTRY:-/var/lib/buysignal/registry}
pages=${BUYSIGNAL_PAGES:-/var/lib/buysignal/monitor}
prom=${BUYSIGNAL_PROM:-/var/lib/node_exporter/textfile/buysignal.prom}
days=${BUYSIGNAL_DAYS:-7}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

retrain() {
  "$buysignal" retrain "$events" --registry "$registry" --json >"$log" 2>&1 && return
  code=$?
  cat "$log"
  return "$code"
}

monitor() {
  mkdir -p "$pages"
  code=0
  "$buysignal" monitor "$registry/champion" "$events" --since "$(date -u -d "$days days ago" +%F)" \
    --out "$pages/$(date -u +%F).html" --prometheus "$prom" >"$log" 2>&1 || code=$?
  [ "$code" -eq 0 ] && return
  cat "$log"
  [ "$code" -eq 3 ] && { retrain || echo "The retraining after this alarm failed."; }
  return "$code"
}

case ${1:-} in
  monitor | retrain) "$1" ;;
  *) sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
