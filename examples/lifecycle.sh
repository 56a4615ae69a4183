#!/bin/sh
# Plays six weeks of the simulated demo shop with everything that goes on around a model, and asserts each step:
# train, serve, stream, drift, alarm, retrain, promote, swap without a lost request, roll back; and bad input.
#
#   examples/lifecycle.sh [--seed N] [--visitors N] [--keep FOLDER]
#
# Uses the Python of $BIN, else one that has buysignal, else that of .venv (see the Makefile).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

python=${BIN:+$BIN/}python
if ! "$python" -c 'import buysignal' 2>/dev/null; then
    PYTHONPATH=$root/src${PYTHONPATH:+:$PYTHONPATH}
    export PYTHONPATH
    [ -n "${BIN:-}" ] || python=$root/.venv/bin/python
fi
if ! "$python" -c 'import buysignal, fastapi, uvicorn, orjson' 2>/dev/null; then
    echo "There is no Python with buysignal and its extra 'api'. What to do: pip install '.[api]'," \
        "or 'make test' once, which makes .venv." >&2
    exit 2
fi
exec "$python" "$root/examples/lifecycle.py" "$@"
