"""The pages as a person would use them, without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from buysignal import scoring
from buysignal.sources import load
from buysignal.sources.demo import write_demo
from buysignal.training import Options
from shop import Shop

from .conftest import metric, opened, started, texts

PAGES = ("data", "train", "models", "visits", "live", "segments")


def upload(app: AppTest, name: str, content: bytes) -> AppTest:
    """Bring a file on the Data page."""
    opened(app, "data")
    app.segmented_control(key="way").set_value("Your files").run()
    app.file_uploader(key="files").set_value([(name, content, "application/octet-stream")])
    next(b for b in app.button if b.label == "Read the files").click().run()
    assert not app.exception
    return app


def with_shop(app: AppTest, shop: Shop) -> AppTest:
    return upload(app, "events.parquet", shop.events.read_bytes())


@pytest.mark.usefixtures("no_models")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_data_and_model_says_what_to_do_next(page: str) -> None:
    app = opened(started(), page)
    assert not app.error
    assert app.title[0].value
    assert any("demo shop" in str(button.label) or "Train" in str(button.label) for button in app.button)


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_the_demo_bundle_answers_at_once(page: str) -> None:
    app = opened(started(), page)
    assert not app.error
    assert "demo" in texts(app)


@pytest.mark.usefixtures("models")
def test_the_missions_words_stand_on_the_pages(shop: Shop) -> None:
    app = with_shop(started(), shop)
    said = "".join(texts(opened(app, page)) for page in PAGES)
    for words in (
        "Upload CSV or manual input",
        "Real-time conversion prediction",
        "Revenue estimation",
        "Customer segmentation visualization",
        "Interactive charts and insights",
    ):
        assert words in said


@pytest.mark.usefixtures("no_models")
def test_the_demo_shop_opens_checked_and_labelled() -> None:
    app = started()
    app.selectbox(key="demo_visitors").set_value(5_000).run()
    app.button(key="open_demo").click().run()
    assert not app.exception
    assert not app.error
    assert int(metric(app, "Purchases").replace(",", "")) > 0
    assert "Simulated data" in texts(app)
    kept, rejected = (
        app.session_state["source"].check.rows_kept,
        app.session_state["source"].check.rows_rejected,
    )
    assert f"**{kept:,}** kept" in texts(app)
    assert f"**{rejected:,}** rejected" in texts(app)
    said = texts(app).replace("\\", "")
    for need in app.session_state["source"].check.needs:
        assert need.sentence[1:] in said


@pytest.mark.usefixtures("models")
def test_a_wrong_file_is_one_sentence_and_leaves_what_was_loaded(shop: Shop) -> None:
    app = with_shop(started(), shop)
    before = app.session_state["source"]
    upload(app, "empty.csv", b"")
    (error,) = app.error
    assert str(error.value).startswith("empty.csv is empty.")
    assert app.session_state["source"] is before


@pytest.mark.usefixtures("models")
def test_two_sessions_do_not_see_each_other(shop: Shop) -> None:
    first = with_shop(started(), shop)
    second = started()
    assert "source" in first.session_state
    assert "source" not in second.session_state
    assert "events.parquet" not in texts(second)


@pytest.mark.usefixtures("models")
def test_visits_are_the_librarys_scores_highest_first(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "visits")
    shown = app.dataframe[0].value
    expected = scoring.score_loaded(shop.bundle, load(shop.events)).table
    kept = expected[~expected["already_bought"] & ~expected["suspected_bot"]]
    assert metric(app, "Visits") == f"{len(kept):,}"
    highest = sorted(kept["probability"], reverse=True)[:1_000]
    assert list(shown["probability"]) == pytest.approx(highest)
    assert "Finished ones bring less" in texts(app)
    assert metric(app, "Expected revenue, were they all to go on").startswith(
        f"{kept['expected_revenue'].sum():,.0f}"
    )


@pytest.mark.usefixtures("models")
def test_filters_narrow_the_visits(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "visits")
    everything = len(app.dataframe[0].value)
    app.slider(key="probability_range").set_value((5, 100)).run()
    likely = app.dataframe[0].value
    assert 0 < len(likely) < everything
    assert likely["probability"].min() >= 0.05
    segment = likely["segment"].iloc[0]
    app.multiselect(key="segments").set_value([segment]).run()
    assert set(app.dataframe[0].value["segment"]) == {segment}
    app.multiselect(key="segments").set_value([]).run()
    app.slider(key="probability_range").set_value((100, 100)).run()
    assert not app.exception
    assert "No visit fits" in texts(app)


@pytest.mark.usefixtures("models")
def test_the_visit_on_top_is_told_click_by_click(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "visits")
    top = app.dataframe[0].value.iloc[0]
    assert f"Visit {top['session_id']}" in texts(app)
    assert len(app.dataframe[1].value) == top["clicks"]


@pytest.mark.usefixtures("models")
def test_every_click_moves_the_live_visit_and_undo_takes_it_back() -> None:
    app = opened(started(), "live")
    app.segmented_control(key="live_way").set_value("Type clicks").run()
    before = metric(app, "Probability of conversion")
    app.pills(key="live_event").set_value("add_to_cart").run()
    app.button(key="add_click").click().run()
    app.pills(key="live_event").set_value("begin_checkout").run()
    app.button(key="add_click").click().run()
    assert not app.exception
    after = metric(app, "Probability of conversion")
    assert after != before
    assert "5 clicks" in texts(app)
    app.button(key="undo_click").click().run()
    app.button(key="undo_click").click().run()
    assert metric(app, "Probability of conversion") == before


@pytest.mark.usefixtures("models")
def test_values_that_are_set_move_the_answer_too() -> None:
    app = opened(started(), "live")
    app.segmented_control(key="live_way").set_value("Set values").run()
    before = metric(app, "Probability of conversion")
    app.slider(key="set_add_to_cart").set_value(3).run()
    app.toggle(key="set_checkout").set_value(True).run()
    assert not app.exception
    assert metric(app, "Probability of conversion") != before


@pytest.mark.usefixtures("models")
def test_segments_are_the_bundles_with_their_members(shop: Shop) -> None:
    app = opened(with_shop(started(), shop), "segments")
    table = app.dataframe[0].value
    assert list(table["Segment"]) == [profile.name for profile in shop.bundle.segment_profiles]
    assert table["Share"].sum() == pytest.approx(1, abs=1e-4)
    visits = len(scoring.score_loaded(shop.bundle, load(shop.events)).table)
    assert any(f"Download {visits:,} members" in str(b.label) for b in app.get("download_button"))


@pytest.mark.usefixtures("no_models")
def test_training_runs_beside_the_pages_and_its_model_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from buysignal import training

    def quick(*arguments: object, options: Options, **others: object) -> training.Trained:
        return real(*arguments, options=Options(goal=options.goal, fast=True, imbalance="none"), **others)  # type: ignore[arg-type]

    real = training.train_loaded
    monkeypatch.setattr(training, "train_loaded", quick)
    # So few visitors that few candidates are fitted: the way to a model and back is the same.
    events = write_demo(tmp_path / "demo", 600, 28, seed=1).events.read_bytes()
    app = opened(upload(started(), "events.parquet", events), "train")
    app.button(key="train").click().run()
    assert not app.exception
    assert "You may go on using the other pages" in texts(app)
    assert not opened(app, "visits").error
    job = app.session_state["job"]
    job.wait(170)
    assert job.status == "done", job.error
    opened(app, "train")
    assert not app.error
    assert "The model is trained and in use" in str(app.success[0].value)
    assert "Leaderboard" in texts(opened(app, "models"))
    assert app.session_state["model"].label == "trained on events.parquet"


@pytest.mark.usefixtures("models")
def test_a_broken_bundle_is_named_and_the_app_goes_on(models: Path) -> None:
    file = next((models / "demo").glob("*.onnx"))
    file.write_bytes(file.read_bytes() + b"x")
    app = started()
    assert "was not opened" in str(app.warning[0].value)
    assert app.title[0].value


def test_a_proxy_is_named_on_every_page_and_never_called_conversion(
    models: Path, proxied: Path, shop: Shop
) -> None:
    shutil.rmtree(models / "demo")
    shutil.copytree(proxied / "bundle", models / "demo")
    app = with_shop(started(), shop)
    for page in ("train", "models", "visits", "live", "segments"):
        said = texts(opened(app, page))
        assert "proxy: add_to_cart_later — not conversion" in said, page
        without = said.replace("not conversion", "").replace("nothing here is conversion", "")
        assert "onversion" not in without, page
