"""Which bars are believed: a table of cases, and properties over any bar."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.providers.base import Bar
from assets.quality import DECIDABLE, LIMIT, Expectation, Reason, flag, judge, refusal

DAY = date(2024, 5, 31)
BEFORE = DAY - timedelta(days=1)
EXPECTED = Expectation(
    frozenset({"AAPL", "MSFT"}), DAY, DAY + timedelta(days=1), previous={"AAPL": (BEFORE, Decimal(100))}
)
GOOD = Bar("AAPL", DAY, Decimal(100), Decimal(99), Decimal(103), Decimal(98), volume=Decimal(5))


def test_a_good_bar() -> None:
    assert refusal(GOOD, EXPECTED) is None
    assert flag(GOOD, EXPECTED) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"close": Decimal("NaN")}, "close NaN is not a number", id="NaN"),
        pytest.param({"close": Decimal("Infinity")}, "is not a number", id="infinity"),
        pytest.param({"low": Decimal("NaN")}, "low NaN is not a number", id="NaN elsewhere"),
        pytest.param({"close": Decimal(0)}, "close 0 is not above zero", id="zero"),
        pytest.param({"open": Decimal(-1)}, "open -1 is not above zero", id="negative"),
        pytest.param({"high": LIMIT}, "is absurdly large", id="too large"),
        pytest.param({"high": Decimal("1E+999999")}, "1E+999999 is absurdly large", id="absurd exponent"),
        pytest.param({"low": Decimal("1E-999999")}, "has more than 10 decimals", id="absurdly small"),
        pytest.param({"close": Decimal("100.00000000001")}, "has more than 10 decimals", id="11 decimals"),
        pytest.param({"close": Decimal("100.1234567890123")}, "or 15 digits", id="16 digits"),
        pytest.param({"volume": Decimal(-1)}, "volume -1 is below zero", id="negative volume"),
        pytest.param({"volume": Decimal("NaN")}, "volume NaN is not a number", id="NaN volume"),
        pytest.param({"adjusted_close": Decimal(0)}, "adjusted_close 0", id="zero adjusted close"),
        pytest.param({"high": Decimal(97)}, "high 97 is below low 98", id="high below low"),
        pytest.param({"close": Decimal(104)}, "close 104 is above high 103", id="close above"),
        pytest.param({"close": Decimal(97)}, "close 97 is below low 98", id="close below"),
        pytest.param({"day": DAY + timedelta(days=2)}, "is in the future", id="future"),
        pytest.param({"day": BEFORE}, f"is of {BEFORE}, not of {DAY}", id="another day"),
        pytest.param({"symbol": "APPL"}, "was not asked for", id="wrong symbol"),
        pytest.param({"close": Decimal("150.01"), "high": None}, "is +50% against 100 on 2024-05-30", id="jump up"),
        pytest.param({"close": Decimal("49.99"), "low": None}, "is -50% against 100", id="jump down"),
    ],
)
def test_refused(change: dict[str, object], reason: str) -> None:
    assert reason in str(refusal(replace(GOOD, **change), EXPECTED))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"close": Decimal(150), "high": None}, id="half as much again"),
        pytest.param({"close": Decimal(50), "low": None}, id="half"),
        pytest.param({"open": None, "high": None, "low": None, "volume": None}, id="only a close"),
        pytest.param({"volume": Decimal(0)}, id="no volume"),
        pytest.param({"close": Decimal("100.1000000000000")}, id="zeros at the end are no digits"),
    ],
)
def test_not_refused(change: dict[str, object]) -> None:
    assert refusal(replace(GOOD, **change), EXPECTED) is None  # type: ignore[arg-type]


def test_an_old_close_says_nothing_about_a_jump() -> None:
    bar = replace(GOOD, close=Decimal(900), high=None)
    old = replace(EXPECTED, previous={"AAPL": (DAY - timedelta(days=11), Decimal(100))})
    assert refusal(bar, old) is None
    assert refusal(bar, replace(EXPECTED, previous={})) is None


@pytest.mark.parametrize(
    ("close", "believed"),
    [("1000", True), ("1000.01", False), ("10", True), ("9.99", False), ("99999999999999", False)],
)
def test_an_old_close_still_says_what_is_absurd(close: str, believed: bool) -> None:
    bar = Bar("AAPL", DAY, Decimal(close))
    found = refusal(bar, replace(EXPECTED, previous={"AAPL": (DAY - timedelta(days=400), Decimal(100))}))
    assert (found is None) == believed
    if found:
        assert found.reason == Reason.JUMP
        assert "more than 10 times without a corporate action" in found.text


def test_a_disputed_close_counts_however_old_it_is() -> None:
    bar = replace(GOOD, close=Decimal(900), high=None)
    old = replace(EXPECTED, previous={"AAPL": (DAY - timedelta(days=40), Decimal(100))}, disputed={"AAPL"})
    assert refusal(bar, old) is not None
    assert refusal(replace(bar, close=Decimal(110)), old) is None


def test_a_closed_exchange_has_no_bars() -> None:
    assert "was closed" in str(refusal(GOOD, replace(EXPECTED, session=False)))


@pytest.mark.parametrize(
    ("change", "oddity"),
    [
        pytest.param({"open": Decimal(97)}, "open 97 lies outside low 98 and high 103", id="open outside"),
        pytest.param({"close": Decimal(121), "high": None}, "close moved by +21.0%", id="large move"),
        pytest.param({"close": Decimal(120), "high": None}, "", id="not quite"),
    ],
)
def test_flagged(change: dict[str, object], oddity: str) -> None:
    assert flag(replace(GOOD, **change), EXPECTED) == oddity  # type: ignore[arg-type]


def test_identical_bars_count_once_and_different_ones_not_at_all() -> None:
    other = Bar("MSFT", DAY, Decimal(400))
    twice = judge([GOOD, GOOD, other], EXPECTED)
    assert (twice.accepted, twice.refused) == ([GOOD, other], {})
    torn = judge([GOOD, replace(GOOD, volume=Decimal(6)), other], EXPECTED)
    assert (torn.accepted, torn.refused) == ([other], {"AAPL": "two different bars for one day"})
    assert [doubt.refusal.reason for doubt in torn.doubts] == [Reason.CONTRADICTORY] * 2


def test_only_what_was_asked_for_is_to_be_decided() -> None:
    """A stranger's bar and one of another day are no doubt about a price."""
    stray = [replace(GOOD, symbol="APPL"), replace(GOOD, day=BEFORE)]
    assert judge(stray, EXPECTED).doubts == []
    doubts = judge([replace(GOOD, close=Decimal("NaN"))], EXPECTED).doubts
    assert [(doubt.bar.symbol, doubt.refusal.reason) for doubt in doubts] == [("AAPL", Reason.NOT_A_NUMBER)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"close": Decimal("-Infinity")}, Reason.NOT_A_NUMBER),
        ({"close": Decimal(0)}, Reason.NOT_POSITIVE),
        ({"volume": Decimal(-1)}, Reason.NOT_POSITIVE),
        ({"high": LIMIT}, Reason.TOO_LONG),
        ({"high": Decimal(97)}, Reason.INCONSISTENT),
        ({"day": DAY + timedelta(days=2)}, Reason.FUTURE),
        ({"close": Decimal(151), "high": None}, Reason.JUMP),
    ],
)
def test_each_refusal_has_its_code(change: dict[str, object], reason: Reason) -> None:
    found = refusal(replace(GOOD, **change), EXPECTED)  # type: ignore[arg-type]
    assert found is not None
    assert found.reason == reason
    assert (reason in DECIDABLE) == (reason in {Reason.INCONSISTENT, Reason.JUMP})


figures = st.none() | st.decimals(allow_nan=True, allow_infinity=True) | st.integers(-5, 300).map(Decimal)
bars = st.builds(
    Bar,
    symbol=st.sampled_from(["AAPL", "MSFT", "APPL"]),
    day=st.sampled_from([BEFORE, DAY, DAY + timedelta(days=9)]),
    close=figures.filter(lambda value: value is not None and not value.is_snan()),
    **{
        name: figures.filter(lambda value: value is None or not value.is_snan())
        for name in ("open", "high", "low", "volume")
    },
)


@given(st.lists(bars))
def test_whatever_is_accepted_could_be_stored(answer: list[Bar]) -> None:
    verdict = judge(answer, EXPECTED)
    assert {bar.symbol for bar in verdict.accepted} | verdict.refused.keys() == {bar.symbol for bar in answer}
    assert len({bar.symbol for bar in verdict.accepted}) == len(verdict.accepted)
    for bar in verdict.accepted:
        assert bar.day == DAY
        assert bar.symbol in EXPECTED.symbols
        assert all(0 < price < LIMIT for price in (bar.close, bar.open, bar.high, bar.low) if price is not None)
        assert bar.low is None or bar.low <= bar.close
        assert bar.high is None or bar.close <= bar.high


@given(st.lists(bars, max_size=4))
def test_the_order_of_the_answer_does_not_matter(answer: list[Bar]) -> None:
    forwards, backwards = judge(answer, EXPECTED), judge(reversed(answer), EXPECTED)
    assert {bar.symbol for bar in forwards.accepted} == {bar.symbol for bar in backwards.accepted}
