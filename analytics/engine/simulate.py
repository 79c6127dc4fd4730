"""Monte Carlo: returns drawn from a distribution that fits the holdings, and what the portfolio makes of them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.dependence import square
from analytics.engine.recording import operation, plain_array
from analytics.engine.types import Figure, FloatArray, checked, float_array

Distribution = Literal["normal", "student"]


def simulate(
    weights: ArrayLike,
    covariance: ArrayLike,
    *,
    mean: ArrayLike | None = None,
    paths: int = 10_000,
    horizon: int = 1,
    distribution: Distribution = "normal",
    degrees: float = 5.0,
    seed: int = 0,
) -> FloatArray:
    """Returns of a portfolio over ``horizon`` periods on ``paths`` random paths.

    The holdings' returns of each period are multivariate normal, or Student t with ``degrees`` of freedom scaled to the
    same covariance (one χ² draw a period shared by all holdings, so that bad days are bad together). Periods are
    independent; the portfolio is rebalanced to its weights every period and compounds. Half the paths are the mirror
    images of the others (antithetic draws), which takes the sampling error out of the mean.

    Parameters
    ----------
    weights : (A,)
        Fractions of the portfolio; what is missing to 1 earns nothing.
    covariance : (A, A)
        Of the holdings' returns per period; positive semidefinite.
    mean : (A,) or None
        Expected returns per period; None for 0, the usual choice for a short horizon.
    paths, horizon : int
        At least 2 and at least 1.
    distribution : "normal" or "student"
    degrees : float
        Degrees of freedom of ``student``, more than 2: below, the variance does not exist.
    seed : int
        The same seed gives the same paths.

    Returns
    -------
    (paths,)
        Fractions over the horizon; at least −1 per period, a holding cannot lose more than it is worth on the whole.

    Raises
    ------
    ValueError
        If an input is NaN or infinite, shapes do not fit, the covariance is not positive semidefinite, or a parameter
        is out of range.

    References
    ----------
    Glasserman (2004), "Monte Carlo Methods in Financial Engineering", sections 2.3, 4.2 and 9.3.
    """
    shares, matrix = checked(weights, name="weights"), square(covariance, "covariance")
    expected = np.zeros(len(matrix)) if mean is None else checked(mean, name="mean")
    if not shares.shape == expected.shape == (len(matrix),):
        raise ValueError(f"weights {shares.shape}, mean {expected.shape} and covariance {matrix.shape} do not fit")
    _check(paths, horizon, distribution, degrees)
    # A sum of jointly normal (or t) returns with fixed weights is normal (or t) itself: one draw a period tells all.
    deviation = _deviation(shares, matrix)
    drift = shares @ expected
    steps = standard_draws(horizon, paths, distribution=distribution, degrees=degrees, seed=seed)
    # In place: the draws are ours, and arrays of all paths are slow to allocate.
    steps *= deviation
    steps += drift
    steps = np.maximum(steps, -1.0, out=steps)
    steps += 1.0
    return float_array(np.multiply.reduce(steps, axis=0) - 1.0)


@operation("standard_draws")
def standard_draws(
    horizon: int, paths: int, *, distribution: Distribution, degrees: float = 5.0, seed: int = 0
) -> FloatArray:
    """Random numbers (horizon, paths) of mean 0 and variance 1; the second half mirrors the first."""
    random = np.random.default_rng(seed)
    half = (paths + 1) // 2
    steps = random.standard_normal((horizon, half))
    if distribution == "student":
        steps *= np.sqrt((degrees - 2.0) / random.chisquare(degrees, (horizon, half)))
    return np.concatenate([steps, -steps], axis=1)[:, :paths]


def _deviation(shares: FloatArray, matrix: FloatArray) -> Figure:
    values = np.linalg.eigvalsh(plain_array(matrix))
    if values[0] < -1e-10 * max(values[-1], 1e-300):
        raise ValueError("covariance must be positive semidefinite")
    deviation: Figure = np.sqrt(np.maximum(shares @ matrix @ shares, 0.0))
    return deviation


def _check(paths: int, horizon: int, distribution: str, degrees: float) -> None:
    if paths < 2:
        raise ValueError(f"paths must be at least 2, got {paths}")
    if horizon < 1:
        raise ValueError(f"horizon must be at least 1, got {horizon}")
    if distribution not in ("normal", "student"):
        raise ValueError(f'distribution must be "normal" or "student", got {distribution!r}')
    if distribution == "student" and not degrees > 2:
        raise ValueError(f"degrees must be above 2, got {degrees}")
