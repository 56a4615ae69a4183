"""Who of a campaign can be followed, and what counts as bought: told by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from buysignal.decisions import holdout, uplift
from buysignal.errors import InputError, SamplesError
from decisions.campaigns import IDS, START, drawn, orders, sides


def test_only_purchases_within_the_horizon_count_and_each_visitor_once() -> None:
    campaign = drawn(IDS)
    contact, held = sides(campaign)
    later = orders(
        [contact[0], contact[0], contact[1], contact[2], held[0]],
        [10, 20, -10, 8 * 1440, 30],
        [10.0, 5.0, 99.0, 99.0, 7.0],
    )
    found = uplift.measure(campaign, later)
    assert (found.contact.buyers, found.holdout.buyers) == (1, 1)
    assert (found.contact.revenue, found.holdout.revenue) == (15.0, 7.0)
    assert found.contact.rate == pytest.approx(1 / len(contact))
    assert found.absolute.value == pytest.approx(1 / len(contact) - 1 / len(held))
    longer = uplift.measure(campaign, later, horizon="9d")
    assert longer.contact.buyers == 2
    early = uplift.measure(campaign, later, contacted_at=START - np.timedelta64(1, "h"))
    assert early.contact.buyers == 2


def test_sides_that_changed_and_groups_that_are_missing() -> None:
    campaign, later = drawn(IDS), orders([IDS[5]], [10], [5.0])
    torn = campaign.table.copy()
    torn = pd.concat([torn, torn.head(1).assign(group="contact"), torn.head(1).assign(group="holdout")])
    found = uplift.measure(holdout.CampaignList(campaign.campaign, torn), later)
    assert found.contact.visitors + found.holdout.visitors == len(IDS) - 1
    assert any("stands in both groups" in warning for warning in found.warnings)
    for group, says in (("contact", "nobody in the group holdout"), ("gold", "the group gold")):
        changed = holdout.CampaignList(campaign.campaign, campaign.table.assign(group=group))
        with pytest.raises(InputError, match=says):
            uplift.measure(changed, later)


def test_ids_that_do_not_match_are_said() -> None:
    campaign = drawn([f"00{i}" for i in range(60)])
    with pytest.raises(SamplesError, match=r"none of the 60 visitors.*leading zeros"):
        uplift.measure(campaign, orders([str(i) for i in range(60)], [5.0] * 60, [5.0] * 60))
    some = uplift.measure(campaign, orders(["000", "001"], [5.0] * 2, [5.0] * 2))
    assert any("58 of 60 visitors do not appear" in warning for warning in some.warnings)


def test_data_that_ends_too_early_is_refused_or_leaves_out_the_late() -> None:
    campaign, later = drawn(IDS), orders([IDS[0]], [10], [5.0])
    with pytest.raises(
        SamplesError, match=r"ends on 2025-04-16 00:00 UTC, before 60 days after .*2025-05-16"
    ):
        uplift.measure(campaign, later, horizon="60d")
    table = campaign.table.copy()
    table.loc[table.index[-5:], "asked_at"] = START + np.timedelta64(25, "D")
    found = uplift.measure(holdout.CampaignList(campaign.campaign, table), later)
    assert found.contact.visitors + found.holdout.visitors == len(IDS) - 5
    assert any("5 visitors are left out" in warning for warning in found.warnings)


def test_a_table_of_visits_or_events_without_purchase_are_said() -> None:
    campaign = drawn(IDS)
    with pytest.raises(SamplesError, match="table of visits"):
        uplift.measure(campaign, pa.table({"row": [1]}))
    views = orders([IDS[0]], [10], [5.0])
    position = views.column_names.index("event_name")
    no_orders = pa.array(["page_view"] * len(views)).dictionary_encode()
    found = uplift.measure(campaign, views.set_column(position, "event_name", no_orders))
    assert any("no purchase at all" in warning for warning in found.warnings)
    assert found.needed is None
    assert found.relative is None
    assert "nothing says how many are needed" in found.sentence
