"""One click in process: event in; probability, percentile, expected revenue with interval and segment out.

The clicks of a demo shop are played to a bundle trained quickly on another one (its champion one XGBoost), as
they happened, visits of many visitors beside each other. *All* is what a live door does with a click: the
event is noted in its visit, the visit is folded, and every number of the answer is made. The parts stand
beneath it. What HTTP adds is measured by ``rest.py``. Every click is timed alone, and none is left out.
Before, the last answer of some visits is held against ``scoring.score``.

Run: ``python benchmarks/click.py [--clicks 50000] [--bundle FOLDER]``.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent

if __name__ == "__main__":
    from _click import main

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--clicks", type=int, default=50_000)
    parser.add_argument("--bundle", type=Path, help="an own one, in place of the demo shop's")
    asked = parser.parse_args()
    main(asked.clicks, asked.bundle)
else:
    # Scripts of this folder would find this file where their libraries look for the package of this name.
    before = list(sys.path)
    sys.path[:] = [place for place in before if Path(place or ".").resolve() != HERE.resolve()]
    del sys.modules[__name__]
    sys.modules[__name__] = importlib.import_module(__name__)
    sys.path[:] = before
