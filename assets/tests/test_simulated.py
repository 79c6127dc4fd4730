"""The random walk: the same for everybody, on sessions only, through its anchor."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.providers.base import Bar
from assets.providers.simulated import Simulated
from assets.sessions import sessions

START, END = date(2013, 1, 2), date(2022, 12, 28)
WALK = Simulated(seed=7)


def test_the_same_for_the_same_seed_and_symbol() -> None:
    series = WALK.series("TSLA", START, END)
    assert series == Simulated(seed=7).series("TSLA", START, END)
    assert series[0].close != Simulated(seed=8).series("TSLA", START, START)[0].close
    assert series[0].close != WALK.series("NVDA", START, START)[0].close
    assert WALK.series("TSLA", date(2020, 6, 1), date(2020, 6, 1))[0].close == Decimal("307.1373")


def test_one_bar_for_each_session() -> None:
    assert [bar.day for bar in WALK.series("TSLA", START, END)] == sessions("XNYS", START, END)
    assert WALK.series("TSLA", date(2024, 6, 1), date(2024, 6, 2)) == []


@pytest.fixture(scope="module")
def whole() -> dict[date, Bar]:
    """Ten years of the walk."""
    return {bar.day: bar for bar in WALK.series("TSLA", START, END)}


@given(start=st.dates(START, END), length=st.integers(0, 60))
def test_a_window_shows_a_part_of_one_walk(whole: dict[date, Bar], start: date, length: int) -> None:
    end = min(start + timedelta(days=length), END)
    assert WALK.series("TSLA", start, end) == [whole[day] for day in sessions("XNYS", start, end)]


@pytest.mark.parametrize("anchor", [(END, Decimal("108.25")), (START, Decimal("2.3")), (date(2018, 6, 2), Decimal(50))])
def test_the_walk_goes_through_its_anchor(anchor: tuple[date, Decimal]) -> None:
    series = WALK.series("TSLA", START, END, anchor=anchor)
    assert [bar.close for bar in series if bar.day <= anchor[0]][-1] == anchor[1]
    assert all(bar.close > 0 for bar in series)


def test_an_anchor_after_the_window() -> None:
    anchor = (END, Decimal("108.25"))
    [bar] = WALK.series("TSLA", START, START, anchor=anchor)
    assert bar == WALK.series("TSLA", START, END, anchor=anchor)[0]


def test_returns_look_like_those_of_a_stock() -> None:
    closes = np.array([[float(bar.close) for bar in WALK.series(f"S{i}", START, END)] for i in range(20)])
    yearly = np.diff(np.log(closes)).std(axis=1) * np.sqrt(252)
    assert 0.17 < yearly.min() < yearly.max() < 0.44


def test_daily_bars_go_on_from_the_anchor() -> None:
    walk = Simulated(7, anchors={"TSLA": (date(2024, 5, 30), Decimal(100))})
    bars = walk.daily_bars(["TSLA", "NVDA"], date(2024, 5, 31))
    assert [bar.symbol for bar in bars] == ["TSLA", "NVDA"]
    assert 85 < bars[0].close < 118
