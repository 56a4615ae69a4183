"""Models and segments as a person would use them, without a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from buysignal import bundle as bundle_files
from buysignal import training
from buysignal.app import bundles
from buysignal.report import Report
from buysignal.segment_actions import suggest
from buysignal.segment_methods import why
from shop import Shop

from .conftest import opened, started, texts
from .test_pages import with_shop


@pytest.fixture
def rival(models: Path) -> Path:
    """A second bundle on this machine, whose champion was chosen by hand."""
    folder = models / "rival"
    shutil.copytree(models / "demo", folder)
    report = Report.load(folder / "report.json")
    table = report.table("prefix: purchase")
    for row in table.rows:
        row.champion = row.model == "decision_tree"
    table.champion, table.validation_choice = "decision_tree", "logistic_regression"
    report.save(folder / "report.json")
    return folder


def said_by(app: AppTest) -> str:
    """Return what the page says, without the marks that keep Markdown from reading it."""
    return texts(app).replace("\\", "")


def way(app: AppTest, name: str) -> AppTest:
    app.segmented_control(key="models_way").set_value(name).run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("models")
def test_a_model_is_judged_whole_by_clicks_and_by_cart(shop: Shop) -> None:
    app = opened(started(), "models")
    table = shop.report.table("prefix: purchase")
    board, clicks, carts = (frame.value for frame in app.dataframe[:3])
    assert len(board) == len(table.rows)
    assert len(clicks) == len(table.per_k)
    assert list(carts["Test rows"]) == ["With cart", "No cart yet"]
    assert " to " in str(clicks["ROC-AUC"].iloc[0])
    assert {"Model card (HTML)", "Model card (Markdown)", "Report (HTML)", "Bundle (zip)"} <= {
        str(button.label) for button in app.get("download_button")
    }


@pytest.mark.usefixtures("models")
def test_one_run_alone_cannot_be_compared_and_the_page_says_what_to_do() -> None:
    app = way(opened(started(), "models"), "Compare")
    assert "only one run" in texts(app)
    assert any("Train another" in str(button.label) for button in app.button)


@pytest.mark.usefixtures("rival")
def test_two_runs_are_compared_with_their_difference() -> None:
    app = way(opened(started(), "models"), "Compare")
    figures = app.dataframe[0].value
    assert list(figures.columns) == ["Metric", "A", "B", "B against A", "Better"]
    said = said_by(app)
    assert "log loss" in said
    assert "The champion of B was chosen by a person" in said


def test_a_report_of_another_goal_is_put_beside_it_without_a_difference(models: Path, shop: Shop) -> None:
    report = shop.report.model_copy(deep=True)
    report.table("prefix: purchase").goal = report.goal.model_copy(
        update={"name": "cart_later", "sentence": "something goes into the cart", "proxy": True}
    )
    report.save(models / "other.json")
    app = way(opened(started(), "models"), "Compare")
    app.file_uploader(key="run_upload").set_value(
        [("other.json", (models / "other.json").read_bytes(), "application/json")]
    )
    app.run()
    app.button(key="add_run").click().run()
    assert not app.exception
    app.run()
    assert list(app.dataframe[0].value.columns) == ["Metric", "A", "B"]
    warning = str(app.warning[0].value)
    assert "may not be compared" in warning
    assert "different questions" in warning
    assert "proxy: cart_later — not conversion" in said_by(app)


@pytest.mark.usefixtures("models")
def test_what_is_no_run_is_one_sentence() -> None:
    app = way(opened(started(), "models"), "Compare")
    app.file_uploader(key="run_upload").set_value([("notes.json", b"{}", "application/json")])
    app.run()
    app.button(key="add_run").click().run()
    assert not app.exception
    assert "is no report" in str(app.error[0].value)


def test_another_run_is_used_and_kept_as_this_machines_champion(models: Path, rival: Path) -> None:
    app = way(opened(started(), "models"), "Champion")
    picker = app.selectbox(key="champion_run")
    picker.set_value(next(o for o in picker.options if o.startswith("rival"))).run()
    app.button(key="use_run").click().run()
    assert app.session_state["model"].label == "rival"
    app.text_input(key="champion_name").set_value("Autumn sale")
    next(b for b in app.button if b.label == "Save as champion").click().run()
    assert not app.exception
    assert bundles.champion() == "Autumn sale"
    assert bundle_files.load(models / "Autumn sale").version == bundle_files.load(rival).version
    assert bundles.found()[0].name == "Autumn sale"
    assert started().session_state["model"].label == "Autumn sale"


@pytest.mark.usefixtures("rival")
@pytest.mark.parametrize(
    ("name", "said"), [("rival", "called 'rival' already"), ("../evil", "cannot be a model's name")]
)
def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(name: str, said: str) -> None:
    app = way(opened(started(), "models"), "Champion")
    app.text_input(key="champion_name").set_value(name)
    next(b for b in app.button if b.label == "Save as champion").click().run()
    assert not app.exception
    assert said in str(app.error[0].value)
    assert bundles.champion() is None


@pytest.mark.usefixtures("models")
def test_another_candidate_is_trained_again_as_the_run_was_set(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[training.Options] = []

    def caught(*_: object, options: training.Options, **__: object) -> training.Trained:
        asked.append(options)
        return training.Trained(shop.folder, shop.report)

    app = way(opened(started(), "models"), "Champion")
    assert app.button(key="train_again").disabled
    assert "Open the data of this run first" in texts(app)
    monkeypatch.setattr(training, "train_loaded", caught)
    app = way(opened(with_shop(app, shop), "models"), "Champion")
    assert not app.button(key="train_again").disabled
    app.selectbox(key="champion_wanted").set_value("decision_tree").run()
    app.button(key="train_again").click().run()
    assert not app.exception
    app.session_state["job"].wait(60) if app.session_state["job"] else None
    (options,) = asked
    settings = shop.report.settings
    assert options.champion == "decision_tree"
    assert (options.fast, options.seed, options.imbalance) == (
        settings["fast"], settings["seed"], settings["imbalance"],
    )  # fmt: skip


@pytest.mark.usefixtures("models")
def test_segments_show_evidence_an_action_each_and_why_this_way_won(shop: Shop) -> None:
    app = opened(started(), "segments")
    profiles, said = shop.bundle.segment_profiles, said_by(app)
    for action in suggest(profiles).values():
        assert action.sentence in said
        assert action.name in list(app.dataframe[0].value["Suggested action"])
    assert "A suggestion to test, not a promise" in said
    assert why(shop.report.table("segments")) in said
    assert len(app.dataframe[1].value) == 3


@pytest.mark.usefixtures("models")
def test_a_renamed_segment_is_called_so_on_every_page_and_in_the_bundle(shop: Shop, tmp_path: Path) -> None:
    app = opened(with_shop(started(), shop), "segments")
    found = shop.bundle.segment_profiles[0].name
    field = next(t for t in app.text_input if t.value == found)
    field.set_value("Window shoppers")
    next(b for b in app.button if b.label == "Use these names").click().run()
    assert not app.exception
    assert not app.error
    assert f"Found as: {found}" in texts(app)
    table = app.dataframe[0].value
    assert (table["Segment"].iloc[0], table["Found as"].iloc[0]) == ("Window shoppers", found)
    model = app.session_state["model"]
    assert model.report.table("segments").segments[0].name == "Window shoppers"
    visits = opened(app, "visits").dataframe[0].value
    assert "Window shoppers" in set(visits["segment"])
    assert found not in set(visits["segment"])
    opened(app, "segments").multiselect(key="export_segments").set_value(["Window shoppers"]).run()
    members = int((app.session_state["scores"][1].table["segment"] == "Window shoppers").sum())
    assert any(f"Download {members:,} members" in str(b.label) for b in app.get("download_button"))
    stored = bundle_files.load(bundles.stored(model, tmp_path / "stored"))
    assert stored.segment_profiles[0].original == found
    assert stored.version == model.bundle.version
    app.button(key="found_names").click().run()
    assert app.dataframe[0].value["Segment"].iloc[0] == found


@pytest.mark.usefixtures("models")
def test_two_segments_of_one_name_are_refused() -> None:
    app = opened(started(), "segments")
    for field in app.text_input:
        field.set_value("The same")
    next(b for b in app.button if b.label == "Use these names").click().run()
    assert not app.exception
    assert "two segments would be called" in str(app.error[0].value).lower()
