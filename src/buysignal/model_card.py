"""The model card: what a bundle predicts, for what, how well, and where its limits are.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from buysignal.compare import champion_row, main_tables
from buysignal.errors import SourceError
from buysignal.manifest import Manifest, read_manifest
from buysignal.models.segment_stability import word
from buysignal.report import Report, Table
from buysignal.report_html import words
from buysignal.report_html.cards import Card, Grid, Section
from buysignal.wording import readable, share_text


def model_card(manifest: Manifest, report: Report | None, name: str) -> Card:
    """Return the card of a bundle; without its report it says which figures are missing."""
    tables = main_tables(report) if report is not None else {}
    judged = [table for table in tables.values() if table.task in ("conversion", "revenue")]
    sections = [
        _details(manifest, name, judged),
        _use(manifest),
        _data(manifest, report),
        _evaluation(manifest, judged),
        *[_metrics(table) for table in judged],
        *([_suggestions(manifest, tables.get("next_item"))] if manifest.recommender else []),
        _groups(manifest, judged),
        _audit(judged),
        _limits(manifest, judged),
        _versions(manifest),
    ]
    return Card(name, _labels(manifest), tuple(sections))


def card_of(folder: str | Path) -> Card:
    """Return the card of the bundle in ``folder``, called after it.

    Raises:
        BundleError: it is no bundle, or was changed.
    """
    path = Path(folder)
    manifest = read_manifest(path)
    try:
        report = Report.load(path / "report.json")
    except SourceError:
        report = None
    return model_card(manifest, report, path.resolve().name)


def _labels(manifest: Manifest) -> tuple[str, ...]:
    goal = manifest.goal
    first = f"proxy: {goal.name} — not conversion" if goal.proxy else f"conversion: {goal.name}"
    return (
        first,
        *(["learned from simulated data: no figure is of a real shop"] * manifest.dataset.simulated),
    )


def _details(manifest: Manifest, name: str, judged: Sequence[Table]) -> Section:
    chosen = [
        f"{words.TASK_NAMES[table.task]}: {readable(table.champion or 'none')}{_chosen_by(table)}"
        for table in judged
    ]
    calibration = manifest.conversion.get("calibration", {}).get("method", "none")
    kinds = {"beta": "beta calibration", "platt": "Platt scaling", "none": "none"}
    return Section(
        "Model details",
        points=(
            f"Name: {name}; version {manifest.version}",
            f"Trained {manifest.created[:16].replace('T', ' ')} UTC",
            *chosen,
            f"Calibration of the probability, on the validation slice: {kinds.get(calibration, calibration)}",
            f"It reads {len(manifest.names)} columns: {_listed(manifest.names)}",
            *([f"Segments: {len(manifest.segments)}"] if manifest.segments else []),
        ),
    )


def _chosen_by(table: Table) -> str:
    if table.validation_choice:
        other = readable(table.validation_choice)
        return f" (chosen by you; the validation slice would have chosen {other})"
    return " (chosen on the validation slice)"


def _listed(names: Sequence[str], most: int = 12) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _use(manifest: Manifest) -> Section:
    goal = manifest.goal
    reads = "events, after each of them" if manifest.catalogue_version is not None else "rows, one a visit"
    amount = f" And the amount: {goal.value_sentence}." if manifest.revenue and goal.value_sentence else ""
    return Section(
        "Intended use",
        (f"It says how likely it is that {goal.sentence}, from {reads}.{amount}",),
        (
            "To rank visits, and to decide whom to help, remind or make an offer, with what that costs.",
            "For visits of the kind and the period it learned from; train again when the shop changes.",
            "Not for decisions about single persons that matter to them, such as credit, and not for prices "
            "by person.",
            *(["Not to foretell purchases: the goal is a stand-in."] if goal.proxy else []),
            "How: `buysignal score BUNDLE FILES --out scores.csv`, or in Python "
            '`scoring.score_paths(bundle.load("BUNDLE"), files)`.',
        ),
    )


def _data(manifest: Manifest, report: Report | None) -> Section:
    data = manifest.dataset
    facts = words.facts(data)
    notes = report.notes if report is not None else manifest.notes
    asked = any("consent" in note for note in notes)
    return Section(
        "Training data",
        (f"{data.name}, read as {data.profile or 'a table'}.",),
        (
            *notes,
            *([] if asked else ["No row was left out because a visitor refused consent."]),
            *(["Simulated by buysignal's demo shop."] if data.simulated else []),
        ),
        (("", Grid(("What", "How much"), tuple(facts))),) if facts else (),
    )


def _evaluation(manifest: Manifest, judged: Sequence[Table]) -> Section:
    if not judged:
        return Section(
            "Evaluation data",
            (f"Split: {manifest.split}.", "The report of the training is missing, and its figures with it."),
        )
    return Section(
        "Evaluation data",
        ("The test rows were scored once, after everything was chosen on others.",),
        grids=tuple(
            (words.TASK_NAMES[table.task], Grid(("What", "How"), tuple(words.table_facts(table))))
            for table in judged
        ),
    )


def _metrics(table: Table) -> Section:
    row = champion_row(table)
    shown = [] if row is None else [m for m in words.COLUMNS[table.task] if row.metrics.get(m) is not None]
    cells = [(m, words.cell(m, row.metrics, row.intervals)) for m in shown if row is not None]
    grid = Grid(
        ("Metric", "Value", "95 % interval"),
        tuple((words.metric_name(m), cell.value, cell.interval or "–") for m, cell in cells),
    )
    return Section(f"Metrics: {words.TASK_NAMES[table.task]}", grids=(("", grid),), points=tuple(table.notes))


def _suggestions(manifest: Manifest, table: Table | None) -> Section:
    """What the recommender is and how well it does; it answers no goal, so it stands apart."""
    assert manifest.recommender is not None
    model = manifest.recommender["model"]
    members = [member["name"] for member in model["members"]]
    made_of = f", made of {', '.join(readable(name) for name in members)}" if members else ""
    figures = _metrics(table).grids if table is not None else ()
    asked = () if table is None else (f"Split: {table.split}.", *table.notes)
    return Section(
        "Suggestions",
        (
            "It names the items that a visit is likely to look at next, each with its reason. A look is no "
            "purchase, and a suggestion no forecast of one.",
            f"Model: {readable(model['kind'])}{made_of}.",
        ),
        (
            *asked,
            "The item on screen is never suggested; items looked at earlier in the visit may be.",
            "A visit that has looked at nothing, or at unknown items only, gets what is looked at most. New "
            "items are not suggested before the next training.",
            "Suggesting changes what is looked at; nothing here measures by how much.",
            "How: `buysignal recommend BUNDLE --items A,B`, or in Python "
            '`recommend.recommend_items(bundle, ["A", "B"])`.',
        ),
        figures,
    )


def _groups(manifest: Manifest, judged: Sequence[Table]) -> Section:
    grids = [
        (f"{words.TASK_NAMES[table.task]}, {what}", Grid(("Test rows", *titles), tuple(_slice_rows(rows))))
        for table in judged
        for what, part in (("by clicks seen so far", table.per_k), ("by cart", table.per_cart))
        if part
        for titles, rows in [words.slices(table, part)]
    ]
    if manifest.segments:
        grids.append(("Segments", _segments(manifest)))
    said = () if grids else ("No figures by group: the rows have no clicks to count, and no segments.",)
    return Section("Figures by group", said, grids=tuple(grids))


def _slice_rows(rows: Sequence[tuple[str, list[words.Cell]]]) -> Iterator[tuple[str, ...]]:
    for name, cells in rows:
        yield (name, *[f"{c.value} ({c.interval})" if c.interval else c.value for c in cells])


def _segments(manifest: Manifest) -> Grid:
    proxy = manifest.goal.proxy
    titles = ("Segment", "Visits", "Reach the goal" if proxy else "Bought", "Stability")
    rows = tuple(
        (
            f"{one.name} (found as: {one.original})" if one.original else one.name,
            f"{one.n:,}",
            "–" if one.rate is None else share_text(one.rate),
            "–" if one.stability is None else f"{one.stability:.2f}, {word(one.stability)}",
        )
        for one in manifest.segments
    )
    return Grid(titles, rows)


def _audit(judged: Sequence[Table]) -> Section:
    where: dict[str, list[str]] = {}
    for table in judged:
        for line in table.audit:
            if line.verdict != "ok":
                said = f"{line.verdict}: {line.detail}"
                where.setdefault(said, []).append(words.TASK_NAMES[table.task])
    found = [f"{' and '.join(tasks)}, {said}" for said, tasks in where.items()]
    passed = sum(line.verdict == "ok" for table in judged for line in table.audit)
    nothing = "Nothing was found that would make the figures worth less."
    return Section("Audit", (f"{passed} checks passed.", *([] if found else [nothing])), tuple(found))


def _limits(manifest: Manifest, judged: Sequence[Table]) -> Section:
    ece = [
        row.metrics["ece"]
        for table in judged
        if table.task == "conversion" and (row := champion_row(table)) and row.metrics.get("ece") is not None
    ]
    return Section(
        "Limits and advice",
        points=(
            *(["The goal is a proxy. No figure here says who buys."] if manifest.goal.proxy else []),
            *(
                ["The data is simulated. Train on your own before you act."]
                if manifest.dataset.simulated
                else []
            ),
            *[
                f"A predicted probability is off by {100 * (value or 0):.1f} points on average."
                for value in ece
            ],
            "What a visit does after this moment is unknown to it; scores after one or two clicks are less "
            "sure than later ones.",
            "Reasons for a score are associations, not causes; nothing here measures what an action does.",
            "Intervals tell of chance in the test rows, not of a season, a campaign or a new assortment.",
        ),
    )


def _versions(manifest: Manifest) -> Section:
    packages = tuple(manifest.packages.items())
    return Section(
        "Versions",
        (f"buysignal {manifest.buysignal_version}, bundle schema {manifest.schema_version}.",),
        grids=(("", Grid(("Package", "Version"), packages)),) if packages else (),
    )
