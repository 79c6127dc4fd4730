"""Black–Litterman: what the market seems to expect, moved by somebody's own views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analytics.engine.dependence import square
from analytics.engine.limits import adding_up
from analytics.engine.types import FLAT, FloatArray, checked
from core.errors import DomainError

RISK_AVERSION = 2.5
TAU = 0.05


class ContradictoryViews(DomainError):
    """Two views that are held for certain contradict or repeat each other."""


@dataclass(frozen=True, eq=False, slots=True)
class Views:
    """K views about N assets.

    ``portfolios`` is (K, N): what each view is about; a row (0, 1, 0) is about the second asset, (1, −1, 0) about what
    the first earns beyond the second. ``returns`` is (K,): what it is expected to earn a year, as a fraction.
    ``confidences`` is (K,), above 0 and at most 1: at 1 the expectation is moved all the way to the view.
    """

    portfolios: ArrayLike
    returns: ArrayLike
    confidences: ArrayLike


def equilibrium(covariance: ArrayLike, market: ArrayLike, risk_aversion: float = RISK_AVERSION) -> FloatArray:
    """Returns at which somebody with this risk aversion would hold the market: δΣw, (N,), in the covariance's periods.

    Raises ``ValueError`` for wrong shapes, NaN, infinity or a risk aversion that is not positive, and
    WeightsDoNotAddUp.

    References
    ----------
    Black and Litterman (1992), "Global portfolio optimization", Financial Analysts Journal 48(5).
    """
    matrix = square(covariance, "covariance")
    if not 0 < risk_aversion < np.inf:
        raise ValueError(f"risk_aversion must be positive, got {risk_aversion}")
    return np.asarray(risk_aversion * matrix @ adding_up(market, len(matrix), "market"))


def posterior(
    prior: ArrayLike, covariance: ArrayLike, views: Views, *, tau: float = TAU, periods: float = 252
) -> FloatArray:
    """Expected returns after the views: π + τΣPᵀ(PτΣPᵀ + Ω)⁻¹(q − Pπ).

    The uncertainty of a view follows from its confidence c: Ω is diagonal with (1/c − 1) pτΣpᵀ, so that one view alone
    moves the expectation by the share c of the way to it.

    Parameters
    ----------
    prior : (N,)
        Expected returns per period before the views.
    covariance : (N, N)
        Of the returns per period.
    views : Views
        With K = 0 the prior is returned.
    tau : float
        How uncertain the prior is, beside the covariance. It cancels out where Ω comes from confidences.
    periods : float
        Periods in a year, which the views are about.

    Raises
    ------
    ValueError
        For wrong shapes, NaN, infinity, an empty view, or a confidence or ``tau`` out of range.
    ContradictoryViews
        If certain views depend on each other.

    References
    ----------
    He and Litterman (1999), "The intuition behind Black-Litterman model portfolios". Idzorek (2005), "A step-by-step
    guide to the Black-Litterman model". Walters (2014), "The Black-Litterman model in detail", for Ω in closed form.
    """
    matrix, before = square(covariance, "covariance"), checked(prior, name="prior")
    portfolios, expected, confidences = _checked(views, len(matrix))
    if not 0 < tau < np.inf:
        raise ValueError(f"tau must be positive, got {tau}")
    if not len(portfolios):
        return before
    spread = tau * matrix @ portfolios.T
    known = portfolios @ spread
    if (np.diag(known) <= FLAT * tau * np.trace(matrix)).any():
        raise ValueError("a view must be about something that varies")
    uncertainty = np.diag(known) * (1.0 / confidences - 1.0)
    surprise = expected / periods - portfolios @ before
    # Scaled to a diagonal near 1 before its condition is judged: views may be about very different risks.
    size = np.sqrt(np.diag(known))
    system = (known + np.diag(uncertainty)) / size / size[:, np.newaxis]
    if np.linalg.matrix_rank(system, tol=1e-9, hermitian=True) < len(system):
        raise ContradictoryViews(field="views")
    return np.asarray(before + spread @ (np.linalg.solve(system, surprise / size) / size))


def _checked(views: Views, count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    portfolios = checked(np.reshape(views.portfolios, (-1, count)), needed=0, name="views")
    expected, confidences = (
        checked(values, needed=0, name=name)
        for values, name in ((views.returns, "returns of views"), (views.confidences, "confidences"))
    )
    if expected.shape != (len(portfolios),) or confidences.shape != (len(portfolios),):
        raise ValueError(f"{len(portfolios)} views, {expected.shape} returns, {confidences.shape} confidences")
    if ((confidences <= 0) | (confidences > 1)).any():
        raise ValueError("a confidence must be above 0 and at most 1")
    if not np.abs(portfolios).any(axis=1).all():
        raise ValueError("a view must be about an asset")
    return portfolios, expected, confidences
