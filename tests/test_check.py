"""What ``check`` says of a file: counts, range, money, and what can and cannot be predicted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from buysignal.check import CheckResult, check
from buysignal.errors import UnitError
from buysignal.goals import NO_CONVERSION

SAMPLES = Path(__file__).parent / "fixtures" / "profiles"


def answer(result: CheckResult, question: str) -> str:
    return {a.question: a.answer for a in result.can_predict}[question]


def test_events_with_purchases():
    result = check(SAMPLES / "ga4.jsonl")
    assert (result.profile, result.level) == ("ga4", "event")
    assert (result.rows_in, result.rows_kept, result.rows_rejected) == (4, 4, 0)
    assert (result.visitors, result.sessions, result.purchases) == (1, 1, 1)
    assert (result.revenue, result.currency) == (56.0, "USD")
    assert result.time_range == ("2021-01-31T05:05:10.766593Z", "2021-01-31T05:06:40Z")
    assert answer(result, "will the visitor buy?") == "yes"
    assert answer(result, "how much will the visitor spend?") == "yes"
    assert any("only 1 purchase:" in w for w in result.warnings)


def test_purchases_without_prices():
    result = check(SAMPLES / "retailrocket.csv")
    assert (result.purchases, result.revenue) == (1, None)
    assert answer(result, "how much will the visitor spend?") == "no"


def test_without_purchases_nothing_is_called_conversion():
    result = check(SAMPLES / "uci-eshop.csv")
    assert (result.purchases, result.revenue, result.visitors) == (0, None, None)
    assert (result.sessions, result.time_range) == (2, ("2008-04-01", "2008-04-02"))
    refused = next(a for a in result.can_predict if a.question == "will the visitor buy?")
    assert (refused.answer, refused.why) == ("no", NO_CONVERSION)
    assert [a.answer for a in result.can_predict].count("proxy") == 2


def test_session_table():
    result = check(SAMPLES / "gstore.csv")
    assert (result.level, result.sessions, result.purchases, result.revenue) == ("session", 3, 1, 43.98)
    assert result.known_too_late["page_views"] == "end"
    assert "channel_grouping" not in result.known_too_late
    assert result.missing_by_column["time_on_site_s"] == 1
    assert any("page_views" in w for w in result.warnings)


def test_equal_sessions_are_said_and_kept():
    result = check(SAMPLES / "uci-shoppers.csv")
    assert (result.rows_kept, result.duplicates, result.revenue) == (3, 1, None)
    assert any("may be different sessions" in w for w in result.warnings)


def test_rejects_duplicates_and_mended_are_counted(tmp_path):
    text = (SAMPLES / "rees46.csv").read_text()
    last = text.splitlines()[-1]
    path = tmp_path / "dirty.csv"
    path.write_text(text + last + "\n" + last.replace("543.10", "-1").replace("00:00:01", "00:00:09") + "\n")
    result = check(path)
    assert (result.rows_in, result.rows_kept, result.rows_rejected) == (6, 4, 2)
    assert result.rejects_by_reason == {"duplicate_event": 1, "negative_price": 1}
    assert result.duplicates == 1
    assert any("more than a tenth" in w for w in result.warnings)


def test_bots_are_suspected(tmp_path):
    path = tmp_path / "bot.csv"
    rows = [f"bot,2024-03-01T09:00:{i:02}.000Z,view_item,i{i}" for i in range(60)]
    rows += [f"bot,2024-03-01T09:00:{i:02}.500Z,view_item,j{i}" for i in range(60)]
    rows += ["v,2024-03-01T09:00:00Z,view_item,i1", "v,2024-03-01T09:05:00Z,view_item,i2"]
    path.write_text("visitor_id,event_time,event_name,item_id\n" + "\n".join(rows) + "\n")
    result = check(path)
    assert (result.sessions, result.suspected_bots) == (2, 1)


def test_session_gap_changes_the_sessions(tmp_path):
    path = tmp_path / "e.csv"
    rows = ["v,2024-03-01T09:00:00Z,search", "v,2024-03-01T09:20:00Z,search"]
    path.write_text("visitor_id,event_time,event_name\n" + "\n".join(rows) + "\n")
    assert check(path).sessions == 1
    assert check(path, session_gap="10m").sessions == 2
    with pytest.raises(UnitError):
        check(path, session_gap="10")


def test_result_is_plain_json():
    told = json.loads(check(SAMPLES / "rees46.csv").model_dump_json())
    for key in ("rows_in", "rows_kept", "rows_rejected", "rejects_by_reason", "profile", "can_predict"):
        assert key in told
    assert set(told["can_predict"][0]) == {"question", "answer", "why"}


def test_real_eshop_archive(real_data):
    result = check(real_data / "uci_eshop" / "clickstream_data_for_online_shopping.zip")
    assert (result.profile, result.rows_in, result.rows_kept) == ("uci-eshop", 165_474, 165_474)
    assert (result.sessions, result.purchases, result.duplicates) == (24_026, 0, 0)
    assert result.time_range == ("2008-04-01", "2008-08-13")


def test_real_shoppers(real_data):
    result = check(real_data / "uci_shoppers")
    assert (result.rows_kept, result.purchases, result.duplicates) == (12_330, 1_908, 125)


def test_real_store(real_data):
    result = check(real_data / "gstore")
    assert (result.rows_kept, result.purchases) == (29_993, 1_170)
    assert result.revenue == pytest.approx(193_928, abs=1)


def test_real_rees46(real_data):
    result = check(real_data / "rees46")
    assert (result.rows_in, result.rows_kept, result.purchases) == (17_435, 17_428, 214)
    assert result.rejects_by_reason == {
        "duplicate_event": 5,
        "session_of_two_visitors": 1,
        "wrong_cell_count": 1,
    }


def test_real_files_in_one_folder(real_data, tmp_path):
    for name in ("train_data.csv.gz", "test_data.csv.gz"):
        shutil.copy(real_data / "uci_eshop" / name, tmp_path)
    assert check(tmp_path).rows_kept == 165_474
