"""What a portfolio may look like: limits per asset, per group and on the turnover, each with a name for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import FloatArray, checked
from core.errors import DomainError

Kind = Literal[
    "lower",
    "upper",
    "group_minimum",
    "group_maximum",
    "turnover",
    "target_return",
    "target_volatility",
    "risk_free",
]
Piece: TypeAlias = "tuple[Kind, str]"
WHOLE = 1e-6  # how far from 1 weights may add up to
TOUCHING = 1e-5  # a limit this near is met with equality, as far as a solver's answer tells
_TEXTS: dict[Kind, str] = {
    "lower": "{name} at least {limit}",
    "upper": "{name} at most {limit}",
    "group_minimum": "{name} together at least {limit}",
    "group_maximum": "{name} together at most {limit}",
    "turnover": "turnover of at most {limit}",
    "target_return": "expected return of at least {limit}",
    "target_volatility": "volatility of at most {limit}",
    "risk_free": "expected return above the risk-free {limit}",
}
_FIELDS: dict[Kind, str] = {
    "group_minimum": "sectors",
    "group_maximum": "sectors",
    "target_return": "target",
    "target_volatility": "target",
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One limit: its kind, the asset or group it is about (empty: the whole), and where it lies."""

    kind: Kind
    name: str
    limit: float

    def __str__(self) -> str:
        return _TEXTS[self.kind].format(name=self.name or "the assets", limit=percent(self.limit)).strip()


class Infeasible(DomainError):
    """No portfolio meets all the limits."""

    def __init__(self, message: str, *, constraint: Constraint) -> None:
        self.constraint = constraint
        super().__init__(message, field=_FIELDS.get(constraint.kind, constraint.kind))

    def __reduce__(self) -> tuple[object, ...]:
        # An exception is pickled with its message alone, which is not all that __init__ takes.
        return _infeasible, (str(self), self.constraint)


def _infeasible(message: str, constraint: Constraint) -> Infeasible:
    return Infeasible(message, constraint=constraint)


class WeightsDoNotAddUp(DomainError):
    """Weights must add up to 1."""


@dataclass(frozen=True, slots=True)
class Group:
    """Assets that are limited together, such as those of a sector: their columns, and what they add up to."""

    name: str
    members: tuple[int, ...]
    minimum: float = 0.0
    maximum: float = 1.0


@dataclass(frozen=True, eq=False, slots=True)
class Limits:
    """What weights must keep to, besides adding up to 1. The default is long only.

    ``lower`` and ``upper`` are one number or (N,), fractions of the whole. ``turnover`` is the largest part of the
    portfolio that may be sold to buy something else, ½ Σ|w − current|; it needs ``current``, (N,), which adds up to 1.
    ``names`` are the assets', for messages.
    """

    lower: ArrayLike = 0.0
    upper: ArrayLike = 1.0
    groups: tuple[Group, ...] = ()
    current: ArrayLike | None = None
    turnover: float | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Rules:
    """Limits that are checked and brought to arrays of the assets' number."""

    lower: FloatArray
    upper: FloatArray
    groups: tuple[Group, ...]
    members: FloatArray
    current: FloatArray | None
    turnover: float | None
    names: tuple[str, ...]

    @property
    def pieces(self) -> list[Piece]:
        """What can be taken away alone when there are too many limits, each with the name it concerns."""
        found: list[Piece] = [] if self.turnover is None else [("turnover", "")]
        for group in self.groups:
            found += [("group_minimum", group.name), ("group_maximum", group.name)]
        return [*found, ("upper", ""), ("lower", "")]

    def constraint(self, piece: Piece) -> Constraint:
        """The limit behind a piece; for the limits of all assets the one that matters most."""
        kind, name = piece
        if kind == "turnover":
            return Constraint(kind, "", self.turnover or 0.0)
        if kind == "upper":
            return Constraint(kind, name, float(self.upper.min()))
        if kind == "lower":
            return Constraint(kind, name, float(self.lower.max()))
        group = next(group for group in self.groups if group.name == name)
        return Constraint(kind, name, group.minimum if kind == "group_minimum" else group.maximum)

    def binding(self, weights: FloatArray) -> tuple[Constraint, ...]:
        """The limits that the weights touch."""
        sides: tuple[tuple[Kind, FloatArray, float], ...] = (("upper", self.upper, 1.0), ("lower", self.lower, 0.0))
        found = [
            Constraint(kind, name, float(limit))
            for kind, limits, unsaid in sides
            for name, limit, weight in zip(self.names, limits, weights, strict=True)
            # Nobody sets the limit that an asset is not less than nothing and not more than everything.
            if limit != unsaid and abs(weight - limit) <= TOUCHING
        ]
        for group, total in zip(self.groups, self.members @ weights, strict=True):
            if group.minimum > 0 and abs(total - group.minimum) <= TOUCHING:
                found.append(Constraint("group_minimum", group.name, group.minimum))
            if group.maximum < 1 and abs(total - group.maximum) <= TOUCHING:
                found.append(Constraint("group_maximum", group.name, group.maximum))
        if self.turnover is not None and turnover(weights, self.current) >= self.turnover - TOUCHING:
            found.append(Constraint("turnover", "", self.turnover))
        return tuple(found)

    def met_by(self, weights: FloatArray, within: float = 1e-9) -> bool:
        """Whether weights keep to every limit."""
        totals = self.members @ weights
        return bool(
            (weights >= self.lower - within).all()
            and (weights <= self.upper + within).all()
            and all(
                group.minimum - within <= total <= group.maximum + within
                for group, total in zip(self.groups, totals, strict=True)
            )
            and (self.turnover is None or turnover(weights, self.current) <= self.turnover + within)
        )


def turnover(weights: FloatArray, current: FloatArray | None) -> float:
    """The part of a portfolio that is sold to buy something else, ½ Σ|w − current|."""
    return 0.0 if current is None else float(np.abs(weights - current).sum()) / 2


def adding_up(weights: ArrayLike, count: int, name: str = "weights") -> FloatArray:
    """Weights (N,) that add up to 1. Raises WeightsDoNotAddUp; ``ValueError`` for another shape, NaN or infinity."""
    shares = checked(weights, name=name)
    if shares.shape != (count,):
        raise ValueError(f"{name} must have shape ({count},), got {shares.shape}")
    if abs(float(shares.sum()) - 1) > WHOLE:
        raise WeightsDoNotAddUp(
            "{name} must add up to 100 %, not to {shares}", name=name, shares=percent(float(shares.sum())), field=name
        )
    return shares


def rules(limits: Limits, count: int) -> Rules:
    """The limits for ``count`` assets.

    Raises ``ValueError`` for NaN or infinity, other shapes or columns that do not exist, WeightsDoNotAddUp for current
    weights, and Infeasible where two limits contradict each other on their face.
    """
    names = limits.names or tuple(f"asset {number}" for number in range(1, count + 1))
    if len(names) != count:
        raise ValueError(f"{len(names)} names for {count} assets")
    if len({group.name for group in limits.groups}) < len(limits.groups):
        raise ValueError("two groups have the same name")
    if limits.turnover is not None and not (np.isfinite(limits.turnover) and limits.turnover >= 0):
        raise ValueError(f"turnover must not be negative, got {limits.turnover}")
    if limits.turnover is not None and limits.current is None:
        raise ValueError("a limit on the turnover needs the current weights")
    found = Rules(
        lower=_each(limits.lower, count, "lower"),
        upper=_each(limits.upper, count, "upper"),
        groups=limits.groups,
        members=_members(limits.groups, count),
        current=None if limits.current is None else adding_up(limits.current, count, "current"),
        turnover=limits.turnover,
        names=names,
    )
    _contradictions(found)
    return found


def percent(fraction: float) -> str:
    """A fraction for people, with as many digits as tell something."""
    return f"{round(100 * fraction, 4):.6g} %"


def _each(values: ArrayLike, count: int, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim and array.shape != (count,):
        raise ValueError(f"{name} must be a number or have shape ({count},), got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must not contain NaN or infinity")
    return np.broadcast_to(array, (count,)).copy()


def _members(groups: tuple[Group, ...], count: int) -> FloatArray:
    """(G, N): 1 where an asset belongs to a group."""
    table = np.zeros((len(groups), count))
    for row, group in enumerate(groups):
        if not np.isfinite([group.minimum, group.maximum]).all():
            raise ValueError(f"the limits of {group.name} must be finite")
        if any(not 0 <= member < count for member in group.members):
            raise ValueError(f"{group.name} has a member that is none of the {count} assets")
        table[row, list(group.members)] = 1.0
    return table


def _contradictions(rules: Rules) -> None:
    """What is impossible on its face is said in its own words, without a solver."""
    for name, low, high in zip(rules.names, rules.lower, rules.upper, strict=True):
        if low > high:
            message = f"{name} cannot be at least {percent(low)} and at most {percent(high)} of the portfolio."
            raise Infeasible(message, constraint=Constraint("upper", name, float(high)))
    most, least = float(rules.upper.sum()), float(rules.lower.sum())
    if most < 1 - WHOLE:
        message = f"The upper limits add up to {percent(most)} only: the rest of the portfolio has no place."
        raise Infeasible(message, constraint=Constraint("upper", "", float(rules.upper.max())))
    if least > 1 + WHOLE:
        message = f"The lower limits add up to {percent(least)}, which is more than the whole portfolio."
        raise Infeasible(message, constraint=Constraint("lower", "", float(rules.lower.max())))
    for group in rules.groups:
        _group_contradiction(group, rules)


def _group_contradiction(group: Group, rules: Rules) -> None:
    columns = list(group.members)
    most, least = float(rules.upper[columns].sum()), float(rules.lower[columns].sum())
    low = Constraint("group_minimum", group.name, group.minimum)
    high = Constraint("group_maximum", group.name, group.maximum)
    if group.minimum > group.maximum:
        message = f"{group.name} cannot be at least {percent(group.minimum)} and at most {percent(group.maximum)}."
        raise Infeasible(message, constraint=low)
    if group.minimum > most + WHOLE:
        message = f"{low} cannot be: the upper limits of its assets add up to {percent(most)}."
        raise Infeasible(_sentence(message), constraint=low)
    if group.maximum < least - WHOLE:
        message = f"{high} cannot be: the lower limits of its assets add up to {percent(least)}."
        raise Infeasible(_sentence(message), constraint=high)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
