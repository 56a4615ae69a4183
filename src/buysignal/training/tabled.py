"""Session tables that bring their own target: with what is known in time, and beside it what is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from buysignal import tables
from buysignal.errors import SamplesError
from buysignal.evaluation import Evaluated, evaluate_conversion, evaluate_revenue
from buysignal.goals import Goal
from buysignal.report import Table
from buysignal.samples import Samples, concatenate
from buysignal.sources.profile import Profile
from buysignal.sources.read import Loaded
from buysignal.splits import Split, fixed_split, kfold, time_split
from buysignal.training.few import few_notes, network_notes, simple_plan
from buysignal.training.honesty import audit_lines
from buysignal.training.options import Options, Stage

FOLDS = 5
SMALL_TABLE = 50_000


@dataclass(frozen=True, eq=False)
class TabledVisits:
    """A session table as samples, with and without the columns known too late.

    Attributes:
        honest: samples without the late columns; what the bundle is trained on.
        with_late: samples with them, where they are asked for or compared; they are flagged.
        late: their names.
        splits: one, or the folds of a cross-validation where there is no time.
    """

    honest: Samples
    with_late: Samples | None
    late: tuple[str, ...]
    splits: list[Split]


def tabled_visits(loaded: Loaded, test: Loaded | None, goal: Goal, options: Options) -> TabledVisits:
    """Return the samples of a session table and how they are split.

    Raises:
        SamplesError: nothing is left to learn from, or the test file has other columns.
    """
    profile = loaded.profile
    columns = feature_columns(profile, loaded.table.column_names, goal)
    late = tuple(c for c in columns if profile.known.get(c) == "end")
    in_time = [c for c in columns if c not in late]
    if not in_time and not options.include_late:
        raise SamplesError(
            "every column of this table is known only when the visit is over",
            todo="bring a column known earlier, or allow late ones, which the audit will flag",
        )
    honest, n_test = _samples(loaded, test, goal, in_time, profile)
    shown = options.include_late or profile.late == "compare"
    with_late = _samples(loaded, test, goal, columns, profile)[0] if late and shown else None
    return TabledVisits(honest, with_late, late, _splits(honest, n_test, options))


def feature_columns(profile: Profile, names: list[str], goal: Goal) -> list[str]:
    """Return the columns that may be learned from: all but targets, ids and the clock."""
    roles = profile.roles
    apart = {goal.attribute, goal.value_column, roles.time, roles.session, roles.visitor}
    return [name for name in names if name not in apart]


def _samples(
    loaded: Loaded, test: Loaded | None, goal: Goal, columns: list[str], profile: Profile
) -> tuple[Samples, int]:
    time = profile.roles.time
    train = tables.table_samples(loaded.table, goal, features=columns, time=time, known=profile.known)
    if test is None:
        return train, 0
    later = tables.table_samples(
        test.table, goal, features=columns, time=time, known=profile.known, levels=train.categories
    )
    shifted = Samples(
        **{**later.__dict__, "session": later.session + len(train), "visitor": later.visitor + len(train)}
    )
    return concatenate(train, shifted), len(later)


def _splits(samples: Samples, n_test: int, options: Options) -> list[Split]:
    if n_test:
        return [fixed_split(len(samples) - n_test, n_test, seed=options.seed)]
    if not np.isnat(samples.time).all():
        return [time_split(samples, cut=options.cut)]
    return kfold(samples, folds=FOLDS, seed=options.seed, group="none")


def conversion_of(
    visits: TabledVisits, goal: Goal, options: Options, stage: Stage
) -> tuple[Evaluated, list[Table]]:
    """Return the honest table and models, and beside it the table with the late columns, if any."""
    name = f"session: {goal.name}"
    suffix = ", ".join(visits.late)
    honest = _conversion(
        visits.honest, visits, f"{name} without {suffix}" if suffix else name, options, stage
    )
    if suffix:
        honest.table.notes.append(f"Left out because they are known too late: {suffix}.")
    if visits.with_late is None:
        return honest, []
    late = _conversion(visits.with_late, visits, f"{name} with {suffix}", options, stage)
    return honest, [late.table]


def _conversion(
    samples: Samples, visits: TabledVisits, name: str, options: Options, stage: Stage
) -> Evaluated:
    stage(name)
    plan = options.plan(compare=len(visits.splits) == 1, small=len(samples) <= SMALL_TABLE)
    plan = simple_plan(plan, samples, visits.splits[0])
    done = evaluate_conversion(samples, visits.splits, name=name, plan=plan, progress=stage)
    done.table.audit = audit_lines(samples, visits.splits[0], "y")
    done.table.notes += few_notes(plan, samples, visits.splits[0])
    done.table.notes += network_notes(options.deep, plan, samples, visits.splits[0])
    return done


def revenue_of(visits: TabledVisits, goal: Goal, options: Options, stage: Stage) -> Evaluated | None:
    """Return the amount's table and models; None where the goal has no amount or no single split."""
    samples = visits.honest
    if samples.revenue is None or not (samples.revenue > 0).any():
        return None
    stage(f"session: revenue ({goal.name})")
    split = visits.splits[0]
    done = evaluate_revenue(samples, split, name="session: revenue", plan=options.plan(), progress=stage)
    done.table.audit = audit_lines(samples, split, "revenue")
    return done
