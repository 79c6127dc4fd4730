"""What a shock would do to today's holdings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import FloatArray, checked, float_array, number


@dataclass(frozen=True, slots=True)
class StressResult:
    """Return of the whole under the shock, and what each holding contributes to it; they sum to it. Fractions.

    ``shocks`` (A,) are the holdings' returns, none below −1.
    """

    total: float
    contributions: FloatArray
    shocks: FloatArray


def stress(
    weights: ArrayLike,
    shocks: ArrayLike | None = None,
    *,
    exposures: ArrayLike | None = None,
    factor_shocks: ArrayLike | None = None,
) -> StressResult:
    """Loss or gain of the present weights when each asset is shocked, directly or through its factors.

    An asset's shock is its own, plus Σ exposure × the factors' shocks where those are given. First order: weights are
    those before the shock.

    Parameters
    ----------
    weights : (A,)
        Fractions of the portfolio; what is missing to 1 is cash and does not move.
    shocks : (A,) or None
        Returns of the assets under the scenario, such as those of a historical window; at least −1.
    exposures : (A, K) and factor_shocks : (K,), or both None
        Betas of the assets and returns of the factors.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, the shapes do not fit, a shock is below −1, or no shock is given.
    InsufficientData
        Without any holding.

    References
    ----------
    Jorion (2006), "Value at Risk", 3rd ed., chapter 14.
    """
    shares = checked(weights, name="weights")
    if shares.ndim != 1:
        raise ValueError(f"weights must have shape (A,), got {shares.shape}")
    if shocks is None and factor_shocks is None:
        raise ValueError("shocks or factor_shocks must be given")
    moves = np.zeros(len(shares)) if shocks is None else checked(shocks, name="shocks")
    if moves.shape != shares.shape:
        raise ValueError(f"shocks have shape {moves.shape}, weights have {shares.shape}")
    if (moves < -1).any():
        raise ValueError("a shock must not be below -1: an asset cannot lose more than it is worth")
    if factor_shocks is not None or exposures is not None:
        moves = moves + _through_factors(exposures, factor_shocks, len(shares))
    moves = np.maximum(moves, -1.0)
    contributions = shares * moves
    return StressResult(number(contributions.sum()), contributions, moves)


def _through_factors(exposures: ArrayLike | None, factor_shocks: ArrayLike | None, count: int) -> FloatArray:
    if exposures is None or factor_shocks is None:
        raise ValueError("exposures and factor_shocks must be given together")
    betas, moves = checked(exposures, name="exposures"), checked(factor_shocks, name="factor_shocks")
    if betas.ndim != 2 or betas.shape != (count, *moves.shape):
        raise ValueError(f"exposures have shape {betas.shape}, factor_shocks {moves.shape}, for {count} holdings")
    return float_array(betas @ moves)
