"""Commands that turn scores into action: target, carts, uplift."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from buysignal.cli.options import BundlePath, Json, MapOption, Paths, ProfileOption, mapped
from buysignal.cli.root import app
from buysignal.cli.terminal import console, progress_bar
from buysignal.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from buysignal.decisions.carts import Carts
    from buysignal.decisions.effect import Estimate
    from buysignal.decisions.targeting import TargetingPlan
    from buysignal.decisions.uplift import Uplift

SHOWN = 15

NowOption = Annotated[
    str | None, typer.Option(help='Ask at this moment, UTC, such as "2025-03-30 18:00"; the latest event.')
]


@app.command()
def target(
    bundle: BundlePath,
    paths: Paths,
    margin: Annotated[float, typer.Option(help="Profit as a share of revenue: 0.3 is 30 %.")],
    contact_cost: Annotated[float, typer.Option(help="What contacting one visit costs.")],
    incentive: Annotated[float, typer.Option(help="Cost of the incentive per buyer who takes it.")] = 0.0,
    budget: Annotated[
        float | None, typer.Option(help="The most that contacts and incentives may cost.")
    ] = None,
    effect: Annotated[
        float, typer.Option(help="How much more often contacted visits buy: 0.1 is 10 %. An assumption.")
    ] = 0.1,
    effect_on: Annotated[
        Literal["chance", "odds"],
        typer.Option(help="On the chance, or on its odds (sure buyers gain little)."),
    ] = "chance",
    measured: Annotated[bool, typer.Option("--measured", help="The effect comes from a holdout.")] = False,
    order_value: Annotated[
        float | None, typer.Option(help="Worth of an order, where the data has no amounts.")
    ] = None,
    after_click: Annotated[
        int | None, typer.Option(help="Ask every visit after this many clicks, instead of those under way.")
    ] = None,
    now: NowOption = None,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="The model has learned from none of these visits.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Write the list here: CSV or Parquet.")] = None,
    campaign: Annotated[
        str | None,
        typer.Option(help="Write it as a campaign of this name, a share set aside (CSV and JSON)."),
    ] = None,
    holdout: Annotated[float, typer.Option(help="Share of the visitors to leave alone in a campaign.")] = 0.2,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Say which visits are worth a contact, what it costs, and the profit to expect."""
    from buysignal import acting, scoring
    from buysignal import bundle as bundles
    from buysignal.decisions.economics import Economics
    from buysignal.decisions.holdout import write_campaign
    from buysignal.sources.read import load

    if campaign is not None and out is None:
        raise InputError("a campaign needs a place", todo="add --out FILE.csv")
    economics = Economics(
        margin=margin, contact_cost=contact_cost, incentive=incentive, budget=budget, effect=effect,
        effect_on=effect_on, measured=measured, order_value=order_value,
    )  # fmt: skip
    used = bundles.load(bundle)
    with progress_bar("Targeting", as_json) as step:
        loaded = load(paths, profile=profile or used.profile, mapping=mapped(mapping), progress=step)
        plan = acting.target(
            used, loaded, economics, click=after_click, now=now, unseen=unseen, progress=step
        )
    drawn = None if campaign is None else acting.hold_out(used, plan, campaign=campaign, share=holdout)
    if out is not None and drawn is not None:
        write_campaign(drawn, out)
    elif out is not None:
        scoring.write_scores(plan.export(), out)
    if as_json:
        _print_json(plan.as_json() | ({} if drawn is None else {"campaign": _plain(drawn.campaign)}))
        return
    _print_plan(plan)
    if drawn is not None:
        console().print(
            f"Campaign [bold]{out}[/]: contact {drawn.campaign.contacts:,} visitors, leave "
            f"{drawn.campaign.holdouts:,} alone. Later: buysignal uplift {out} EVENTS"
        )
    elif out is not None:
        console().print(f"Written to [bold]{out}[/].")


@app.command()
def carts(
    bundle: BundlePath,
    paths: Paths,
    now: NowOption = None,
    horizon: Annotated[
        str, typer.Option(help="How long a left cart has to come back, with its unit.")
    ] = "7d",
    reasons: Annotated[int, typer.Option(min=0, help="Say why, of this many carts.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the open carts here: CSV or Parquet.")] = None,
    recovered: Annotated[Path | None, typer.Option(help="Write the recovered carts here.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """List open carts by what is at risk, and say how many left ones come back."""
    from buysignal import acting, scoring
    from buysignal import bundle as bundles
    from buysignal.sources.read import load

    used = bundles.load(bundle)
    with progress_bar("Reading carts", as_json) as step:
        loaded = load(paths, profile=profile or used.profile, mapping=mapped(mapping), progress=step)
        found = acting.carts_at_risk(used, loaded, now=now, horizon=horizon, reasons=reasons, progress=step)
    if out is not None:
        scoring.write_scores(found.export(), out)
    if recovered is not None:
        scoring.write_scores(found.export_recovered(), recovered)
    if as_json:
        _print_json(found.as_json())
    else:
        _print_carts(found, out)


@app.command()
def uplift(
    campaign: Annotated[
        Path, typer.Argument(help="The CSV that target --campaign wrote, its JSON beside it.")
    ],
    paths: Paths,
    horizon: Annotated[str, typer.Option(help="How long after the contact purchases count.")] = "7d",
    contacted_at: Annotated[
        str | None, typer.Option(help="When the contacts went out, UTC; when visits were asked about.")
    ] = None,
    wanted: Annotated[float | None, typer.Option(help="Effect to reckon needed visitors for.")] = None,
    profile: ProfileOption = None,
    mapping: MapOption = None,
    as_json: Json = False,
) -> None:
    """Read a campaign's outcome back: what the contact brought, with its interval."""
    from buysignal import acting
    from buysignal.decisions.holdout import read_campaign
    from buysignal.decisions.uplift import measure
    from buysignal.sources.read import load

    drawn = read_campaign(campaign)
    with progress_bar("Reading the outcome", as_json) as step:
        loaded = load(paths, profile=profile, mapping=mapped(mapping), progress=step)
        moment = None if contacted_at is None else acting.moment_of(loaded.table, contacted_at)
        found = measure(drawn, loaded.table, horizon=horizon, contacted_at=moment, wanted=wanted)
    if as_json:
        _print_json(found.as_json())
    else:
        _print_uplift(found)


def _print_plan(plan: TargetingPlan) -> None:
    from buysignal.console import SIMULATED
    from buysignal.decisions.words import WHY_OUT, money

    screen = console()
    if plan.simulated:
        screen.print(SIMULATED)
    screen.print(_escaped(plan.sentence))
    out = ", ".join(f"{n:,} {WHY_OUT[why]}" for why, n in plan.excluded.items() if n)
    facts = {
        "visits considered": f"{plan.considered:,}" + (f" (left out: {out})" if out else ""),
        "on the list": f"{plan.visits:,}"
        + (f" of {plan.worthwhile:,} worth it" if plan.budget_binds else ""),
        "cost of contacts": money(plan.contact_cost, plan.currency),
        "cost of incentives": money(plan.incentive_cost, plan.currency),
        "expected profit": f"{money(plan.profit, plan.currency)} ({money(plan.low, plan.currency)} to "
        f"{money(plan.high, plan.currency)})",
    }
    if plan.threshold_probability is not None and plan.order_value is not None:
        facts["pays from"] = (
            f"{plan.threshold_probability:.1%} chance of buying, for an order of "
            f"{money(plan.order_value, plan.currency)}"
        )
    _print_facts(facts)
    shown = plan.visits_listed.head(SHOWN)
    names = ("visitor_id", "last_seen", "chance", "revenue", "expected_profit")
    _print_frame(shown[[c for c in names if c in shown]], plan.currency)
    _print_notes(plan.notes)


def _print_carts(found: Carts, out: Path | None) -> None:
    from buysignal.console import SIMULATED

    screen = console()
    if found.simulated:
        screen.print(SIMULATED)
    screen.print(_escaped(found.sentence))
    screen.print(
        f"{found.filled:,} visits put something into a cart; {found.bought_in_visit:,} bought in the same "
        f"visit, {found.left:,} left something behind."
    )
    shown = found.open.head(SHOWN)
    _print_frame(
        shown[["visitor_id", "contents", "value", "idle_minutes", "p_abandon", "at_risk"]], found.currency
    )
    if len(shown):
        screen.print(
            "[dim]p_abandon: chance of not buying, as of the visit's last click. Of a visit that is over it "
            "is what could be said before that was known.[/]"
        )
    for visitor, why in zip(shown["visitor_id"], shown.get("reasons", []), strict=False):
        if why:
            screen.print(f"[bold]{_escaped(visitor)}[/]: {_escaped(why)}")
    if out is not None:
        screen.print(f"Written to [bold]{out}[/].")


def _print_uplift(found: Uplift) -> None:
    from buysignal.console import SIMULATED
    from buysignal.decisions.words import money

    screen = console()
    if found.campaign.simulated:
        screen.print(SIMULATED)
    screen.print(f"Campaign [bold]{_escaped(found.campaign.name)}[/]: {_escaped(found.sentence)}")
    _print_frame(found.table(), found.campaign.currency)

    def said(estimate: Estimate | None, how: Any) -> str:
        if estimate is None:
            return "unknown"
        return f"{how(estimate.value)} ({how(estimate.low)} to {how(estimate.high)})"

    currency = found.campaign.currency
    _print_facts(
        {
            "more buyers, share": said(found.absolute, "{:+.2%}".format),
            "with the scores' help": said(found.adjusted, "{:+.2%}".format),
            "more buyers, relative": said(found.relative, "{:+.1%}".format),
            "revenue per visitor": said(found.revenue, lambda v: money(v, currency)),
            "profit of the campaign": said(found.profit, lambda v: money(v, currency)),
        }
    )
    _print_notes(found.warnings)


def _print_facts(facts: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for label, value in facts.items():
        table.add_row(label, _escaped(value))
    console().print(table)


def _print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        console().print(f"[yellow]Note:[/] {_escaped(note)}")


_MONEY = {"value", "at_risk", "revenue", "expected_profit", "revenue_per_visitor"}
_SHARES = {"chance", "p_abandon", "probability", "rate", "rate_low", "rate_high"}


def _print_frame(frame: pd.DataFrame, currency: str | None) -> None:
    from rich.table import Table

    if not len(frame):
        return
    table = Table()
    for name in frame.columns:
        unit = f" ({currency})" if currency and name in _MONEY else ""
        table.add_column(f"{name}{unit}", justify="right" if frame[name].dtype.kind in "fi" else "left",
                         no_wrap=name == "visitor_id")  # fmt: skip
    for row in frame.itertuples(index=False):
        table.add_row(*(_cell(name, value) for name, value in zip(frame.columns, row, strict=True)))
    console().print(table)


def _cell(name: str, value: Any) -> str:
    if hasattr(value, "strftime"):
        return str(value.strftime("%Y-%m-%d %H:%M"))
    if not isinstance(value, float):
        return _escaped(f"{value:,}" if isinstance(value, int) else str(value))
    return f"{value:.1%}" if name in _SHARES else f"{value:,.2f}" if name in _MONEY else f"{value:,.0f}"


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _plain(campaign: Any) -> Any:
    return campaign.model_dump(mode="json")


def _print_json(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, ensure_ascii=False, default=str))
