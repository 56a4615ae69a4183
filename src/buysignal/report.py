"""The report: every figure with the split, base rate and goal it belongs to (`report.json`)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from buysignal.errors import SourceError
from buysignal.goals import Goal

Task = Literal["conversion", "revenue", "segments", "next_item"]

SCHEMA_VERSION = 1


def _short(value: float | None) -> float | None:
    """Six significant digits; what is no number becomes null, because JSON has no NaN."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}")


Number = Annotated[float | None, AfterValidator(_short)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GoalNote(_Part):
    """The goal a figure answers; ``proxy`` true means it is no conversion."""

    name: str
    sentence: str
    proxy: bool
    value_sentence: str | None = None
    currency: str | None = None

    @classmethod
    def of(cls, goal: Goal) -> GoalNote:
        return cls(
            name=goal.name,
            sentence=goal.sentence,
            proxy=goal.proxy,
            value_sentence=goal.value_sentence,
            currency=goal.currency,
        )


class Dataset(_Part):
    """What was read."""

    name: str
    profile: str | None = None
    rows_in: int = 0
    rows_kept: int = 0
    rows_rejected: int = 0
    visitors: int | None = None
    sessions: int | None = None
    purchases: int | None = None
    revenue: Number = None
    start: str | None = None
    end: str | None = None
    simulated: bool = False
    refused_events: int = Field(default=0, description="left out: sent with a refusal of consent")
    refused_visitors: int = Field(default=0, description="visitors whom these events are of")
    files: list[str] = Field(default_factory=list)


class Row(_Part):
    """One model's figures on the test rows; ``validation`` holds those it was chosen by."""

    model: str
    imbalance: str | None = None
    metrics: dict[str, Number] = Field(default_factory=dict)
    intervals: dict[str, tuple[Number, Number]] = Field(default_factory=dict)
    validation: dict[str, Number] = Field(default_factory=dict)
    threshold: Number = None
    params: dict[str, Any] = Field(default_factory=dict)
    champion: bool = False
    undefined: str | None = Field(default=None, description="why some metrics are null")
    n_fitted: int | None = None
    seconds: Number = None


class SliceRow(_Part):
    """The champion's figures on a part of the test rows, such as ``k=3`` or ``with_cart``."""

    slice: str
    n: int
    base_rate: Number = None
    metrics: dict[str, Number]
    intervals: dict[str, tuple[Number, Number]] = Field(default_factory=dict)
    undefined: str | None = None


class Curve(_Part):
    """Points of one line or cloud; ``n`` says how many rows stand behind each, where that matters."""

    x: list[Number]
    y: list[Number]
    n: list[int] | None = None


class Confusion(_Part):
    """Counts at ``threshold`` on the test rows."""

    threshold: Number
    true_negative: int
    false_positive: int
    false_negative: int
    true_positive: int


class Importance(_Part):
    """How much worse the champion gets when one column is shuffled."""

    feature: str
    value: Number


class Point(_Part):
    """One session on the segment map."""

    x: Number
    y: Number
    segment: int


class Pictures(_Part):
    """What the plots are drawn from, thinned; keys of the dictionaries are models or segments."""

    roc: dict[str, Curve] = Field(default_factory=dict)
    precision_recall: dict[str, Curve] = Field(default_factory=dict)
    calibration: dict[str, Curve] = Field(default_factory=dict)
    lift: dict[str, Curve] = Field(default_factory=dict)
    gain: dict[str, Curve] = Field(default_factory=dict)
    confusion: Confusion | None = None
    residuals: dict[str, Curve] = Field(default_factory=dict)
    predicted_actual: dict[str, Curve] = Field(default_factory=dict)
    importance: list[Importance] = Field(default_factory=list)
    importance_unit: str | None = None
    silhouette: dict[str, Curve] = Field(default_factory=dict)
    segment_map: list[Point] = Field(default_factory=list)
    map_axes: tuple[str, str] | None = None


class TotalForecast(_Part):
    """Total revenue of the test rows: forecast, interval and what it was, in the goal's currency."""

    forecast: Number
    low: Number
    high: Number
    level: float
    actual: Number = None
    method: str


class SegmentProfile(_Part):
    """One segment: its words, size and means in natural units."""

    segment: int
    name: str
    n: int
    share: Number
    rate: Number = Field(default=None, description="share that reaches the goal")
    revenue: Number = Field(default=None, description="mean per session, in the goal's currency")
    means: dict[str, Number] = Field(default_factory=dict)
    shares: dict[str, Number] = Field(
        default_factory=dict, description="share of visits in which a step was taken at all"
    )
    stability: Number = Field(default=None, description="mean Jaccard coefficient over bootstrap refits")
    original: str | None = Field(default=None, description="the name it was found with, where renamed")


class AuditLine(_Part):
    """What one check of the audit found."""

    check: str
    verdict: str
    detail: str
    column: str | None = None


class Table(_Part):
    """The leaderboard of one question on one kind of rows."""

    name: str
    unit: Literal["click", "session", "prefix"]
    task: Task
    split: str
    n_train: int
    n_test: int
    n_validate: int = 0
    base_rate: Number = None
    goal: GoalNote | None = None
    rows: list[Row] = Field(default_factory=list)
    champion: str | None = None
    validation_choice: str | None = Field(
        default=None, description="what the validation slice would have chosen, where the user chose another"
    )
    per_k: list[SliceRow] = Field(default_factory=list)
    per_cart: list[SliceRow] = Field(default_factory=list)
    total: TotalForecast | None = None
    segments: list[SegmentProfile] = Field(default_factory=list)
    audit: list[AuditLine] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    pictures: Pictures = Field(default_factory=Pictures)

    def row(self, model: str, imbalance: str | None = None) -> Row:
        """Return the row of a model (of the first imbalance option where none is asked for).

        Raises:
            KeyError: there is none.
        """
        for row in self.rows:
            if row.model == model and imbalance in (None, row.imbalance):
                return row
        raise KeyError(f"{self.name} has no row {model} ({imbalance})")


class Report(_Part):
    """All tables of one training run."""

    schema_version: int = SCHEMA_VERSION
    dataset: Dataset
    goal: GoalNote
    tables: list[Table] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    created: str | None = None
    version: str | None = None
    settings: dict[str, Any] = Field(default_factory=dict, description="the options it was trained with")

    def table(self, name: str) -> Table:
        """Return the table called ``name``.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"the report has no table {name!r}")

    def save(self, path: Path) -> None:
        """Write as JSON (UTF-8)."""
        path.write_text(self.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read a report that `save` wrote.

        Raises:
            SourceError: the file is no report.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SourceError(
                f"{path.name} is no report", allowed="report.json as train writes it", todo="train again"
            ) from error
