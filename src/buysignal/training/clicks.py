"""The classic per-click exercise, as it stands and with what gives the answer away hidden."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from buysignal import tables
from buysignal.evaluation import Evaluated, evaluate_conversion, evaluate_revenue
from buysignal.goals import ClickTask
from buysignal.report import Table
from buysignal.samples import Samples
from buysignal.splits import Split, fixed_split, row_split
from buysignal.training.honesty import audit_lines
from buysignal.training.options import Options, Stage

CLASSIC_SEED = 42
"""Of the usual row split of these exercises."""


def click_tables(
    train: pa.Table,
    test: pa.Table | None,
    tasks: Sequence[ClickTask],
    currency: str | None,
    options: Options,
    stage: Stage,
) -> list[Table]:
    """Return two tables per task: all columns, and item and price hidden.

    The rows are split as the exercise has it, at random (or as the files come), so that its figures are
    reproduced; the audit says beside each what they are worth.
    """
    return [
        _click_table(train, test, task, hidden, currency, options, stage).table
        for task in tasks
        for hidden in (False, True)
    ]


def _click_table(
    train: pa.Table,
    test: pa.Table | None,
    task: ClickTask,
    hidden: bool,
    currency: str | None,
    options: Options,
    stage: Stage,
) -> Evaluated:
    events = train if test is None else pa.concat_tables([train, test], promote_options="default")
    events = events.unify_dictionaries()
    goal = tables.click_goal(task, currency)
    samples = tables.click_samples(events, task, goal, hide=task.hide if hidden else ())
    split = _split(samples_n=len(events), test_n=0 if test is None else len(test), samples=samples)
    name = f"click: {task.name}, {'item and price hidden' if hidden else 'all columns'}"
    stage(name)
    if task.task == "conversion":
        done = evaluate_conversion(
            samples, split, name=name, plan=options.plan(compare=not hidden), progress=stage
        )
        done.table.audit = audit_lines(samples, split, "y")
    else:
        done = evaluate_revenue(
            samples, split, name=name, plan=options.plan(), models=REGRESSORS, progress=stage
        )
        done.table.audit = audit_lines(samples, split, "revenue")
    done.table.notes.append("This target is a column of the very click it is predicted for: no forecast.")
    return done


REGRESSORS = ("mean", "linear", "ridge", "lasso", "gradient_boosting")


def _split(samples_n: int, test_n: int, samples: Samples) -> Split:
    if test_n:
        return fixed_split(samples_n - test_n, test_n, seed=CLASSIC_SEED)
    return row_split(samples, seed=CLASSIC_SEED)
