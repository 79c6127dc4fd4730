"""CSV lists of prices: what is read, and what is said about each line that is wrong."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.price_lists import MOST_BYTES, MOST_ERRORS, PriceRow, read

HEAD = b"symbol,day,close\n"


def told(content: bytes) -> list[tuple[int, str]]:
    return [(problem.line, problem.text) for problem in read(content).problems]


@pytest.mark.parametrize(
    "content",
    [
        b"symbol,day,close,high\nAAPL,2024-05-31,12.50,13\n",
        b"symbol;day;close;high\nAAPL;2024-05-31;12,50;13\n",
        b"symbol\tday\tclose\thigh\r\nAAPL\t2024-05-31\t12,50\t13\r\n",
        b'\xef\xbb\xbfSymbol, Day ,CLOSE,high\nAAPL,2024-05-31,"12,50",13',
        b"high;close;day;symbol\n\n13 ; 12.50;2024-05-31;AAPL\n\n",
    ],
)
def test_separators_decimals_and_order_are_free(content: bytes) -> None:
    listed = read(content)
    assert listed.problems == []
    (row,) = listed.rows
    assert (row.symbol, row.day, row.figures) == (
        "AAPL",
        date(2024, 5, 31),
        {"close": Decimal("12.50"), "high": Decimal(13)},
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"AAPL,31.05.2024,1", "is not a day of the form 2024-05-31"),
        (b"AAPL,2024-02-30,1", "is not a day"),
        (b"AAPL,2024-05-31,1e5", "is not a plain number"),
        (b"AAPL,2024-05-31,NaN", "is not a plain number"),
        (b"AAPL,2024-05-31,-1", "is not a plain number"),
        (b'AAPL,2024-05-31,"1.234,56"', "is not a plain number"),
        ("AAPL,2024-05-31,١٢".encode(), "is not a plain number"),
        (b"AAPL,2024-05-31,", "the close is missing"),
        (b",2024-05-31,1", "the symbol is missing"),
        (b"AAPL,2024-05-31,1,2", "4 columns instead of 3"),
        (b"MSFT,2024-05-30,1", "stands in line 2 already"),
    ],
)
def test_a_wrong_line_is_named(line: bytes, reason: str) -> None:
    problems = told(HEAD + b"MSFT,2024-05-30,1\n" + line + b"\nIBM,2024-05-31,2\n")
    assert [number for number, _ in problems] == [3]
    assert reason in problems[0][1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the columns"),
        (HEAD, "no prices"),
        (b"AAPL,2024-05-31,1\n", "missing: symbol, day, close"),
        (b"symbol,day,close,close\n", "twice"),
        (b"symbol,day,close,colour\n", "is no column"),
        (HEAD + b"AAPL,2024-05-31,\xff\n", "not UTF-8"),
        (HEAD + b"AAPL,2024-05-31,1\x00\n", "null characters"),
        (HEAD + b'AAPL,2024-05-31,"1\nMSFT,2024-05-31,2\n', "quotes are not closed"),
        (b"x" * (MOST_BYTES + 1), "larger than"),
        (HEAD + b"AAPL,2024-05-31,x\n" * (MOST_ERRORS + 50), "lines are wrong"),
    ],
)
def test_a_file_that_cannot_be_read(content: bytes, reason: str) -> None:
    assert reason in told(content)[-1][1]


@given(st.binary(max_size=400) | st.text(alphabet='AB,;\t"\n\r-0123456789.', max_size=200).map(str.encode))
def test_whatever_comes_is_rows_or_problems(content: bytes) -> None:
    for listed in (read(content), read(HEAD + content)):
        assert all(isinstance(row, PriceRow) and row.figures["close"] >= 0 for row in listed.rows)
        assert listed.rows or listed.problems
