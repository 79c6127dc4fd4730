"""Prices from a folder of CSV files."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from assets.providers.base import BadPayload, Bar, Unavailable
from assets.providers.csv_file import CsvFiles

DAY = date(2024, 5, 31)
HEADER = "symbol,date,open,high,low,close,volume\n"


def ask(folder: Path, *symbols: str) -> list[Bar]:
    return CsvFiles(folder).daily_bars(symbols, DAY)


def test_rows_of_the_day_from_all_files(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        HEADER
        + "AAPL,2024-05-31,191.44,192.57,189.91,192.25,75158277\nAAPL,2024-05-30,,,,191.29,\nMSFT,2024-05-31,,,,1,\n"
    )
    (tmp_path / "b.csv").write_text(
        "\ufeff" + HEADER + '"FUND-A",2024-05-31,,,,0.0000000001,\r\n\r\n', encoding="utf-8"
    )
    (tmp_path / "notes.txt").write_text("not a table")
    assert ask(tmp_path, "AAPL", "FUND-A") == [
        Bar(
            "AAPL",
            DAY,
            close=Decimal("192.25"),
            open=Decimal("191.44"),
            high=Decimal("192.57"),
            low=Decimal("189.91"),
            volume=Decimal(75158277),
        ),
        Bar("FUND-A", DAY, Decimal("0.0000000001")),
    ]


@pytest.mark.parametrize("text", ["", "n/a", "1,5", "1e5", "1_000", "٣", "NaN", "0x1F", " "])
def test_a_close_that_is_no_plain_number_is_nan(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(HEADER + f'AAPL,2024-05-31,,,,"{text}",\n')
    assert ask(tmp_path, "AAPL")[0].close.is_nan()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "does not begin with symbol,date", id="empty file"),
        pytest.param("symbol;date;close\n", "does not begin with", id="other columns"),
        pytest.param(HEADER + "AAPL,2024-05-31,1\n", "line 2: 3 columns instead of 7", id="short row"),
        pytest.param(HEADER + "AAPL,31.05.2024,,,,1,\n", "line 2: .* is not a date", id="other date"),
        pytest.param(HEADER + "AAPL,2024-02-30,,,,1,\n", "line 2", id="no such day"),
        pytest.param(HEADER + '\n"AAPL,2024-05-31,,,,1,\nMSFT,2024-05-31,,,,1,\n', "line 4", id="quote left open"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(BadPayload, match=f"own.csv {reason}"):
        ask(tmp_path, "AAPL")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_bytes(HEADER.encode() + b"\xff\xfe")
    with pytest.raises(BadPayload, match=r"own\.csv cannot be read"):
        ask(tmp_path, "AAPL")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no folder"):
        ask(tmp_path / "gone", "AAPL")
