"""Return and risk of one asset over several spans."""

from __future__ import annotations

import numpy as np
import pytest

from analytics.asset_figures import FEWEST, figures

DAYS = np.arange(np.datetime64("2019-12-01"), np.datetime64("2023-01-02"))
RNG = np.random.default_rng(7)
MOVES = RNG.normal(0.0004, 0.01, len(DAYS) - 1)
CLOSES = 100 * np.concatenate([[1.0], np.cumprod(1 + MOVES)])


def test_each_span_by_hand() -> None:
    year, three, whole = figures(DAYS, CLOSES, 365, (DAYS, CLOSES))
    assert [year.span, three.span, whole.span] == ["1y", "3y", "max"]
    assert (str(year.start), str(year.end)) == ("2022-01-01", "2023-01-01")
    last = CLOSES[-366:]
    returns = last[1:] / last[:-1] - 1
    assert year.total_return == pytest.approx(last[-1] / last[0] - 1)
    assert year.annual_return == pytest.approx((last[-1] / last[0]) ** (365.25 / 365) - 1)
    assert year.volatility == pytest.approx(returns.std(ddof=1) * np.sqrt(365))
    assert year.drawdown == pytest.approx((last / np.maximum.accumulate(last) - 1).min())
    assert year.beta == pytest.approx(1)
    assert whole.annual_return == pytest.approx((CLOSES[-1] / 100) ** (365.25 / 1127) - 1)


def test_beta_is_of_common_days() -> None:
    twice = 100 * np.concatenate([[1.0], np.cumprod(1 + 2 * MOVES)])
    assert figures(DAYS, twice, 252, (DAYS, CLOSES))[-1].beta == pytest.approx(2)
    assert figures(DAYS, twice, 252, (DAYS[:10], CLOSES[:10]))[-1].beta is None
    assert figures(DAYS, twice, 252, (DAYS, np.full(len(DAYS), 5.0)))[-1].beta is None
    assert figures(DAYS, twice, 252)[-1].beta is None


def test_short_and_broken_series() -> None:
    assert figures(DAYS[:FEWEST], CLOSES[:FEWEST], 252) == []
    assert figures(DAYS[:0], CLOSES[:0], 252) == []
    [only] = figures(DAYS[: FEWEST + 1], CLOSES[: FEWEST + 1], 252)
    assert (only.span, only.annual_return, only.returns) == ("max", None, FEWEST)
    broken = CLOSES.copy()
    broken[5:9] = [np.nan, 0.0, -1.0, np.inf]
    assert figures(DAYS, broken, 252)[-1].returns == len(DAYS) - 5
    flat = figures(DAYS, np.full(len(DAYS), 7.0), 252, (DAYS, CLOSES))[-1]
    assert (flat.total_return, flat.volatility, flat.drawdown, flat.beta) == (0, 0, 0, pytest.approx(0))
