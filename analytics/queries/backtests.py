"""Backtests of value at risk: which are due, what they are computed from, and what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from django.conf import settings
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Subquery
from numpy.typing import NDArray

from analytics import engine
from analytics.backtests import History, Plan
from analytics.engine import METHODS, InsufficientData, Method, UndefinedMetric
from analytics.exposure import Exposure
from analytics.models import Basis, Snapshot, VarBacktest
from analytics.performance import Inputs, PortfolioFacts, series_of
from analytics.queries.exposure import exposure, exposures
from analytics.queries.facts import inputs
from analytics.queries.versions import with_versions
from analytics.valuation import FloatArray
from portfolios.models import Investment, Portfolio

VERSIONS = ("portfolio_version", "accounts_version", "price_version")
Key = tuple[int, str]  # portfolio id, basis


def plan() -> Plan:
    """What is tested each night, by the settings."""
    return Plan(METHODS, tuple(settings.VAR_LEVELS), tuple(settings.VAR_BACKTEST_DAYS), settings.VAR_WINDOW)


# --- what is due --------------------------------------------------------------------------------------------------


def last_time(of_day: time, now: datetime) -> datetime:
    """The last instant at or before ``now`` when it was that time of day in the zone of the nightly prices."""
    local = now.astimezone(ZoneInfo(settings.INGEST_TIME_ZONE))
    day = local.date() - timedelta(days=0 if local.time() >= of_day else 1)
    return datetime.combine(day, of_day, local.tzinfo)


def night_began(now: datetime) -> datetime:
    """The last time that it was BACKTEST_AT in the zone of the nightly prices."""
    return last_time(settings.BACKTEST_AT, now)


def backtests_due(now: datetime, portfolios: QuerySet[Portfolio] | None = None) -> QuerySet[Portfolio]:
    """Portfolios whose snapshot shows other versions than their backtests and that were not tested this night.

    One that has traded and was never tested is due at once. Nothing is before the first snapshot.
    """
    # The newest of each is one step in an index: a portfolio has dozens of rows for every night.
    newest = Snapshot.objects.filter(portfolio=OuterRef("pk")).order_by("-as_of")
    tested = VarBacktest.objects.filter(portfolio=OuterRef("pk")).order_by("-as_of")
    columns = {f"shown_{name}": Subquery(newest.values(name)[:1]) for name in VERSIONS}
    columns |= {f"tested_{name}": Subquery(tested.values(name)[:1]) for name in (*VERSIONS, "computed_at")}
    moved = Q()
    for name in VERSIONS:
        moved |= ~Q(**{f"tested_{name}": F(f"shown_{name}")})
    traded = Exists(Investment.objects.filter(portfolio=OuterRef("pk")))
    chosen = Portfolio.objects.all() if portfolios is None else portfolios
    found = chosen.annotate(**columns).filter(traded, Q(**{f"shown_{VERSIONS[0]}__isnull": False}))
    again = moved & Q(tested_computed_at__lt=night_began(now))
    return found.filter(Q(tested_computed_at__isnull=True) | again)


def backtests_due_ids(now: datetime) -> list[int]:
    """Their ids, ascending; one query."""
    return list(backtests_due(now).order_by("pk").values_list("pk", flat=True))


# --- what they are computed from ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BacktestInputs:
    """Portfolios with the day of their newest snapshot, and of each and each basis its returns, or why there are none.

    The versions among the facts are read before everything else.
    """

    portfolios: list[PortfolioFacts]
    as_of: dict[int, date]
    histories: dict[Key, History] = field(default_factory=dict)
    problems: dict[Key, str] = field(default_factory=dict)


def backtest_inputs(portfolio_ids: Sequence[int], *, longest: int) -> BacktestInputs:
    """The last ``longest`` returns of portfolios that have a snapshot; a fixed number of queries."""
    chunk = inputs(portfolio_ids)
    shown = Snapshot.objects.filter(portfolio__in=[facts.pk for facts in chunk.portfolios]).order_by()
    as_of = dict(shown.values_list("portfolio").annotate(newest=Max("as_of")))
    found = BacktestInputs([facts for facts in chunk.portfolios if facts.pk in as_of], as_of)
    _add_ex_post(found, chunk, longest)
    _add_ex_ante(found, longest)
    return found


def _add_ex_post(found: BacktestInputs, chunk: Inputs, longest: int) -> None:
    for series in series_of(chunk):
        for place, row in enumerate(series.rows.tolist()):
            key = chunk.portfolios[row].pk, str(Basis.EX_POST)
            earned = np.flatnonzero(series.valid[place])[-longest:]
            if series.problems[place]:
                found.problems[key] = series.problems[place]
            elif not len(earned):
                found.problems[key] = "nothing was held at the close of any session"
            else:
                found.histories[key] = History(series.grid.days[earned], series.returns[place, earned])


def _add_ex_ante(found: BacktestInputs, longest: int) -> None:
    held = exposures(list(Portfolio.objects.filter(pk__in=found.as_of)), window=longest)
    for pk, each in held.items():
        key = pk, str(Basis.EX_ANTE)
        if isinstance(each, Exposure):
            found.histories[key] = History(each.days, each.portfolio_returns)
        else:
            found.problems[key] = str(each)


@dataclass(frozen=True, slots=True, eq=False)
class ForecastSeries:
    """Each day's return and the value at risk that was forecast for it, (D,) each; a positive forecast is a loss."""

    days: NDArray[np.datetime64]
    returns: FloatArray
    forecasts: FloatArray

    @property
    def exceeded(self) -> NDArray[np.bool_]:
        """The days that lost more than forecast."""
        return np.asarray(-self.returns > self.forecasts)


def forecast_series(
    portfolio: Portfolio,
    *,
    basis: str,
    method: Method,
    level: float,
    days: int,
    as_of: date | None = None,
    held: Exposure | None = None,
) -> ForecastSeries:
    """The last ``days`` sessions of one backtest, computed now. Raises a ``DomainError`` where there are none.

    ``held`` is what was read before of the same day; it saves the queries if it is long enough.
    """
    window: int = settings.VAR_WINDOW
    if basis == Basis.EX_ANTE:
        if held is None or held.observations < window + days:
            held = exposure(portfolio, as_of=as_of, window=window + days)
        known = History(held.days, held.portfolio_returns)
    else:
        known = _ex_post(portfolio, window + days, as_of)
    if len(known.days) < window + days:
        raise InsufficientData(window + days, len(known.days))
    returns = known.returns[-window - days :]
    [forecasts] = engine.loss_forecasts(returns, [level], window=window, methods=[method])[method]
    if not np.isfinite(forecasts).all():
        raise UndefinedMetric("the returns of some window do not vary")
    return ForecastSeries(known.days[-days:], known.returns[-days:], forecasts)


def _ex_post(portfolio: Portfolio, longest: int, as_of: date | None) -> History:
    found = BacktestInputs([], {})
    _add_ex_post(found, inputs([portfolio.pk], as_of=as_of), longest)
    for problem in found.problems.values():
        raise UndefinedMetric(problem)
    return found.histories[portfolio.pk, str(Basis.EX_POST)]


# --- what is stored ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredBacktests:
    """The newest backtests up to a day; ``rows`` is empty before the first. ``stale``: something has changed since."""

    rows: list[VarBacktest]
    stale: bool

    @property
    def as_of(self) -> date | None:
        return self.rows[0].as_of if self.rows else None


def stored_backtests(portfolio: Portfolio, *, as_of: date | None = None) -> StoredBacktests:
    """The backtests of the newest day, or of the newest up to ``as_of``; 2 queries."""
    known = VarBacktest.objects.filter(portfolio=portfolio)
    known = known.filter(as_of__lte=as_of) if as_of else known
    newest = known.order_by("-as_of").values("as_of")[:1]
    rows = list(known.filter(as_of=Subquery(newest)).order_by("basis", "days", "pk"))
    order: dict[str, int] = {method: place for place, method in enumerate(METHODS)}
    rows.sort(key=lambda row: (row.basis, row.days, order.get(row.method, len(order)), row.level))
    now = with_versions(Portfolio.objects.filter(pk=portfolio.pk)).values("version", *VERSIONS[1:]).first() or {}
    read = (rows[0].portfolio_version, rows[0].accounts_version, rows[0].price_version) if rows else ()
    return StoredBacktests(rows, tuple(now.values()) != read)


@dataclass(frozen=True, slots=True)
class Night:
    """How many exceptions there were, as it stood on a day."""

    as_of: date
    exceptions: int
    expected: float
    zone: str


def backtest_history(
    portfolio: Portfolio, *, basis: str, method: str, level: float, days: int, as_of: date | None = None
) -> list[Night]:
    """One backtest as it stood on each day that is kept, up to ``as_of``, the oldest first; one query."""
    rows = VarBacktest.objects.filter(
        portfolio=portfolio, basis=basis, method=method, level=str(level), days=days, exceptions__isnull=False
    ).order_by("as_of")
    rows = rows if as_of is None else rows.filter(as_of__lte=as_of)
    return [Night(row.as_of, row.exceptions or 0, row.expected, row.zone) for row in rows.defer("exceeded")]
