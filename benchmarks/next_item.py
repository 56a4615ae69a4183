"""What is looked at next: every recommender on the same questions, and the champion against its peers.

Every view of a test visit after its first is a question: which item is it, given the views before it? All
items of the catalog are ranked (those looked at five times or more in training). Settings, the weights of
blends and the champion are chosen on validation visits, as long a time as the test, right before it; then
everything learns from all visits before the test and is asked once. Intervals are of 500 bootstrap draws of
whole visits; the time that a blend learned in is that of its members. ``docs/evaluation.md`` has the
protocol in full.

UCI e-shop: the last 14 days are the test; the file has no clock, so nothing can be learned from gaps.
Demo shop (simulated): the last week of four; its rules are known, and *ceiling* ranks by the exact chances
given the whole log up to the last look, which is more than a recommender sees. wsknn answers slowly and is
asked, on the demo shop, a part of the questions, the same as the champion beside it. The REES46 sample, three
hours of one night, is tried with its last 40 minutes as the test, and left out where that leaves fewer than
500 questions to choose by or to ask.

The next category and the next price band (fifths of the looks' prices) are the chances of items, summed,
beside a Markov chain of categories or bands. *What helps* leaves out what is known of items and time.
Run: ``python benchmarks/next_item.py [--quick] [--visitors N] [--shops NAME ...]``; ``--quick`` leaves out
the networks, which otherwise take part where the extra ``deep`` is installed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

import _next_item_helps as helps
import _next_item_kinds as kinds
import _next_item_lineup as lineup
import _next_item_page as page
from _next_item_figures import Answers, Figure, ahead, ask, figures
from _next_item_lineup import Tested
from _next_item_peers import Truth
from _next_item_shops import Shop, Slices, demo, eshop, rees46, rows_of_views, split
from _results import Row, skip, write_results

VISITORS = 30_000
# TensorFlow tells how it was built; that is not what is measured here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
SHOPS = ("eshop", "demo", "rees46")
PEERS = {
    "popularity": "popularity", "wsknn": "wsknn", "VMIS-kNN": "vmis-knn", "Markov": "markov",
    "ceiling": "ceiling",
}  # fmt: skip
ENOUGH = 500
"""Questions of the validation and of the test below which a shop is left out."""
AGAINST = ("recall_at_20", "mrr_at_20")


def main() -> None:
    parser = argparse.ArgumentParser(description="What is looked at next: every recommender.")
    parser.add_argument("--quick", action="store_true", help="without networks")
    parser.add_argument("--visitors", type=int, default=VISITORS, help="of the demo shop")
    parser.add_argument("--shops", nargs="+", choices=SHOPS, default=SHOPS)
    parser.add_argument("--look", action="store_true", help="print only; write no results")
    asked = parser.parse_args()
    began = time.perf_counter()
    rows: list[Row] = []
    for shop in shops(asked.shops, asked.visitors):
        # A sample of three hours has too little for networks to learn from.
        networks = not asked.quick and shop.days >= 1
        own = compare(shop, networks=networks)
        rows += own
        show(own)
        if rows and not asked.look:
            # After each shop, so that a run that is interrupted keeps what it has measured.
            write_results("next_item", rows)
    print(f"{time.perf_counter() - began:.0f} s in all", flush=True)
    if not rows:
        skip("no shop has enough to ask")


def shops(names: Sequence[str], visitors: int) -> Iterator[Shop]:
    folder = os.environ.get("BUYSIGNAL_DATA")
    if not folder:
        print("BUYSIGNAL_DATA is not set: the real data sets are left out", flush=True)
    if folder and "eshop" in names:
        yield eshop(Path(folder))
    if "demo" in names:
        yield demo(visitors)
    if folder and "rees46" in names:
        yield rees46(Path(folder))


def compare(shop: Shop, *, networks: bool) -> list[Row]:
    """Choose on the validation, ask once in the test, and return every figure."""
    slices = split(shop.events, shop.end - shop.days)
    inner = split(slices.learned, shop.end - 2 * shop.days)
    print(
        f"== {shop.name}: {slices.train.visits:,} visits learned from, of the last of them "
        f"{len(inner.test.questions()):,} questions to choose by, {len(slices.test.questions()):,} in the "
        f"test, {len(slices.test.catalog.names):,} items",
        flush=True,
    )
    if min(len(inner.test.questions()), len(slices.test.questions())) < ENOUGH:
        print(f"   left out: fewer than {ENOUGH} questions in one of them", flush=True)
        return []
    chosen = lineup.choose(lineup.lineup(shop.category, networks=networks), inner)
    chosen += lineup.blends(chosen, inner)
    tested = lineup.test(chosen, slices, all_of_peers=shop.rows is None)
    best = lineup.champion(tested)
    found = [*tested, *_ceiling(shop, slices)]
    return [
        *_all_rows(f"{shop.name}, next item", found, best, slices),
        *kinds.rows(shop, slices, best, next(one for one in tested if one.name == "Markov")),
        *helps.rows(shop, slices, networks=networks),
    ]


def _ceiling(shop: Shop, slices: Slices) -> list[Tested]:
    if shop.rows is None:
        return []
    truth = Truth(shop.rows, rows_of_views(shop, slices), slices.test.catalog.names)
    return [Tested("ceiling", truth, ask(truth, slices.test), 0.0, 0.0, "ceiling")]


def _all_rows(what: str, tested: Sequence[Tested], best: Tested, slices: Slices) -> Iterator[Row]:
    """Yield the figures of all, then the champion's beside its peers' on the questions both were asked."""
    for one in tested:
        case, n = f"{what}: {one.name}", len(one.answers.rank)
        found = figures(one.answers, slices.train)
        yield from (_row(metric, value, n, case) for metric, value in found.items())
        if one.peer != "ceiling":
            yield Row(benchmark="next_item", metric="seconds", value=round(one.seconds, 2), n=n, case=case)
    for one in tested:
        if one.name in PEERS and one is not best:
            yield from _beside(f"{what}: {best.name}", best.answers, one, slices)


def _beside(case: str, ours: Answers, peer: Tested, slices: Slices) -> Iterator[Row]:
    same = ours.only(peer.answers.questions)
    mine, theirs = figures(same, slices.train), figures(peer.answers, slices.train)
    difference = ahead(same, peer.answers)
    for metric in AGAINST:
        yield Row(
            benchmark="next_item", metric=metric, value=mine[metric].value, n=len(same.rank), case=case,
            peer=PEERS[peer.name], peer_value=theirs[metric].value,
            low=difference[metric].low, high=difference[metric].high,
        )  # fmt: skip


def _row(metric: str, found: Figure, n: int, case: str) -> Row:
    return Row(
        benchmark="next_item",
        metric=metric,
        value=found.value,
        n=n,
        case=case,
        low=found.low,
        high=found.high,
    )


def show(rows: Sequence[Row]) -> None:
    """Print every table of ``rows``."""
    console = Console(width=None if Console().is_terminal else 160)
    done = [row.as_json() for row in rows]
    for what in dict.fromkeys(page.question(row) for row in done):
        own = [row for row in done if page.question(row) == what]
        parts = [page.listed([row for row in own if row["peer"] is None])]
        parts += [page.beside([row for row in own if row["peer"]])] if any(row["peer"] for row in own) else []
        console.print(f"\n[bold]{what}")
        for head, lines in parts:
            shown = Table(box=None, pad_edge=False, header_style="bold")
            for place, name in enumerate(head):
                shown.add_column(name, justify="right" if place else "left")
            for line in lines:
                shown.add_row(*line)
            console.print(shown)


if __name__ == "__main__":
    main()
