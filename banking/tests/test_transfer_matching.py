"""Which rows are offered as one transfer: pure."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.matching.transfers import Certainty, Pair, Row, pairs
from core.testing import PATIENCE

DAY = date(2024, 5, 10)
ALICE, BOB = (1, None), (2, None)


def row(
    pk: int, amount: str, *, account: int | None = None, after: int = 0, holder: object = ALICE, currency: str = "USD"
) -> Row:
    return Row(pk, account or pk, holder, currency, Decimal(amount), DAY + timedelta(days=after))  # type: ignore[arg-type]


def no_rate(source: str, target: str, day: date) -> None:
    return None


def euros(source: str, target: str, day: date) -> Decimal:
    return Decimal("0.9") if source == "USD" else 1 / Decimal("0.9")


def named(found: list[Pair]) -> list[tuple[int, int, str]]:
    return [(pair.sent.id, pair.received.id, pair.certainty.value) for pair in found]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row(1, "-5"), row(2, "5", after=3)], [(1, 2, "unique")]),
        ([row(1, "-5", after=3), row(2, "5")], [(1, 2, "unique")]),
        ([row(1, "-5"), row(2, "5", after=4)], []),
        ([row(1, "-5"), row(2, "5.01")], []),
        ([row(1, "-5"), row(2, "-5")], []),
        ([row(1, "-5", account=9), row(2, "5", account=9)], []),
        ([row(1, "-5"), row(2, "5", holder=BOB)], []),
        ([row(1, "-5"), row(2, "5", currency="EUR")], []),
        ([row(1, "-5"), row(2, "5"), row(3, "5", after=1)], [(1, 2, "ambiguous"), (1, 3, "ambiguous")]),
        ([row(1, "-5"), row(2, "5"), row(3, "-5", after=2)], [(3, 2, "ambiguous"), (1, 2, "ambiguous")]),
        ([row(1, "-5"), row(2, "5"), row(3, "-7"), row(4, "7")], [(1, 2, "unique"), (3, 4, "unique")]),
    ],
)
def test_pairs(rows: list[Row], expected: list[tuple[int, int, str]]) -> None:
    assert named(pairs(rows, no_rate)) == expected


def test_what_was_refused_makes_nothing_ambiguous() -> None:
    rows = [row(1, "-5"), row(2, "5"), row(3, "5", after=1)]
    assert named(pairs(rows, no_rate, {(1, 3)})) == [(1, 2, "unique")]


@pytest.mark.parametrize(
    ("amount", "found"), [("90", 1), ("92.7", 1), ("87.3", 1), ("92.8", 0), ("87.2", 0), ("-90", 0)]
)
def test_two_currencies_at_about_the_days_rate_are_a_suggestion(amount: str, found: int) -> None:
    answer = pairs([row(1, "-100"), row(2, amount, currency="EUR", after=-2)], euros)
    assert named(answer) == [(1, 2, "converted")] * found
    assert all(abs(pair.off - abs(Decimal(amount) / 90 - 1)) < Decimal("1e-20") for pair in answer)


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["-3", "3", "-2", "2"]), st.integers(1, 3), st.integers(0, 9), st.sampled_from([ALICE, BOB])
    ),
    max_size=14,
)


@given(ROWS)
def test_every_pair_that_fits_is_found_and_unique_means_alone(
    drawn: list[tuple[str, int, int, tuple[int, None]]],
) -> None:
    rows = [
        row(place + 1, amount, account=account, after=after, holder=holder)
        for place, (amount, account, after, holder) in enumerate(drawn)
    ]
    fits = {
        (one.id, two.id)
        for one in rows
        for two in rows
        if one.amount < 0 and one.amount == -two.amount and one.holder == two.holder
        if one.account != two.account and abs((one.day - two.day).days) <= 3
    }
    found = pairs(rows, no_rate)
    assert {(pair.sent.id, pair.received.id) for pair in found} == fits
    for pair in found:
        alone = sum(pair.sent.id in ids for ids in fits) == sum(pair.received.id in ids for ids in fits) == 1
        assert (pair.certainty == Certainty.UNIQUE) == alone


def test_of_many_alike_rows_twenty_are_offered_for_each_and_none_is_unique() -> None:
    rows = [row(number, "-5" if number % 2 else "5", after=number % 4) for number in range(1, 4001)]
    began = time.monotonic()
    found = pairs(rows, no_rate)
    assert time.monotonic() - began < PATIENCE, "each with each of its days, not with all"
    assert len(found) == 2000 * 20
    assert {pair.certainty for pair in found} == {Certainty.AMBIGUOUS}
