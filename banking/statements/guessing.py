"""What a file with unknown columns looks like: which column may be which, and how its numbers and days are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from banking.statements.base import Wrong
from banking.statements.mapping import (
    BY_SIGN,
    CONSTANTS,
    DAYS,
    NEEDED,
    PAID,
    TARGETS,
    ColumnMapping,
    number,
)

LIKE = 0.8  # of 1: how near two names are that may mean one thing
WORDS = re.compile(r"[^\W_]+")
LAST_MARK = re.compile(r"\d([.,])\d+\D*$")
# What banks and brokers call the columns, in some languages.
KNOWN = {
    "external_id": (
        *("id", "reference", "transaction id", "order id", "trade id", "tradeid", "referenz", "auftragsnummer"),
    ),
    "account_ref": (
        *("account", "iban", "account number", "clientaccountid", "konto", "kontonummer", "auftragskonto", "depot"),
        *("compte", "cash account", "securities account"),
    ),
    "date": (
        *("booking date", "transaction date", "posting date", "completed date", "day", "buchungstag", "buchungsdatum"),
        *("datum", "buchung", "value date", "valuta", "valutadatum", "wertstellung", "data", "fecha"),
    ),
    "amount": ("value", "sum", "betrag", "umsatz", "montant", "importe", "importo", "bedrag"),
    "paid_in": ("money in", "credit", "credit amount", "deposit", "haben", "gutschrift", "einzahlung"),
    "paid_out": ("money out", "debit", "debit amount", "withdrawal", "soll", "lastschrift", "belastung"),
    "currency": (
        *("ccy", "currencyprimary", "transaction currency", "price currency", "currency price share"),
        *("spot price currency", "währung", "waehrung", "devise", "divisa", "valuta währung"),
    ),
    "section": ("income or expense",),
    "category": ("kategorie", "catégorie", "categoria"),
    "description": (
        *("details", "memo", "narrative", "text", "purpose", "payment reference", "verwendungszweck", "zweck"),
        *("buchungstext", "libellé", "concepto", "omschrijving"),
    ),
    "counterparty_name": (
        *("counterparty", "payee", "payer", "name", "beneficiary", "merchant", "empfänger", "auftraggeber"),
        *("beguenstigter zahlungspflichtiger", "zahlungsempfänger", "begünstigter"),
    ),
    "counterparty_account": ("counterparty iban", "payee iban", "kontonummer iban", "iban des empfängers"),
    "transfer_group_id": (),
    "trade_time": (
        *("date", "time", "trade date", "tradedate", "date time", "datetime", "timestamp", "run date", "executed"),
        *("execution time", "datum", "handelstag"),
    ),
    "symbol": ("ticker", "ticker symbol", "code", "asset", "product", "instrument", "security", "kürzel"),
    "isin": ("isin code",),
    "side": ("type", "action", "buy sell", "transaction type", "direction", "typ", "art", "kauf verkauf"),
    "qty": (
        *("quantity", "shares", "no of shares", "units", "quantity transacted", "amount", "anzahl", "stück", "menge"),
        "nominal",
    ),
    "price": (
        *("price per share", "price share", "unit price", "unitprice", "tradeprice", "t price", "price at transaction"),
        *("spot price at transaction", "rate", "kurs", "preis", "prix"),
    ),
    "fees": (
        *("fee", "commission", "ibcommission", "comm fee", "fees comm", "fees and or spread", "costs"),
        *("transaction and or third party fees", "gebühr", "gebühren", "provision", "spesen"),
    ),
}


def kind_like(names: Sequence[str]) -> str:
    """Which of the kinds a header is more like."""
    likeness = {kind: len(set(suggested(kind, names)) & {*NEEDED[kind], "symbol", "isin"}) for kind in TARGETS}
    return "trades" if likeness["trades"] > likeness["transactions"] else "transactions"


def suggested(kind: str, names: Sequence[str]) -> dict[str, str]:
    """Documented name to the column that is called most like it; each column once."""
    pairs = [(target, place, name) for target in TARGETS[kind] for place, name in enumerate(names)]
    scored = sorted((-_likeness(target, name), place, target, name) for target, place, name in pairs)
    found: dict[str, str] = {}
    for score, _, target, name in scored:
        if -score >= LIKE and target not in found and name not in found.values():
            found[target] = name
    if "amount" in found:
        found = {target: name for target, name in found.items() if target not in PAID}
    return found


def _likeness(target: str, name: str) -> float:
    """How near a column's name is to a documented one, from 0 to 1."""
    wanted, given = _plain(target), _plain(name)
    if wanted == given:
        return 1.0
    known = [_plain(word) for word in KNOWN[target]]
    if given in known:
        return 0.95 - known.index(given) / 1000  # the more usual one first
    return max((SequenceMatcher(None, each, given).ratio() for each in [wanted, *known]), default=0.0) - 0.06


def _plain(name: str) -> str:
    return " ".join(WORDS.findall(name.lower()))


def guessed(kind: str, names: Sequence[str], sample: Sequence[Sequence[str]]) -> ColumnMapping:
    """A first mapping for the person to look at; it may lack what is needed."""
    columns = suggested(kind, names)
    told = {target: _column(names, sample, name) for target, name in columns.items()}
    numbers = [text for name in ("amount", *PAID, "price", "qty", "fees") for text in told.get(name, ())]
    days = [*told.get("date", ()), *told.get("trade_time", ())]
    signed: list[str] = [name for name in ("section", "side") if name in CONSTANTS[kind] and name not in columns]
    decimal = decimal_of(numbers)
    if "side" in columns and _all_below_zero(told.get("fees", ()), decimal):
        signed.append("fees")
    return ColumnMapping(kind, columns, dict.fromkeys(signed, BY_SIGN), decimal, order_of(days))


def _all_below_zero(texts: Iterable[str], decimal: str) -> bool:
    """Whether the numbers have a minus, those that are 0 apart: so brokers write what an account paid."""
    found = []
    for text in texts:
        try:
            found.append(number("fees", text, decimal))
        except Wrong:
            return False
    charged = [text for text in found if text.strip("+-0.")]
    return bool(charged) and all(text.startswith("-") for text in charged)


def _column(names: Sequence[str], sample: Sequence[Sequence[str]], name: str) -> list[str]:
    place = names.index(name)
    return [row[place] for row in sample if len(row) > place and row[place].strip()]


def decimal_of(texts: Iterable[str]) -> str:
    """The mark before decimals: the last one of a number, unless three digits follow it in all of them."""
    weak = "."
    for text in texts:
        match = LAST_MARK.search(text.strip())
        if match is None:
            continue
        digits = sum(character.isdigit() for character in text.strip()[match.start(1) :])
        if digits != 3 or ("," in text and "." in text):
            return match[1]
        weak = "," if match[1] == "." else "."  # 1.234 is more likely a thousand
    return weak


def order_of(texts: Sequence[str]) -> str:
    """The order that all of the days fit; of two that do, the one with the day first."""
    for order in ("ymd", "dmy", "mdy"):
        matches = [DAYS[order].fullmatch(text.strip()) for text in texts]
        if texts and all(match and int(match["m"]) <= 12 and int(match["d"]) <= 31 for match in matches):
            return order
    return "ymd"
