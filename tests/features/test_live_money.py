"""What a live answer says of carts and payments, beside what the whole file says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from buysignal import events as ev
from buysignal import sources
from buysignal.serve.live_scores import LiveScorer
from buysignal.serve.state import Bounds, MemoryState
from buysignal.visit_facts import visit_facts
from shop import Shop


def test_carts_and_payments_are_those_of_the_file(shop: Shop) -> None:
    bundle = shop.bundle
    table, _ = ev.consenting(sources.load(shop.events).table.slice(0, 4_000))
    order = np.lexsort((table.column("event_seq").to_numpy(), table.column("event_time").to_numpy()))
    scorer, state = LiveScorer(bundle), MemoryState(Bounds(visitors=100_000))
    found = {}
    for row in table.take(order).to_pylist():
        answer = scorer.scores(scorer.click(state, row))
        found[answer["session_id"]] = answer
    facts = visit_facts(table, bundle.session_gap).set_index("session_id")
    bought = np.where(ev.codes_of_names(table) == ev.EVENT_CODES["purchase"], ev.line_values(table), 0.0)
    paid = pd.Series(bought).groupby(table.column("session_id").to_pylist()).sum()
    assert found.keys() == set(facts.index)
    assert facts["cart_items"].sum() > 0
    assert paid.sum() > 0
    for session, answer in found.items():
        assert answer["cart_items"] == facts.loc[session, "cart_items"]
        assert answer["cart_value"] == pytest.approx(facts.loc[session, "cart_value"], abs=0.011)
        assert answer["spent"] == pytest.approx(paid[session], abs=0.011)
