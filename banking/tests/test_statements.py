"""CSV files good and bad, without a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.statements import trades, transactions
from banking.statements.base import Decimals, Unreadable, Wrong, content_key, instant
from banking.statements.csv_files import Sheet, columns_of
from banking.statements.transactions import TransactionParser, TransactionRow

HEADER = ",".join(transactions.COLUMNS)
ROW = "b-1,A1,2024-05-31,-12.50,EUR,expense,Food,Café “Zur Post”,Zur Post,DE75512108001245126199,"


def sheet(content: bytes) -> Sheet:
    """In pieces so small that they end within characters, line ends and quotes."""
    piece = max(7, len(content) // 500)

    def pieces() -> Iterator[bytes]:
        return (content[start : start + piece] for start in range(0, len(content), piece))

    return Sheet(pieces)


def read(content: bytes) -> list[TransactionRow]:
    found = sheet(content)
    parser = TransactionParser(columns_of(found.header, transactions.COLUMNS))
    return [parser.parse(record.cells) for record in found]


def refusal(content: bytes) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(encoding: str, end: str) -> None:
    content = f"{HEADER}{end}{ROW}{end}{end}{ROW}{end}".encode(encoding)
    rows = read(content)
    assert [row.description for row in rows] == ["Café “Zur Post”"] * 2
    assert (rows[0].units, rows[0].day, rows[0].transfer_group) == (-125000, "2024-05-31", "")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_decimal_commas(delimiter: str) -> None:
    row = delimiter.join(["", "A1", "2024-05-31", "1234,5", "EUR", "income", "", "Pay", "", "", ""])
    [found] = read(f"{HEADER.replace(',', delimiter)}\n{row}\n".encode())
    assert (found.units, found.external_id, found.category) == (12345000, "", "")


def test_columns_in_another_order_and_quoted_cells() -> None:
    names = list(reversed(transactions.COLUMNS))
    cells = ["", "", "", '"a ""b"", c\nd"', "", "expense", "EUR", '"-1,50"', "2024-05-31", "A1", "x"]
    [row] = read(f"{','.join(names)}\n{','.join(cells)}\n".encode())
    assert (row.description, row.units, row.external_id) == ('a "b", c d', -15000, "x")


def test_an_unclosed_quote_is_found_where_it_begins() -> None:
    bad = ROW.replace("Café", '"Café')
    for after in (f"{ROW}\n" * 3, f"{ROW}\n" * 5000):
        error = refusal(f"{HEADER}\n{ROW}\n{bad}\n{after}".encode())
        assert (error.line, error.column) == (3, 8)
        assert "not closed" in str(error)


def test_a_quote_within_a_cell_is_refused_in_its_line() -> None:
    error = refusal(f'{HEADER}\n{ROW}\nb-1,"A"1,2024-05-31,1,EUR,income,,,,,\n'.encode())
    assert error.line == 3
    assert "quotes" in error.text


def test_a_cell_of_140_kilobytes() -> None:
    error = refusal(f"{HEADER}\n{ROW}\nb-1,A1,2024-05-31,1,EUR,income,,{'x' * 140_000},,,\n".encode())
    assert (error.line, error.column) == (3, 8)
    assert "131,072" in error.text


def test_mixed_encodings() -> None:
    error = refusal(f"{HEADER}\n{ROW}\n".encode() + ROW.encode("cp1252") + b"\n")
    assert (error.line, "another encoding" in error.text) == (3, True)
    marked = refusal(f"{HEADER}\n".encode("utf-8-sig") + ROW.encode("cp1252"))
    assert (marked.line, "another encoding" in marked.text) == (2, True)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"date\n2024-01-01\n", "missing"),
        (b"PK\x03\x04rest of a zip", "ZIP"),
        (b"\x00\x01\x02", "null character"),
        (HEADER.encode() + b"\nb\x00", "null character"),
        ((HEADER + ",note\n").encode(), "“note” unknown"),
        ((HEADER + ",date\n").encode(), "“date” stands twice"),
        (HEADER.replace(",amount", "").encode(), "“amount” missing"),
        (HEADER.encode() + b"\n\x81\x81", "neither UTF-8 nor Windows-1252"),
        (HEADER.encode() + b"\n" + b"x" * 1_100_000, "longer than 1,000,000"),
        (HEADER.encode("utf-16") + b"\x00\xd8\x20\x00", "does not have"),
    ],
)
def test_what_cannot_be_read(content: bytes, text: str) -> None:
    assert text in str(refusal(content))


@pytest.mark.parametrize(
    ("column", "cell", "text"),
    [
        ("amount", "1_000", "plain number"),
        ("amount", "1e5", "plain number"),
        ("amount", "١٢", "plain number"),
        ("amount", "NaN", "plain number"),
        ("amount", "Infinity", "plain number"),
        ("amount", "", "plain number"),
        ("amount", "1.234,50", "plain number"),
        ("amount", "9" * 16, "plain number"),
        ("amount", "0.00", "is 0"),
        ("amount", "1.00001", "more than 4 decimals"),
        ("date", "31.05.2024", "2024-05-31"),
        ("date", "2024-02-30", "2024-05-31"),
        ("date", "0001-01-01", "before 1900"),
        ("section", "gift", "not income, expense or transfer"),
        ("account_ref", " ", "account_ref is missing"),
        ("description", "x" * 256, "at most 255"),
        ("category", "x" * 61, "at most 60"),
        ("transfer_group_id", "t1", "of the section transfer"),
    ],
)
def test_a_wrong_cell(column: str, cell: str, text: str) -> None:
    cells = dict(zip(transactions.COLUMNS, ROW.split(","), strict=True)) | {column: cell}
    parser = TransactionParser(range(len(transactions.COLUMNS)))
    with pytest.raises(Wrong, match=text):
        parser.parse(list(cells.values()))


def test_too_few_columns() -> None:
    with pytest.raises(Wrong, match="1 columns instead of 11"):
        TransactionParser(range(11)).parse(["x"])


def test_a_file_has_one_decimal_mark() -> None:
    decimals = Decimals()
    assert (decimals.units("amount", "1,5"), decimals.units("amount", "+7")) == (15000, 70000)
    with pytest.raises(Wrong, match="has a point"):
        decimals.units("amount", "1.5")


@given(st.integers(-(10**19) + 1, 10**19 - 1).filter(bool), st.sampled_from(".,"))
def test_amounts_keep_every_digit(units: int, mark: str) -> None:
    sign, digits = ("-" if units < 0 else ""), f"{abs(units):05}"
    assert Decimals().units("amount", f"{sign}{digits[:-4]}{mark}{digits[-4:]}") == units


@pytest.mark.parametrize(
    ("text", "plain"), [("007.50", "7.5"), ("0,0100", "0.01"), ("10", "10"), ("0", "0"), ("100.", ""), (".5", "")]
)
def test_numbers_of_trades(text: str, plain: str) -> None:
    if plain:
        assert Decimals().plain("qty", text) == plain
    else:
        with pytest.raises(Wrong):
            Decimals().plain("qty", text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024-05-31T15:30:00Z", "2024-05-31T15:30:00+00:00"),
        ("2024-05-31 17:30+02:00", "2024-05-31T15:30:00+00:00"),
        ("2024-05-31T15:30", "2024-05-31T15:30:00"),
    ],
)
def test_moments(text: str, found: str) -> None:
    assert instant("trade_time", text) == found


@pytest.mark.parametrize("text", ["2024-05-31", "2024-05-31T25:00Z", "0001-01-01T00:00+14:00", "now", "20240531T1530"])
def test_no_moments(text: str) -> None:
    with pytest.raises(Wrong, match="is not a moment"):
        instant("trade_time", text)


def test_trades() -> None:
    found = sheet(f"{','.join(trades.COLUMNS)}\nD1,2024-05-31T15:30Z,aapl,,buy,10,100.50,,USD,\n".encode())
    [record] = found
    row = trades.TradeParser(columns_of(found.header, trades.COLUMNS)).parse(record.cells)
    assert (row.symbol, row.side, row.quantity, row.price, row.fees) == ("AAPL", "buy", "10", "100.5", "0")


@given(st.text(), st.text())
def test_what_differs_has_another_key(one: str, other: str) -> None:
    storable = [text.encode("utf-8", "ignore").decode() for text in (one, other)]
    assert (content_key(storable[0], 1) == content_key(storable[1], 1)) == (storable[0] == storable[1])


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(Unreadable):
        assert all(isinstance(record.cells, list) for record in sheet(content))
