"""Columns with other names: what is said of them, how their cells become the documented ones, and what is guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banking.statements.base import Unreadable, Wrong
from banking.statements.guessing import decimal_of, guessed, kind_like, order_of, suggested
from banking.statements.mapping import (
    ORDERS,
    BadMapping,
    ColumnMapping,
    Translator,
    day,
    mapping_of,
    missing,
    names_of,
    number,
)
from banking.statements.trades import COLUMNS as TRADES
from banking.statements.transactions import COLUMNS

BANK = {
    "columns": {"date": "Buchungstag", "amount": "Betrag", "description": "Verwendungszweck"},
    "constants": {"account_ref": "main", "currency": "EUR", "section": "sign"},
    "decimal": ",",
    "dates": "dmy",
}
NAMES = ("buchungstag", "verwendungszweck", "betrag")


@pytest.mark.parametrize(
    ("text", "decimal", "plain"),
    [
        ("12.50", ".", "12.50"),
        ("-1,234.5", ".", "-1234.5"),
        ("1.234.567,89", ",", "1234567.89"),
        ("1.234", ",", "1234"),
        ("1 234,50", ",", "1234.50"),
        ("1'234.50", ".", "1234.50"),
        ("1\u202f234,50 €", ",", "1234.50"),
        ("EUR 12,50", ",", "12.50"),
        ("12,50-", ",", "-12.50"),
        ("−12,50 EUR", ",", "-12.50"),
        ("(12.50)", ".", "-12.50"),
        ("+7", ",", "+7"),
        ("0,00", ",", "0.00"),
    ],
)
def test_numbers(text: str, decimal: str, plain: str) -> None:
    assert number("amount", text, decimal) == plain


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("12.50", ","),  # not 1250
        ("1,23", "."),
        ("1.23.456", ","),
        ("1,2345,678", "."),
        ("NaN", "."),
        ("Infinity", "."),
        ("1e5", "."),
        ("", "."),
        ("--5", "."),
        ("١٢", "."),
        ("1" + " " * 100_000 + "1", "."),
        ("9" * 400, "."),
    ],
)
def test_no_numbers(text: str, decimal: str) -> None:
    with pytest.raises(Wrong, match="amount"):
        number("amount", text, decimal)


@pytest.mark.parametrize(
    ("text", "order", "found"),
    [
        ("31.12.2024", "dmy", ("2024-12-31", "", "")),
        ("1.2.24", "dmy", ("2024-02-01", "", "")),
        ("1/2/99", "mdy", ("1999-01-02", "", "")),
        ("2024-12-31", "ymd", ("2024-12-31", "", "")),
        ("20241231", "ymd", ("2024-12-31", "", "")),
        ("2024/2/1", "ymd", ("2024-02-01", "", "")),
        ("2024-12-31T15:30:01Z", "ymd", ("2024-12-31", "15:30:01", "Z")),
        ("31.12.2024 9:05", "dmy", ("2024-12-31", "09:05", "")),
        ("31.12.2024, 09:05:01.5 +01:00", "dmy", ("2024-12-31", "09:05:01.5", "+01:00")),
    ],
)
def test_days(text: str, order: str, found: tuple[str, str, str]) -> None:
    assert day(text, order) == found


@pytest.mark.parametrize(
    ("text", "order"),
    [
        *(("12/31/2024", "dmy"), ("31.12.2024", "mdy"), ("2024-13-01", "ymd"), ("29.02.2023", "dmy"), ("", "ymd")),
        *(("2024111", "ymd"), ("31.12-2024", "dmy"), ("31.12.2024x", "dmy"), ("1" * 5000, "ymd"), ("0.0.00", "dmy")),
        ("31.12.2024" + " " * 100_000 + "x", "dmy"),
    ],
)
def test_no_days(text: str, order: str) -> None:
    with pytest.raises(Wrong, match="not a day written like"):
        day(text, order)


@given(st.text(max_size=60), st.sampled_from([".", ","]))
def test_a_number_is_plain_or_refused(text: str, decimal: str) -> None:
    try:
        plain = number("amount", text, decimal)
    except Wrong:
        return
    assert set(plain) <= set("0123456789.+-")
    assert float(plain) == float(plain)


@given(st.dates(), st.sampled_from(sorted(ORDERS)))
def test_a_day_is_read_as_it_is_written(written: Any, order: str) -> None:
    formats = {"ymd": "{0:%Y}-{0:%m}-{0:%d}", "dmy": "{0:%d}.{0:%m}.{0:%Y}", "mdy": "{0:%m}/{0:%d}/{0:%Y}"}
    if written.year >= 1000:  # %Y has no zeros before it everywhere
        assert day(formats[order].format(written), order)[0] == written.isoformat()


def cells(row: list[str], names: tuple[str, ...] = NAMES, **more: Any) -> dict[str, str]:
    found = Translator(mapping_of(BANK | more), names).cells(row)
    return {name: cell for name, cell in zip(COLUMNS, found, strict=True) if cell}


def test_a_row_of_a_bank() -> None:
    assert cells(["31.12.2024", "Rent", "-1.234,50 €"]) == {
        "account_ref": "main",
        "date": "2024-12-31",
        "amount": "-1234.50",
        "currency": "EUR",
        "section": "expense",
        "description": "Rent",
    }
    assert cells(["31.12.2024", "Pay", "7"])["section"] == "income"


def test_two_columns_for_what_came_in_and_went_out() -> None:
    names = ("day", "in", "out")
    paid = {"columns": {"date": "day", "paid_in": "in", "paid_out": "out"}}
    assert cells(["1.2.2024", "5", ""], names, **paid)["amount"] == "5"
    assert cells(["1.2.2024", "0,00", "5"], names, **paid)["amount"] == "-5"
    assert cells(["1.2.2024", "", "-5"], names, **paid)["section"] == "expense"
    back = cells(["1.2.2024", "-5,00", ""], names, **paid)  # a credit that was taken back
    assert (back["amount"], back["section"]) == ("-5.00", "expense")
    assert cells(["1.2.2024", "+5", "-0,00"], names, **paid)["amount"] == "5"
    assert cells(["1.2.2024", "-0", "-5"], names, **paid)["amount"] == "-5"
    with pytest.raises(Wrong, match="both have an amount"):
        cells(["1.2.2024", "5", "6"], names, **paid)


def test_a_constant_stands_where_a_cell_is_empty() -> None:
    names = ("day", "amount", "ccy")
    both = {"columns": {"date": "day", "amount": "amount", "currency": "ccy"}}
    assert cells(["1.2.2024", "5", "USD"], names, **both)["currency"] == "USD"
    assert cells(["1.2.2024", "5", ""], names, **both)["currency"] == "EUR"


def test_a_trade_of_a_broker() -> None:
    said = {
        "kind": "trades",
        "columns": {"trade_time": "date", "isin": "isin", "qty": "quantity", "price": "price", "fees": "fee"},
        "constants": {"account_ref": "depot", "currency": "EUR", "side": "sign"},
        "decimal": ",",
        "dates": "dmy",
    }
    names = ("date", "isin", "quantity", "price", "fee")
    read = Translator(mapping_of(said), names)
    row = ["31.12.2024 09:05", "US0378331005", "-10", "190,5 EUR", "-1,00"]
    assert read.cells(row) == [
        *("depot", "2024-12-31T09:05", "", "US0378331005", "SELL", "10", "190.5", "1.00", "EUR", ""),
    ]
    assert read.cells(["31.12.2024", *row[1:2], "10", "1", ""])[1] == "2024-12-31T12:00:00"
    said["columns"] |= {"side": "art"}  # type: ignore[operator]
    read = Translator(mapping_of(said), (*names, "art"))
    assert read.cells(["31.12.2024", "US0378331005", "10", "1", "", "Verkauf"])[4] == "SELL"


@pytest.mark.parametrize(
    ("side", "quantity", "fee", "found"),
    [
        ("Kauf", "10", "1", ["BUY", "10", "1"]),
        ("Kauf", "+10", "-0,00", ["BUY", "10", "0.00"]),
        ("Verkauf", "-10", "1", ["SELL", "10", "1"]),
        ("Verkauf", "10", "", ["SELL", "10", ""]),
        ("Market sell", "10", "1", ["SELL", "10", "1"]),
        ("Stop limit buy", "10", "1", ["BUY", "10", "1"]),
        ("Kauf", "-10", "1", "qty “-10” of a purchase has a minus"),
        ("Kauf", "10", "-1,50", "fees “-1.50” have a minus"),
        ("Verkauf", "-10", "(1)", "fees “-1” have a minus"),
        ("", "-10", "-1", ["SELL", "10", "1"]),  # by the sign
        ("", "10", "-1", ["BUY", "10", "1"]),
    ],
)
def test_a_minus_turns_nothing_round(side: str, quantity: str, fee: str, found: list[str] | str) -> None:
    names = ("date", "symbol", "side", "qty", "fees")
    columns = {"trade_time": "date"} | {name: name for name in names[1:]} | {"price": "qty"}
    said = {"kind": "trades", "columns": columns, "decimal": ",", "dates": "dmy"}
    said["constants"] = {"account_ref": "depot", "currency": "EUR", "side": "sign"}
    read = Translator(mapping_of(said), names)
    row = ["31.12.2024", "AAPL", side, quantity, fee]
    if isinstance(found, str):
        with pytest.raises(Wrong, match=found):
            read.cells(row)
    else:
        cells = dict(zip(TRADES, read.cells(row), strict=True))
        assert [cells["side"], cells["qty"], cells["fees"]] == found


def test_a_row_that_is_shorter_is_told() -> None:
    with pytest.raises(Wrong, match="2 columns instead of 3"):
        cells(["31.12.2024", "Rent"])


def test_a_column_that_the_file_has_not() -> None:
    with pytest.raises(Unreadable, match="there is no column “betrag”"):
        Translator(mapping_of(BANK), ("buchungstag", "verwendungszweck"))


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ([], "an object"),
        (None, "an object"),
        ({}, "“columns”"),
        (BANK | {"colour": "red"}, "“colour” is unknown"),
        (BANK | {"kind": "gifts"}, "“kind”"),
        (BANK | {"kind": ["x"]}, "“kind”"),
        (BANK | {"decimal": ";"}, "“decimal”"),
        (BANK | {"decimal": {}}, "“decimal”"),
        (BANK | {"dates": "dym"}, "“dates”"),
        (BANK | {"columns": {"price": "x"}}, "“price” in “columns”"),
        (BANK | {"columns": {"date": 1}}, "“date” in “columns”"),
        (BANK | {"columns": {"date": "x" * 201}}, "“date” in “columns”"),
        (BANK | {"columns": {"date": "a\x00b"}}, "“date” in “columns”"),
        (BANK | {"columns": {"date": "a\ud800"}}, "“date” in “columns”"),
        (BANK | {"constants": {"description": "x"}}, "“description” in “constants”"),
        (BANK | {"columns": {"amount": "x"}}, "date"),
        (BANK | {"columns": {"date": "x"}}, "amount"),
        (BANK | {"constants": {"account_ref": "main", "currency": "  ", "section": "sign"}}, "currency"),
    ],
)
def test_what_is_no_mapping(given_: Any, said: str) -> None:
    with pytest.raises(BadMapping, match=said) as refused:
        mapping_of(given_)
    assert refused.value.field == "mapping"


def test_a_kind_that_is_said_twice_is_one() -> None:
    with pytest.raises(BadMapping):
        mapping_of(BANK | {"kind": "transactions"}, "trades")
    assert mapping_of(mapping_of(BANK).to_json()) == mapping_of(BANK)


def test_each_column_has_a_name_of_its_own() -> None:
    assert names_of(["Betrag ", "", "Datum", "betrag", "a\u200bb"]) == (
        *("betrag (1)", "column (2)", "datum", "betrag (4)", "ab"),
    )
    assert names_of(["x", "x (3)", "x"]) == ("x (1)", "x (3)", "x (3) (3)")
    assert names_of(["", "column (1)"]) == ("column (1) (1)", "column (1)")
    assert names_of(["Betrag \u200b", "\u200b", "a \u200b b"]) == ("betrag", "column (2)", "a b")


@given(st.lists(st.text(st.sampled_from("xX (123)\u200b\u00a0\nİ")) | st.just("x" * 300) | st.text(), max_size=9))
def test_each_name_is_one_that_a_mapping_can_say(header: list[str]) -> None:
    names = names_of(header)
    assert len(set(names)) == len(header)
    for name in names:
        said = mapping_of(BANK | {"columns": {"date": name, "amount": name}})
        assert dict(said.columns) == {"date": name, "amount": name}
        Translator(said, names)


@pytest.mark.parametrize(
    ("header", "kind", "found"),
    [
        (
            ["auftragskonto", "buchungstag", "valutadatum", "verwendungszweck", "betrag", "währung"],
            "transactions",
            {
                "account_ref": "auftragskonto",
                "date": "buchungstag",
                "description": "verwendungszweck",
                "amount": "betrag",
                "currency": "währung",
            },
        ),
        (["Date", "Description", "Money In", "Money Out"], "transactions", {"paid_in": "money in", "date": "date"}),
        (
            ["Date", "ISIN", "Quantity", "Price", "Commission", "Action", "Currency"],
            "trades",
            {"trade_time": "date", "isin": "isin", "qty": "quantity", "fees": "commission", "side": "action"},
        ),
        (  # a portfolio tracker's
            ["Date", "Code", "DataSource", "Currency", "Price", "Quantity", "Action", "Fee", "Note"],
            "trades",
            {"symbol": "code", "qty": "quantity", "price": "price", "side": "action", "fees": "fee"},
        ),
        (  # another one's, in its own words
            ["Date", "Type", "Value", "Transaction Currency", "Fees", "Taxes", "Shares", "ISIN", "Ticker Symbol"],
            "trades",
            {"trade_time": "date", "side": "type", "currency": "transaction currency", "symbol": "ticker symbol"},
        ),
        (  # brokers'
            ["Buy/Sell", "TradeDate", "ISIN", "Quantity", "TradePrice", "CurrencyPrimary", "IBCommission"],
            "trades",
            {"trade_time": "tradedate", "price": "tradeprice", "currency": "currencyprimary", "fees": "ibcommission"},
        ),
        (
            ["Action", "Time", "ISIN", "Ticker", "No. of shares", "Price / share", "Currency (Price / share)", "ID"],
            "trades",
            {"qty": "no. of shares", "price": "price / share", "currency": "currency (price / share)"},
        ),
        (
            ["ID", "Timestamp", "Transaction Type", "Asset", "Quantity Transacted", "Price Currency"],
            "trades",
            {"trade_time": "timestamp", "symbol": "asset", "qty": "quantity transacted", "currency": "price currency"},
        ),
    ],
)
def test_what_names_look_like(header: list[str], kind: str, found: dict[str, str]) -> None:
    names = names_of(header)
    assert kind_like(names) == kind
    assert suggested(kind, names).items() >= found.items()


def test_a_first_guess_of_a_file() -> None:
    guess = guessed("transactions", NAMES, [["31.12.2024", "x", "1.234,50"], ["01.02.2024", "y", "7"]])
    assert (guess.decimal, guess.dates, guess.columns["amount"]) == (",", "dmy", "betrag")
    assert missing(guess) == ["account_ref", "currency"]
    assert isinstance(guess, ColumnMapping)


@pytest.mark.parametrize(
    ("texts", "mark"),
    [([], "."), (["1.234"], ","), (["1,234"], "."), (["1.5"], "."), (["1,5"], ","), (["1,234.56"], ".")],
)
def test_which_mark_is_before_decimals(texts: list[str], mark: str) -> None:
    assert decimal_of(texts) == mark


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        *(([], "ymd"), (["2024-01-02"], "ymd"), (["1/2/2024"], "dmy"), (["1/2/2024", "1/13/2024"], "mdy")),
        (["31.12.24"], "dmy"),
        (["yesterday"], "ymd"),
    ],
)
def test_in_which_order_days_are_written(texts: list[str], order: str) -> None:
    assert order_of(texts) == order


INTERACTIVE = ["ClientAccountID", "Buy/Sell", "TradeDate", "ISIN", "Quantity", "TradePrice", "CurrencyPrimary"]


def test_a_brokers_file_whose_charges_have_a_minus() -> None:
    names = names_of([*INTERACTIVE, "IBCommission"])
    rows = [
        ["U1", "BUY", "20240531", "US0378331005", "10", "190.5", "USD", "-1"],
        ["U1", "SELL", "20240603", "US0378331005", "-4", "191.25", "USD", "-0.35"],
        ["U1", "SELL", "20240604", "US0378331005", "-1", "191.25", "USD", "0"],
    ]
    guess = guessed("trades", names, rows)
    assert (missing(guess), guess.constants) == ([], {"fees": "sign"})
    read = Translator(mapping_of(guess.to_json()), names)
    found = [dict(zip(TRADES, read.cells(row), strict=True)) for row in rows]
    assert [(each["side"], each["qty"], each["fees"]) for each in found] == [
        *(("BUY", "10", "1"), ("SELL", "4", "0.35"), ("SELL", "1", "0")),
    ]
    assert found[0]["trade_time"] == "2024-05-31T12:00:00"
    assert found[0]["account_ref"] == "U1"
    with pytest.raises(Wrong, match=r"fees “0\.25” have no minus; what is paid is written with one"):
        read.cells([*rows[0][:-1], "0.25"])


@pytest.mark.parametrize("fees", [["-1", "2"], ["1"], ["0", ""], ["-1", "free"], []])
def test_fees_of_both_signs_or_of_none_say_nothing(fees: list[str]) -> None:
    names = names_of([*INTERACTIVE, "IBCommission"])
    rows = [["U1", "BUY", "20240531", "US0378331005", "10", "190.5", "USD", fee] for fee in fees]
    assert "fees" not in guessed("trades", names, rows).constants
