"""What may be asked and what is answered; the OpenAPI page is made of these."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, model_validator

MOST_EVENTS = 2_000
MOST_VISITS = 1_000
MOST_ITEMS = 10_000

_CLICK: dict[str, JsonValue] = {
    "visitor_id": "v1",
    "event_time": "2025-03-20T12:00:20Z",
    "event_name": "view_item",
    "item_id": "BOO-034",
    "category": "books",
    "price": 10.99,
}
_ENTRY: dict[str, JsonValue] = {
    "visitor_id": "v1",
    "event_time": "2025-03-20T12:00:00Z",
    "event_name": "page_view",
    "channel": "search",
    "device": "mobile",
}

Text = Annotated[str, Field(min_length=1, max_length=200)]


class Asked(BaseModel):
    """What comes in: no unknown keys, no NaN or infinity, no text in place of a number."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, strict=True)


class Event(Asked):
    """One event, by the names of the events table."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CLICK]})

    visitor_id: Text = "visitor"
    session_id: Text | None = Field(default=None, description="left out: visits are parted by pauses")
    event_id: Text | None = Field(default=None, description="sent twice with the same id, it counts once")
    event_time: AwareDatetime | None = Field(
        default=None, description="with its offset; left out where the server keeps the visit: now"
    )
    event_date: date | None = Field(default=None, description="the day, where there is no clock")
    event_seq: int | None = Field(default=None, ge=-(2**62), le=2**62, description="order at equal times")
    event_name: Text = Field(description="GA4's name; any other is counted as other")
    item_id: Text | None = None
    category: Text | None = None
    price: float | None = Field(
        default=None, ge=0, le=1e12, description="of one unit, in the model's currency"
    )
    quantity: int | None = Field(default=None, ge=0, le=1_000_000, description="left out: 1")
    country: Text | None = None
    device: Text | None = None
    channel: Text | None = None
    page: Text | None = None
    consent: bool | None = Field(default=None, description="false: refused, nothing is kept or scored")


class ScoreRequest(Asked):
    """One event whose visit the server keeps, or a whole visit."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"event": _CLICK}, {"events": [_ENTRY, _CLICK]}]}
    )

    event: Event | None = Field(default=None, description="the next event; the server knows those before")
    events: list[Event] | None = Field(
        default=None, min_length=1, max_length=MOST_EVENTS, description="a visitor's events; nothing is kept"
    )
    reasons: bool = Field(default=False, description="say what moves the score; takes milliseconds")

    @model_validator(mode="after")
    def _one_of_both(self) -> ScoreRequest:
        if (self.event is None) == (self.events is None):
            raise ValueError("send either 'event' or 'events'")
        return self


class Visit(Asked):
    """The events of one visitor."""

    events: list[Event] = Field(min_length=1, max_length=MOST_EVENTS)


class BatchRequest(Asked):
    """Many visits, each scored as it stands at its last event."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"visits": [{"events": [_ENTRY, _CLICK]}]}]})

    visits: list[Visit] = Field(min_length=1, max_length=MOST_VISITS)


class EventsRequest(Asked):
    """Events that are kept and not scored, of any visitors, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"events": [_ENTRY, _CLICK]}]})

    events: list[Event] = Field(min_length=1, max_length=MOST_EVENTS)


class RecommendRequest(Asked):
    """What was looked at, or a visit that the server keeps; and what the page wishes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": ["BOO-034"], "count": 5}, {"session_id": "v1-1"}]}
    )

    items: list[Text] | None = Field(
        default=None, max_length=500, description="looked at, oldest first; none is allowed"
    )
    session_id: Text | None = None
    visitor_id: Text | None = Field(default=None, description="beside session_id, where ids are shared")
    count: int = Field(default=10, ge=1, le=100)
    leave_out: list[Text] = Field(default=[], max_length=MOST_ITEMS, description="never suggested")
    only: list[Text] | None = Field(
        default=None, max_length=MOST_ITEMS, description="what may be suggested, such as what is in stock"
    )
    categories: list[Text] = Field(default=[], max_length=100)
    price_low: float | None = Field(default=None, ge=0)
    price_high: float | None = Field(default=None, ge=0)
    diversity: float = Field(default=0.0, ge=0, le=1)
    again: bool = Field(default=True, description="items looked at earlier in the visit may come again")

    @model_validator(mode="after")
    def _one_of_both(self) -> RecommendRequest:
        if (self.items is None) == (self.session_id is None):
            raise ValueError("send either 'items' or 'session_id'")
        return self


class Reason(BaseModel):
    """One feature's share in a score."""

    feature: str
    contribution: float
    value: str
    typical: str
    sentence: str


class Said(BaseModel):
    """What is said of a visit or a row. With ``proxy`` true the probability is no conversion."""

    probability: float = Field(ge=0, le=1)
    percentile: float = Field(ge=0, le=100, description="against the visits the model was tested on")
    expected_revenue: float | None = Field(default=None, description="in the goal's currency")
    revenue_low: float | None = None
    revenue_high: float | None = None
    segment: str | None = None
    goal: str
    proxy: bool
    simulated: bool = Field(description="learned from a simulated shop")
    bundle_version: str


class Score(Said):
    """A visit's scores. With ``proxy`` true the probability is no conversion."""

    visitor_id: str
    session_id: str
    clicks: int = Field(description="events of the visit that were read")
    already_bought: bool
    cart_items: int = Field(description="pieces in the cart now")
    cart_value: float = Field(description="in the goal's currency")
    spent: float = Field(description="paid so far in this visit")
    repeated: bool = Field(default=False, description="this event_id was here before and changed nothing")
    reasons: list[Reason] | None = None


class Scores(BaseModel):
    """Scores in the order of the visits."""

    scores: list[Score]


class RowScore(Said):
    """A session row's scores. With ``proxy`` true the probability is no conversion."""

    row: int = Field(description="its place in the request, from 0")
    session_id: str | None = None
    reasons: list[Reason] | None = None


class RowScores(BaseModel):
    """Scores in the order of the rows."""

    scores: list[RowScore]


class Kept(BaseModel):
    """What became of the events."""

    kept: int
    repeated: int = Field(description="their event_id was here before")
    refused_consent: int


class Forgotten(BaseModel):
    """Whether a visitor was known, who is not any more."""

    forgotten: bool


class Segment(BaseModel):
    """A kind of visit, with its evidence and a suggestion."""

    model_config = ConfigDict(extra="allow")

    segment: str
    sessions: int
    share: float
    goal: str
    proxy: bool
    simulated: bool


class Segments(BaseModel):
    """All kinds of visits the bundle knows."""

    segments: list[Segment]


class Suggested(BaseModel):
    """An item that is likely to be looked at next; no forecast of a purchase."""

    rank: int
    item: str
    score: float = Field(description="chance, among all items, that it is the one looked at next")
    category: str | None
    price: float | None
    because: str | None = Field(description="the item of the visit that speaks most for it")
    reason: str


class Recommendations(BaseModel):
    """Suggestions, best first."""

    recommendations: list[Suggested]
    simulated: bool
    bundle_version: str


class Problem(BaseModel):
    """What was wrong with a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"error": "event.price: Input should be greater than or equal to 0."}]
        }
    )

    error: str = Field(description="a sentence: what came, what is allowed, what to do")


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "no JSON"},
    401: {"model": Problem, "description": "the API key is missing or wrong"},
    404: {"model": Problem, "description": "there is no such visit or page"},
    408: {"model": Problem, "description": "the body took too long to arrive"},
    413: {"model": Problem, "description": "the body is too large"},
    422: {"model": Problem, "description": "the body is not what is allowed"},
    429: {"model": Problem, "description": "too many requests of one client"},
    503: {"model": Problem, "description": "what is remembered cannot be reached; see Retry-After"},
}
