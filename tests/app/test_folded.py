"""Pages ask one fold of the events, which is let go of with the data."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from buysignal.app import state
from buysignal.folded import Folded
from shop import Shop

from .conftest import opened, started
from .test_pages import with_shop


def _kept(app: AppTest) -> Folded:
    folded = app.session_state["held_folded"][1]
    assert isinstance(folded, Folded)
    return folded


@pytest.mark.usefixtures("models")
def test_pages_share_one_fold_until_other_data_comes(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "visits")
    first = _kept(app)
    for page in ("carts", "revenue", "target"):
        assert _kept(opened(app, page)) is first, page
    assert first.table is app.session_state["source"].loaded.table
    again = opened(with_shop(app, shop), "visits")
    assert _kept(again) is not first


@pytest.mark.usefixtures("models")
def test_more_events_than_are_kept_are_answered_alike(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = opened(with_shop(started(), shop), "visits").session_state["scores"][1].table
    monkeypatch.setattr(state, "MOST_KEPT", 10)
    app = opened(with_shop(started(), shop), "visits")
    assert "held_folded" not in app.session_state
    assert app.session_state["scores"][1].table.equals(kept)
