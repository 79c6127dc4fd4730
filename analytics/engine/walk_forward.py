"""What weights chosen on the past would have earned afterwards, beside the same assets in equal parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.errors import InsufficientData, UndefinedMetric
from analytics.engine.limits import turnover
from analytics.engine.returns import BEYOND
from analytics.engine.types import FloatArray, checked
from core.errors import DomainError

STEP = 63
COST = 0.001
Chooser = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True, eq=False, slots=True)
class Track:
    """One way of investing: its returns after costs (S,), and at each of R rebalancings the turnover, (R,).

    Where everything is lost the track ends: the last of its returns is −1, it has fewer sessions and rebalancings than
    there are, and ``ruin`` is the row of that day in the returns. Nobody goes on investing what is less than nothing.
    """

    returns: FloatArray
    turnover: FloatArray
    ruin: int | None = None


@dataclass(frozen=True, eq=False, slots=True)
class WalkForward:
    """Chosen weights against equal ones over the same S sessions.

    ``start`` is the row of the first of them in the returns. ``rebalanced`` (R,) are the rows at whose beginning
    weights were set, as long as the chosen ones had not lost everything; ``weights`` (R, N) are the chosen ones.
    ``skipped`` says why weights were not chosen anew, by row.
    """

    start: int
    rebalanced: tuple[int, ...]
    weights: FloatArray
    chosen: Track
    equal: Track
    skipped: dict[int, str]


def rebalancings(observations: int, window: int, step: int = STEP) -> range:
    """The rows before which weights are set: after the first ``window``, then every ``step``.

    Raises ``ValueError`` unless both are positive, and InsufficientData without a session to judge.
    """
    if window < 2 or step < 1:
        raise ValueError(f"window must be at least 2 and step at least 1, got {window} and {step}")
    if observations <= window:
        raise InsufficientData(needed=window + 1, got=observations)
    return range(window, observations, step)


def walk_forward(
    returns: ArrayLike, choose: Chooser, *, window: int, step: int = STEP, cost: float = COST
) -> WalkForward:
    """Choose weights on the last ``window`` sessions, hold them for ``step``, and so on; the same for equal weights.

    Between two rebalancings nothing is traded, so that weights drift with prices. A rebalancing costs ``cost`` of what
    is bought and of what is sold; the first purchase costs nothing in either track, as it is the same in both.
    A track whose wealth falls to zero or below, after costs, ends there with −100 %; see ``Track``.

    Parameters
    ----------
    returns : (T, N)
        Simple returns per session.
    choose : callable
        From the returns of a window, (window, N), and the weights held until then, (N,), equal ones at first, to new
        weights, (N,) adding up to 1. Where it raises a DomainError, such as Infeasible, the weights held are kept, and
        ``skipped`` says so.
    window, step : int
        Sessions.
    cost : float
        Fraction of the traded amount, 0 or more and below 1.

    Raises
    ------
    ValueError
        For NaN, infinity, another shape, or a parameter out of range.
    InsufficientData
        If there is no session after the first window.
    UndefinedMetric
        If what an asset becomes exceeds a float.
    Infeasible, DomainError
        What ``choose`` says, if it finds weights in no window at all.

    References
    ----------
    DeMiguel, Garlappi and Uppal (2009), "Optimal versus naive diversification", Review of Financial Studies 22(5).
    """
    series = checked(returns, needed=1)
    if series.ndim != 2:
        raise ValueError(f"returns must have shape (T, N), got {series.shape}")
    if not 0 <= cost < 1:
        raise ValueError(f"cost must be at least 0 and below 1, got {cost}")
    rows = rebalancings(len(series), window, step)
    count = series.shape[1]
    equal = np.full(count, 1.0 / count)
    skipped: dict[int, str] = {}
    errors: list[DomainError] = []

    def chosen(row: int, held: FloatArray) -> FloatArray:
        try:
            return choose(series[row - window : row], held)
        except DomainError as error:
            errors.append(error)
            skipped[row] = error.message
            return held

    weights, ours = _track(series, rows, step, cost, chosen)
    if len(errors) == len(weights):
        raise errors[0]
    _, theirs = _track(series, rows, step, cost, lambda *_: equal)
    return WalkForward(window, tuple(rows[: len(weights)]), weights, ours, theirs, skipped)


def _track(
    series: FloatArray, rows: range, step: int, cost: float, weigh: Callable[[int, FloatArray], FloatArray]
) -> tuple[FloatArray, Track]:
    held = np.full(series.shape[1], 1.0 / series.shape[1])
    returns: list[FloatArray] = []
    weights: list[FloatArray] = []
    turned: list[float] = []
    for row in rows:
        new = weigh(row, held)
        turned.append(turnover(new, held) if weights else 0.0)
        weights.append(new)
        with np.errstate(over="ignore", invalid="ignore"):
            worth = new * np.cumprod(1.0 + series[row : row + step], axis=0)
        if not np.isfinite(worth).all():
            raise UndefinedMetric(BEYOND)
        left = 1.0 - 2.0 * cost * turned[-1]
        wealth, ruin = _until_ruin(worth.sum(axis=1), left)
        returns.append(wealth / np.concatenate([[1.0], wealth[:-1]]) - 1.0)
        if ruin is not None:
            return np.array(weights), Track(np.concatenate(returns), np.array(turned), row + ruin)
        held = worth[-1] / worth[-1].sum()
    return np.array(weights), Track(np.concatenate(returns), np.array(turned))


def _until_ruin(wealth: FloatArray, left: float) -> tuple[FloatArray, int | None]:
    """Wealth after each session, of 1 of which costs have ``left`` a share, up to the day that leaves nothing, if any.

    That day's wealth is 0, whatever was owed. Costs above everything leave nothing on the first.
    """
    lost = np.flatnonzero((wealth <= 0) | (left <= 0))
    if not len(lost):
        return wealth * left, None
    ruin = int(lost[0])
    return np.append(wealth[:ruin] * left, 0.0), ruin
