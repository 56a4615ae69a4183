# One look at the latest days, as a scheduled job; its exit code is monitor's: 0 quiet, 3 an alarm, 2 a mistake.
#
#   BUNDLE, EVENTS   what is compared          DAYS          length of the window
#   PAGES            where pages are kept      PUSHGATEWAY   address, or empty
set -eu
since=$(date -u -d "$DAYS days ago" +%F)
mkdir -p "$PAGES"
code=0
python -m buysignal monitor "$BUNDLE" "$EVENTS" --since "$since" \
  --out "$PAGES/$(date -u +%F).html" --prometheus "$PAGES/buysignal.prom" "$@" || code=$?
if [ -n "$PUSHGATEWAY" ] && [ "$code" -ne 2 ]; then
  python - "$PUSHGATEWAY" "$PAGES/buysignal.prom" <<'PUT' || echo "the Pushgateway did not take the figures" >&2
import sys
from pathlib import Path
from urllib.request import Request, urlopen

address, figures = sys.argv[1:]
urlopen(Request(f"{address}/metrics/job/buysignal-monitor", Path(figures).read_bytes(), method="PUT"), timeout=30)
PUT
fi
exit "$code"
