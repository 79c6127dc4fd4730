"""Where an active return came from: allocation, selection, interaction by segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.types import FloatArray, checked


@dataclass(frozen=True, slots=True)
class BrinsonAttribution:
    """Effects by segment, each (S,) or (T, S); over segments they sum to the active return of the period."""

    allocation: FloatArray
    selection: FloatArray
    interaction: FloatArray

    @property
    def active_return(self) -> FloatArray:
        """R − B per period: a scalar or (T,)."""
        return np.asarray((self.allocation + self.selection + self.interaction).sum(axis=-1))[()]


def brinson_attribution(
    weights: ArrayLike, returns: ArrayLike, benchmark_weights: ArrayLike, benchmark_returns: ArrayLike
) -> BrinsonAttribution:
    """Brinson and Fachler's split of the active return of one period, or of several, by segment.

    allocation (w − v)(bᵢ − B), selection v(r − bᵢ), interaction (w − v)(r − bᵢ), with w and r of the portfolio's
    segments, v and bᵢ of the benchmark's, and B the benchmark's return.

    Parameters
    ----------
    weights, benchmark_weights : (S,) or (T, S)
        Of the segments at the start of each period; each row sums to 1.
    returns, benchmark_returns : (S,) or (T, S)
        Of the segments, simple, as fractions.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, the shapes differ, or weights do not sum to 1.
    InsufficientData
        Without any segment.

    References
    ----------
    Brinson and Fachler (1985), "Measuring non-US equity portfolio performance", Journal of Portfolio Management 11(3).
    """
    own, earned = checked(weights, name="weights"), checked(returns)
    its = checked(benchmark_weights, name="benchmark_weights")
    gained = checked(benchmark_returns, name="benchmark_returns")
    if not own.shape == earned.shape == its.shape == gained.shape:
        raise ValueError("weights and returns of portfolio and benchmark must have one shape")
    for name, shares in (("weights", own), ("benchmark_weights", its)):
        if not np.allclose(shares.sum(axis=-1), 1.0, rtol=0, atol=1e-9):
            raise ValueError(f"{name} must sum to 1")
    whole = (its * gained).sum(axis=-1, keepdims=True)
    tilt, edge = own - its, earned - gained
    return BrinsonAttribution(allocation=tilt * (gained - whole), selection=its * edge, interaction=tilt * edge)
