"""The life of a model, played and asserted: six weeks of the simulated demo shop, from training to rollback.

Train and serve; stream a quiet week through the door and look at it (no alarm); stream a week in which the
shop has changed and look again (alarm); retrain, promote, exchange the served model while visitors go on
asking, roll back; and what goes wrong on the way. ``examples/lifecycle.sh`` runs it; the exit code is 0 only
where every step was as it should be.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from buysignal.registry import Registry
from lifecycle_door import Door
from lifecycle_misfortunes import misfortunes
from lifecycle_shop import LEARNED, WEEKS, Month, as_json, month_of
from lifecycle_steps import NotAsItShouldBeError, asked, begun, ended, parsed, require, say, told

UNREACHABLE = "http://127.0.0.1:9"
"""The discard port: no tracking server listens there."""
FIRST_SEALED, SEALED = "7d", "3d"


@dataclass(frozen=True)
class Shop:
    """Where everything of this run lies."""

    folder: Path
    month: Month
    registry: Path

    @property
    def champion(self) -> Path:
        return self.registry / "champion"

    @property
    def options(self) -> tuple[object, ...]:
        """Of every retraining."""
        return ("--registry", self.registry, "--fast")

    @property
    def all_weeks(self) -> tuple[Path, ...]:
        return (self.month.learned, self.month.quiet, self.month.changed)


def main() -> int:
    """Play; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--visitors", type=int, default=9_000, help="of all weeks together")
    parser.add_argument("--seed", type=int, default=1, help="another one is another shop")
    parser.add_argument("--keep", type=Path, help="work in this folder and keep it")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="buysignal-lifecycle-"))
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    # What a command leaves beside itself belongs into the folder, too.
    os.chdir(folder)
    begin = time.monotonic()
    os.environ["BUYSIGNAL_PENDING"] = str(folder / "tracking-pending")
    try:
        play(folder, given.visitors, given.seed)
    except NotAsItShouldBeError as error:
        print(f"NOT AS IT SHOULD BE: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    finally:
        if given.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    spent = sum(os.times()[:4])
    say(
        "done",
        f"every step was as it should be, in {time.monotonic() - begin:.0f} s processor {spent:.0f} s",
    )
    return 0


def play(folder: Path, visitors: int, seed: int) -> None:
    """Play all of it in a folder.

    Raises:
        NotAsItShouldBeError: a step did not do what it must.
    """
    shop = opened(folder, visitors, seed)
    first = trained(shop)
    with Door(shop.champion, folder / "serve.log") as door:
        door.until_ready(first)
        say("serve", f"{door.url} answers by {first}; from here on two visitors ask all the time")
        door.besiege()
        streamed(door, shop.month.quiet, "the quiet week")
        quiet(shop)
        streamed(door, shop.month.changed, "the week of the change")
        alarming(shop)
        second = retrained(shop, first)
        swapped(door, first, second)
        rolled_back(shop, door, first)
        synced(shop)
        misfortunes(door, shop.registry, shop.month, first, second)
        counted(door, [first, second, first])


def opened(folder: Path, visitors: int, seed: int) -> Shop:
    """Simulate the shop and plant the change."""
    days, out = 7 * WEEKS, folder / "demo"
    made = asked("demo", "--visitors", visitors, "--days", days, "--seed", seed, "--out", out)
    say(
        "simulated",
        f"{made['events']:,} events of {visitors:,} visitors in {WEEKS} weeks. In the last one prices are up "
        "by a fifth, a quarter of the visitors come by e-mail, and three of four no longer pay",
    )
    return Shop(folder, month_of(folder / "demo" / "events.parquet", folder), folder / "registry")


def trained(shop: Shop) -> str:
    """Train the first champion; returns its version."""
    away = ("--track", UNREACHABLE) if find_spec("mlflow") else ()
    done = asked("retrain", shop.month.learned, *shop.options, "--sealed", FIRST_SEALED, *away)
    require(done["promoted"], "the first model serves", done["sentence"])
    say("trained", f"{done['version']} on {LEARNED} weeks; {done['sentence']}")
    if away:
        require("Not tracked" in (said := str(done["tracked"])), "the training waits to be tracked", said)
        say("bad input", f"No tracking server answers. {said}")
    return str(done["version"])


def synced(shop: Shop) -> None:
    """Log to MLflow what has waited, now that there is a place for it."""
    if not find_spec("mlflow"):
        say("tracked", "nothing: MLflow is not installed (pip install '.[track]')")
        return
    database = f"sqlite:///{shop.folder / 'mlflow.db'}"
    said = told("track", "sync", "--track", database)
    require(
        "Not tracked" not in said and "Nothing waits" not in said, "a training that is logged later", said
    )
    say("tracked", " ".join(said.split()))
    again = told("track", "sync", "--track", database)
    require("Nothing waits" in again, "each training logged once", again)


def streamed(door: Door, week: Path, name: str) -> None:
    """Stream a week through the door while visitors go on asking."""
    before, begin = door.asked, time.monotonic()
    done = door.stream(as_json(week))
    came = done["kept"] + done["repeated"] + done["refused_consent"]
    require(done["sent"] == came > 0, f"{done['sent']:,} events taken in or refused", f"{came:,}")
    say(
        "streamed",
        f"{name}: {done['sent']:,} events in {time.monotonic() - begin:.1f} s ({done['kept']:,} kept, "
        f"{done['refused_consent']:,} without consent, {done['repeated']:,} repeated), "
        f"{door.asked - before:,} requests meanwhile",
    )


def quiet(shop: Shop) -> None:
    """Look at the week in which nothing was changed."""
    month = shop.month
    seen = asked("monitor", shop.champion, month.learned, month.quiet, "--since", month.quiet_since)
    say("monitor", f"exit code 0. {seen['sentence']}")


def alarming(shop: Shop) -> None:
    """Look at the week in which the shop changed."""
    page = shop.folder / "monitor.html"
    since = ("--since", shop.month.changed_since, "--out", page)
    seen = asked("monitor", shop.champion, *shop.all_weeks, *since, code=3)
    named = [one for one in seen["shifts"] if drifted(one)]
    names = ", ".join(f"{one['name']} (PSI {one['psi']:.2f}, limit {one['psi_limit']:.2f})" for one in named)
    require("channel (" in names, "an alarm that names the channel", names)
    require("price" in names, "an alarm that names prices", names)
    require("price" in page.read_text(encoding="utf-8"), "a page of what was found")
    alarms = [one for one in seen["findings"] if one["verdict"] == "alarm"]
    say("monitor", f"exit code 3, alarms: {', '.join(one['check'] for one in alarms)}. Shifted: {names}")
    for one in seen["findings"]:
        if one["check"] in ("ranking", "calibration", "outcome"):
            say("", f"{one['check']}: {one['sentence']}")


def drifted(shift: dict[str, Any]) -> bool:
    """Whether a column has passed one of its limits."""
    far = shift["ks"] is not None and shift["ks"] > shift["ks_limit"]
    return far or shift["psi"] > shift["psi_limit"]


def retrained(shop: Shop, first: str) -> str:
    """Retrain twice at once: one is told to wait, the other one's challenger is promoted."""
    command = ("retrain", *shop.all_weeks, *shop.options, "--sealed", SEALED, "--json")
    both = [begun(*command), begun(*command)]
    while all(process.poll() is None for process in both):
        time.sleep(0.1)
    other, late = sorted(both, key=lambda process: process.poll() is not None)
    said = ended(late, code=2)
    require("another retraining is under way" in said, "the second retraining is told of the first", said)
    say("retrain", f"two at once, the second is refused: {said.strip()}")
    done = parsed(ended(other))
    judged = done["judged"]
    require(done["promoted"], "the challenger is promoted", done["sentence"])
    champion = Registry(shop.registry).state.champion
    require(champion == done["version"] != first, "the challenger is the champion", champion)
    say(
        "retrain",
        f"log loss {judged['challenger']['log_loss']:.4f} against {judged['champion']['log_loss']:.4f} on "
        f"{judged['rows']:,} moments that neither knows: gain {judged['gain']:+.4f}, 95 % from "
        f"{judged['low']:+.4f} to {judged['high']:+.4f}",
    )
    say("promoted", f"{done['version']} instead of {first}")
    return str(done["version"])


def swapped(door: Door, first: str, second: str) -> None:
    """Wait until the server has exchanged the model by itself; only the version tells."""
    door.answers_by(second)
    require(not door.lost(), "no request lost", door.lost())
    orders = door.orders()
    require(all(one == [first, second] for one in orders), "the old version, then the new one", orders)
    say(
        "swapped",
        f"every visitor is answered by {second}; {door.asked:,} requests so far, {len(door.lost())} lost",
    )


def rolled_back(shop: Shop, door: Door, first: str) -> None:
    """Return to the champion before."""
    told("rollback", "--registry", shop.registry, "--why", "shown in the example")
    door.answers_by(first)
    require(Registry(shop.registry).state.champion == first, "the first model is the champion again")
    say(
        "rollback",
        f"every visitor is answered by {first} again; "
        f"{door.asked:,} requests so far, {len(door.lost())} lost",
    )


def counted(door: Door, order: list[str]) -> None:
    """Let the visitors finish, and count what they were answered."""
    door.relieve()
    require(not door.lost(), "no request lost", door.lost())
    require(all(one == order for one in door.orders()), f"versions in the order {order}", door.orders())
    say(
        "counted",
        f"{door.asked:,} requests of two visitors, {len(door.lost())} lost; versions in their order: "
        f"{', '.join(order)}",
    )
    say("stopped", f"the server ended by itself on SIGTERM after {door.close():.1f} s")


if __name__ == "__main__":
    sys.exit(main())
