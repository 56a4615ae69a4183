"""The two runs: from events, and from session tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from buysignal import events as ev
from buysignal import goals, sessions
from buysignal.errors import SamplesError
from buysignal.evaluation import FEW_POSITIVES, Evaluated, key, positive_sessions
from buysignal.goals import Goal
from buysignal.samples import Samples
from buysignal.sources.read import Loaded
from buysignal.training import clicks, kinds, next_items, tabled, visits
from buysignal.training.options import Options, Progress, Stage
from buysignal.training.outcome import Outcome

OVERLAP_NOTE = (
    "The files given as train and test share sessions. For the click tables they are used as they are; "
    "prefix tables and segments use both together and part whole sessions by time."
)


def run_events(loaded: Loaded, test: Loaded | None, options: Options, progress: Progress | None) -> Outcome:
    """Learn from events: click tables where the profile has them, prefix tables, segments.

    Raises:
        GoalError: the data cannot answer the goal asked for.
        SamplesError: too little, or one class only, to learn from.
    """
    profile = loaded.profile
    goal = _with_currency(goals.choose(_possible(loaded), options.goal), loaded)
    notes: list[str] = []
    stage = Stage(progress, 0.04, 0.5, 60)
    tables = clicks.click_tables(
        loaded.table,
        None if test is None else test.table,
        profile.click_tasks,
        profile.currency,
        options,
        stage,
    )
    events = loaded.table if test is None else _both(loaded.table, test.table)
    if test is not None:
        notes.append(OVERLAP_NOTE)
    events, refused = ev.consenting(events)
    if refused:
        notes.append(f"{refused:,} events of visitors who refused consent were left out.")
    events = sessions.assign(events, options.session_gap)
    notes += _bot_notes(events)
    begin = 0.5 if tables else 0.0
    stage = Stage(progress, begin, 0.78, 16)
    stage("folding events into features")
    folded = visits.fold_visits(events, goal, options)
    conversion = visits.conversion_of(folded, goal, options, stage)
    revenue = visits.revenue_of(folded, goal, options, stage)
    _found_champion(options, conversion, revenue)
    tables += [conversion.table, *([] if revenue is None else [revenue.table])]
    samples = conversion.tested.samples
    following = next_items.next_items_of(folded, options, Stage(progress, 0.78, 0.86, 16), samples)
    notes += following.notes
    stage = Stage(progress, 0.86, 0.93, 8)
    segmentation, segment_tables = kinds.segments_of_visits(folded, goal, options, stage)
    _warn_of_small(samples, goal, notes)
    return Outcome(
        goal=goal,
        profile=profile,
        samples=samples,
        split=folded.split(samples),
        conversion=conversion,
        revenue=revenue,
        segmentation=segmentation,
        vocabulary=folded.vocabulary,
        session_gap=options.session_gap,
        tables=[*tables, *following.tables, *segment_tables],
        notes=notes,
        following=following,
        visitors=events.column("visitor_id"),
    )


def run_table(loaded: Loaded, test: Loaded | None, options: Options, progress: Progress | None) -> Outcome:
    """Learn from a session table that brings its own target.

    Raises:
        GoalError: the data cannot answer the goal asked for.
        SamplesError: too little, or one class only, to learn from.
    """
    profile = loaded.profile
    possible = goals.available_goals(loaded.table.column_names, profile.goals, profile.proxies)
    goal = _with_currency(goals.choose(possible, options.goal), loaded)
    tabled_visits = tabled.tabled_visits(loaded, test, goal, options)
    stage = Stage(progress, 0.0, 0.7, 80)
    conversion, beside = tabled.conversion_of(tabled_visits, goal, options, stage)
    stage = Stage(progress, 0.7, 0.85, 10)
    revenue = tabled.revenue_of(tabled_visits, goal, options, stage)
    _found_champion(options, conversion, revenue)
    tables = [*beside, conversion.table, *([] if revenue is None else [revenue.table])]
    stage = Stage(progress, 0.85, 0.93, 8)
    segmentation, segment_tables = kinds.segments_of_table(tabled_visits.honest, options, stage)
    notes: list[str] = []
    samples = tabled_visits.honest
    _warn_of_small(samples, goal, notes)
    return Outcome(
        goal=goal,
        profile=profile,
        samples=samples,
        split=tabled_visits.splits[0],
        conversion=conversion,
        revenue=revenue,
        segmentation=segmentation,
        vocabulary=None,
        session_gap=options.session_gap,
        tables=[*tables, *segment_tables],
        notes=notes,
    )


def _found_champion(options: Options, conversion: Evaluated, revenue: Evaluated | None) -> None:
    """Refuse a champion that is a candidate elsewhere, but not in this run."""
    fitted = [*conversion.fitted, *(revenue.fitted if revenue is not None else ())]
    there = [key(one) for one in fitted]
    if options.champion is not None and options.champion not in there:
        raise SamplesError(
            f"'{options.champion}' is no candidate of this run",
            allowed=", ".join(there),
            todo="choose another",
        )


def _with_currency(goal: Goal, loaded: Loaded) -> Goal:
    return goal if goal.currency is not None else goal.model_copy(update={"currency": loaded.currency})


def _possible(loaded: Loaded) -> list[Goal]:
    names = pc.unique(loaded.table.column("event_name").cast(pa.string())).to_pylist()
    return goals.available(names, loaded.profile.proxies, loaded.profile.goals)


def _both(first: pa.Table, second: pa.Table) -> pa.Table:
    joined = pa.concat_tables([first, second], promote_options="default").unify_dictionaries()
    return ev.sort(ev.conform(joined))


def _bot_notes(events: pa.Table) -> list[str]:
    flagged = int(sessions.bots(events).sum())
    return [f"{flagged:,} events of suspected bots were left out of training."] if flagged else []


def _warn_of_small(samples: Samples, goal: Goal, notes: list[str]) -> None:
    reached = positive_sessions(samples, np.arange(len(samples)))
    if reached < FEW_POSITIVES:
        notes.append(
            f"Only {reached} sessions reach the goal ({goal.sentence}): everything is computed, but the "
            f"intervals are wide. {FEW_POSITIVES - reached} more are needed before acting on it."
        )
