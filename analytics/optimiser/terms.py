"""What somebody asks of an optimisation, and what of it cannot be."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Literal, get_args

from analytics.engine import OBJECTIVES, Estimator, Objective
from core.errors import DomainError

Reference = Literal["current", "equal", "capitalisation"]
MARKETS: tuple[Reference, ...] = get_args(Reference)
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)
MOST_ASSETS = 100
MOST_VIEWS = 50
WINDOW = 756  # sessions: three years
LOOKBACK = 252
SHORTEST, LONGEST = 60, 2520  # sessions of a window
LARGEST = 10.0  # of a weight, a return or a volatility: 1,000 %


class TermsRefused(DomainError):
    """The optimisation cannot be run as it is asked for."""


@dataclass(frozen=True, slots=True)
class AssetLimit:
    """Weights of one asset, by its symbol; None leaves a side to the limits of all."""

    asset: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class SectorLimit:
    sector: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class View:
    """``asset`` earns ``earns`` a year, or that much beyond ``against``, with a confidence above 0 and up to 1."""

    asset: str
    earns: float
    confidence: float
    against: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """Fractions throughout; ``target`` and ``risk_free`` by the year; ``window`` and ``lookback`` in sessions.

    ``window`` is what the figures are estimated from, None for all there is; ``lookback`` what each step of the walk
    forward knows. ``market`` says what would be held without views. ``extra`` are symbols beyond what is held.
    """

    objective: Objective = "min_variance"
    estimator: Estimator = "sample"
    window: int | None = WINDOW
    as_of: date | None = None
    target: float | None = None
    level: float = 0.95
    risk_free: float = 0.0
    lower: float = 0.0
    upper: float = 1.0
    assets: tuple[AssetLimit, ...] = ()
    sectors: tuple[SectorLimit, ...] = ()
    turnover: float | None = None
    views: tuple[View, ...] = ()
    market: Reference = "current"
    extra: tuple[str, ...] = ()
    lookback: int = LOOKBACK
    cost: float = 0.001

    @property
    def named(self) -> list[tuple[str, str]]:
        """Every symbol that is named, with the input that names it."""
        views = [name for view in self.views for name in (view.asset, view.against) if name]
        return [("assets", limit.asset) for limit in self.assets] + [("views", name) for name in views]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"as_of": self.as_of.isoformat() if self.as_of else None}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Terms:
        """What ``to_json`` wrote, also by an older version that knew fewer terms."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in given.items() if name in known}
        rows = (("assets", AssetLimit), ("sectors", SectorLimit), ("views", View))
        nested = {name: tuple(row(**entry) for entry in values.get(name, ())) for name, row in rows}
        as_of = values.get("as_of")
        day = date.fromisoformat(as_of) if as_of else None
        return cls(**values | nested | {"extra": tuple(values.get("extra", ())), "as_of": day})


def checked_terms(terms: Terms) -> Terms:
    """The terms, if they make sense in themselves. Raises TermsRefused with the input's name."""
    _one_of(terms.objective, OBJECTIVES, "objective")
    _one_of(terms.estimator, ESTIMATORS, "estimator")
    _one_of(terms.market, MARKETS, "market")
    if terms.window is not None:
        _within(terms.window, SHORTEST, LONGEST, "window", "sessions")
    _within(terms.lookback, SHORTEST, LONGEST, "lookback", "sessions")
    _within(terms.level, 0.5, 0.999, "level")
    _within(terms.cost, 0.0, 0.1, "cost")
    _within(terms.risk_free, -1.0, 1.0, "risk_free")
    _within(terms.lower, -1.0, 1.0, "lower")
    _within(terms.upper, 0.0, LARGEST, "upper")
    _target(terms)
    if terms.turnover is not None:
        _within(terms.turnover, 0.0, LARGEST, "turnover")
    _limits(terms)
    _views(terms)
    if len(terms.extra) > MOST_ASSETS:
        raise TermsRefused(
            "At most {most_assets} assets can be optimised together.", most_assets=MOST_ASSETS, field="extra"
        )
    return terms


def _target(terms: Terms) -> None:
    needed = terms.objective in ("target_return", "target_volatility")
    if needed and terms.target is None:
        raise TermsRefused("This objective needs a target.", field="target")
    if terms.target is not None:
        _within(terms.target, 1e-6 if terms.objective == "target_volatility" else -1.0, LARGEST, "target")


def _limits(terms: Terms) -> None:
    _once((limit.asset for limit in terms.assets), "assets")
    _once((limit.sector for limit in terms.sectors), "sectors")
    if len(terms.assets) > MOST_ASSETS or len(terms.sectors) > MOST_ASSETS:
        raise TermsRefused(
            "At most {most_assets} rows of limits can be given.", most_assets=MOST_ASSETS, field="assets"
        )
    for limit in terms.assets:
        for side in (limit.lower, limit.upper):
            if side is not None:
                _within(side, -1.0, LARGEST, "assets")
    for sector in terms.sectors:
        for side in (sector.minimum, sector.maximum):
            if side is not None:
                _within(side, -1.0, LARGEST, "sectors")


def _views(terms: Terms) -> None:
    if len(terms.views) > MOST_VIEWS:
        raise TermsRefused("At most {most_views} views can be held.", most_views=MOST_VIEWS, field="views")
    for view in terms.views:
        if view.asset == view.against:
            raise TermsRefused("{asset} cannot earn more than itself.", asset=view.asset, field="views")
        _within(view.earns, -LARGEST, LARGEST, "views")
        if not 0 < view.confidence <= 1:
            raise TermsRefused("A confidence is above 0 % and at most 100 %.", field="views")


def _once(names: Iterable[str], field: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise TermsRefused("{name} is limited twice.", name=name, field=field)
        seen.add(name)


def _one_of(value: str, allowed: Collection[str], field: str) -> None:
    if value not in allowed:
        raise TermsRefused("Choose one of {names}.", names=", ".join(allowed), field=field)


def _within(value: float, lowest: float, highest: float, field: str, unit: str = "") -> None:
    if not (math.isfinite(value) and lowest <= value <= highest):
        ends = f"from {lowest:g} to {highest:g} {unit}".strip()
        raise TermsRefused("Write a number {ends}.", ends=ends, field=field)
