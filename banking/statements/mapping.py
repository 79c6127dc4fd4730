"""Files whose columns have other names than the documented ones: which column is which, and how its cells are written.

The cells become what the documented columns would have, so that one parser reads every file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from banking.statements import trades, transactions
from banking.statements.base import Unreadable, Wrong, shortened
from core.errors import DomainError

# The section by the sign of the amount, the side by that of the quantity; of fees, that what is paid has a minus.
BY_SIGN = "sign"
PAID = ("paid_in", "paid_out")  # instead of one amount: a column for what came in, one for what went out
DOCUMENTED = {"transactions": transactions.COLUMNS, "trades": trades.COLUMNS}
TARGETS = {"transactions": (*transactions.COLUMNS, *PAID), "trades": trades.COLUMNS}
NEEDED = {
    "transactions": ("account_ref", "date", "currency", "section"),
    "trades": ("account_ref", "trade_time", "side", "qty", "price", "currency"),
}
ONE_OF = {"transactions": ("amount", *PAID), "trades": ("symbol", "isin")}
CONSTANTS = {
    "transactions": ("account_ref", "currency", "section", "category"),
    "trades": ("account_ref", "side", "fees", "currency"),
}
MARKS = {".": "a point", ",": "a comma"}
ORDERS = {"ymd": "2024-12-31", "dmy": "31.12.2024", "mdy": "12/31/2024"}
MOST_COLUMNS = 100
LONGEST = 200  # characters of a column's name or of a constant
LONGEST_NUMBER = 100  # characters of a number or a moment: what is longer is none
NOON = "12:00:00"  # of a trade that has a day only
GROUPS = "'’ \u00a0\u202f\u2009"
AROUND = re.compile(r"(?:[A-Z]{3}|[€$£¥])?\s*(.*?)\s*(?:[A-Z]{3}|[€$£¥])?", re.DOTALL)
NUMBERS = {
    ".": re.compile(rf"([+-]?)(\d{{1,3}}(?:[,{GROUPS}]\d{{3}})+|\d+)(?:\.(\d+))?", re.ASCII),
    ",": re.compile(rf"([+-]?)(\d{{1,3}}(?:[.{GROUPS}]\d{{3}})+|\d+)(?:,(\d+))?", re.ASCII),
}
TIME = r"(?:(?:T|,?\s+)(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?"
DAYS = {
    "ymd": re.compile(rf"(?P<y>\d{{4}})(?P<s>[-./]?)(?P<m>\d{{1,2}})(?P=s)(?P<d>\d{{1,2}}){TIME}", re.ASCII),
    "dmy": re.compile(rf"(?P<d>\d{{1,2}})(?P<s>[-./])(?P<m>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d\d){TIME}", re.ASCII),
    "mdy": re.compile(rf"(?P<m>\d{{1,2}})(?P<s>[-./])(?P<d>\d{{1,2}})(?P=s)(?P<y>\d{{4}}|\d\d){TIME}", re.ASCII),
}
ORDERED = ("market", "limit", "stop", "stop limit")  # how, before what
BUYS = ("buy", "b", "bought", "purchase", "kauf", "k", "achat", "acquisto", "compra")
SELLS = ("sell", "s", "sold", "sale", "verkauf", "v", "vente", "vendita", "venta")
SIDES = {
    **dict.fromkeys((*BUYS, *(f"{how} buy" for how in ORDERED)), "BUY"),
    **dict.fromkeys((*SELLS, *(f"{how} sell" for how in ORDERED)), "SELL"),
}
FIRST_OF_1900S = 70  # a year of two digits from here on is of the twentieth century


class BadMapping(DomainError):
    """This does not say which column is which."""


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What a person says of a file: documented name to the column's name, or to what each row has instead.

    ``decimal`` is the mark before decimals, ``dates`` the order of day, month and year (a key of ORDERS).
    """

    kind: str
    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    decimal: str = "."
    dates: str = "ymd"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def names_of(header: Sequence[str]) -> tuple[str, ...]:
    """A name for each column, no two alike: in small letters as it stands there, at most LONGEST characters.

    One that has no name or shares it has its place behind it, and once more where another column is called that.
    """
    cleaned = [_cleaned(cell) for cell in header]
    counts = Counter(cleaned)
    named = {place: text for place, text in enumerate(cleaned, start=1) if text and counts[text] == 1}
    taken = set(named.values())
    for place, text in enumerate(cleaned, start=1):
        if place not in named:
            named[place] = _numbered(text or "column", place, taken)
            taken.add(named[place])
    return tuple(named[place] for place in range(1, len(cleaned) + 1))


def _cleaned(text: str) -> str:
    """As a mapping names it: printable, its spaces single."""
    shown = "".join(c for c in " ".join(text.lower().split()) if c.isprintable())
    return " ".join(" ".join(shown.split())[:LONGEST].split())


def _numbered(text: str, place: int, taken: Collection[str]) -> str:
    suffix = name = ""
    while not name or name in taken:
        suffix += f" ({place})"
        name = text[: LONGEST - len(suffix)].rstrip() + suffix
    return name


def mapping_of(given: Any, kind: str = "") -> ColumnMapping:
    """What was sent as JSON, checked. ``kind`` is what the file is if that is said elsewhere. Raises BadMapping."""
    if not isinstance(given, Mapping):
        raise _bad(
            DomainError("it is an object with “columns”, and “constants”, “decimal” and “dates” where they are needed")
        )
    if strange := sorted(set(map(str, given)) - {"kind", "columns", "constants", "decimal", "dates"}):
        raise _bad(DomainError("“{name}” is unknown", name=shortened(strange[0])))
    said = given.get("kind", kind) or "transactions"
    if not isinstance(said, str) or said not in TARGETS or (kind and said != kind):
        raise _bad(DomainError("“kind” is transactions or trades, as the file is"))
    columns = _texts(given.get("columns"), "columns", TARGETS[said])
    constants = _texts(given.get("constants", {}), "constants", CONSTANTS[said])
    decimal, dates = given.get("decimal", "."), given.get("dates", "ymd")
    if decimal not in tuple(MARKS):
        raise _bad(DomainError("“decimal” is the mark before decimals, a point or a comma"))
    if dates not in tuple(ORDERS):
        raise _bad(DomainError("“dates” is one of {orders}", orders=", ".join(ORDERS)))
    found = ColumnMapping(said, columns, constants, decimal, dates)
    if lacking := missing(found):
        raise _bad(DomainError("it has neither a column nor a constant for {names}", names=", ".join(lacking)))
    return found


def missing(mapping: ColumnMapping) -> list[str]:
    """What has to be told still: documented names."""
    told = {*mapping.columns, *mapping.constants}
    lacking = [name for name in NEEDED[mapping.kind] if name not in told]
    choice = ONE_OF[mapping.kind]
    return lacking + ([choice[0]] if not told & set(choice) else [])


def _bad(reason: DomainError) -> BadMapping:
    return BadMapping("The mapping does not say which column is which: {reason}.", field="mapping", reason=reason)


def _texts(given: Any, name: str, known: Sequence[str]) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise _bad(DomainError("“{name}” is an object of texts", name=name))
    found = {}
    for key, value in given.items():
        if key not in known:
            raise _bad(
                DomainError(
                    "“{key}” in “{name}” is not one of {known}",
                    key=shortened(str(key)),
                    name=name,
                    known=", ".join(known),
                )
            )
        if not isinstance(value, str) or not value.isprintable() or len(value) > LONGEST:
            raise _bad(
                DomainError(
                    "“{key}” in “{name}” is a text of at most {most} characters on one line",
                    key=key,
                    name=name,
                    most=LONGEST,
                )
            )
        if value.strip():
            found[str(key)] = " ".join(value.split()).lower() if name == "columns" else value.strip()
    return found


class Translator:
    """Rows of a file with columns called ``names`` to the cells of the documented columns. Raises Unreadable."""

    def __init__(self, mapping: ColumnMapping, names: Sequence[str]) -> None:
        self._mapping, self._width = mapping, len(names)
        if strange := [name for name in mapping.columns.values() if name not in names]:
            raise Unreadable(f"there is no column “{shortened(strange[0])}”, which the mapping names", 1)
        self._places = {target: names.index(name) for target, name in mapping.columns.items()}
        self._columns = DOCUMENTED[mapping.kind]

    def cells(self, given: Sequence[str]) -> list[str]:
        """In the order of the documented columns. Raises Wrong for what its column cannot hold."""
        if len(given) != self._width:
            raise Wrong(f"{len(given)} columns instead of {self._width}")
        row = {name: value for name, value in self._mapping.constants.items() if value != BY_SIGN}
        row |= {name: given[place].strip() for name, place in self._places.items() if given[place].strip()}
        if self._mapping.kind == "trades":
            self._trade(row)
        else:
            self._transaction(row)
        return [row.get(name, "") for name in self._columns]

    def _transaction(self, row: dict[str, str]) -> None:
        if "date" in row:
            row["date"] = day(row["date"], self._mapping.dates)[0]
        if "amount" in row:
            row["amount"] = number("amount", row["amount"], self._mapping.decimal)
        elif any(name in row for name in PAID):
            row["amount"] = self._paid(row)
        if self._mapping.constants.get("section") == BY_SIGN and "section" not in row:
            row["section"] = "expense" if row.get("amount", "").startswith("-") else "income"

    def _paid(self, row: dict[str, str]) -> str:
        """One amount of two columns, of which one is empty or 0 in each row.

        What was paid in and has a minus is a credit that was taken back; what was paid out is written either way.
        """
        found = {name: number(name, row[name], self._mapping.decimal).lstrip("+") for name in PAID if name in row}
        moved = {name: text for name, text in found.items() if text.strip("-0.")}
        if len(moved) > 1:
            raise Wrong("paid_in and paid_out both have an amount")
        if "paid_out" in moved:
            return f"-{moved['paid_out'].lstrip('-')}"
        return moved.get("paid_in", "0")

    def _trade(self, row: dict[str, str]) -> None:
        for name in ("qty", "price", "fees"):
            if name in row:
                row[name] = number(name, row[name], self._mapping.decimal)
        self._side(row)
        if "trade_time" in row:
            written, clock, zone = day(row["trade_time"], self._mapping.dates, "trade_time")
            row["trade_time"] = f"{written}T{clock or NOON}{zone}"

    def _side(self, row: dict[str, str]) -> None:
        """Purchase or sale, and a quantity and fees without a sign, unless that would turn round what a row says."""
        less = {name for name in ("qty", "fees") if row.get(name, "").startswith("-")}
        by_sign = self._mapping.constants.get("side") == BY_SIGN and "side" not in row
        if by_sign:
            row["side"] = "SELL" if "qty" in less else "BUY"
        row["side"] = SIDES.get(row.get("side", "").lower(), row.get("side", ""))
        if "qty" in less and row["side"] == "BUY":
            raise Wrong(f"qty “{shortened(row['qty'])}” of a purchase has a minus")
        self._fees_paid(row, less="fees" in less, either=by_sign)
        for name in ("qty", "fees"):
            row[name] = row.get(name, "").lstrip("+-")

    def _fees_paid(self, row: Mapping[str, str], *, less: bool, either: bool) -> None:
        """Refuse fees that came back: those with the sign that what is paid has not in this file.

        With ``either``, where sides are told by signs, what is paid may have a minus, as all money that leaves has.
        """
        signed = self._mapping.constants.get("fees") == BY_SIGN
        if not row.get("fees", "").strip("+-0.") or less == signed or (less and either):
            return
        if signed:
            raise Wrong(f"fees “{shortened(row['fees'])}” have no minus; what is paid is written with one")
        raise Wrong(f"fees “{shortened(row['fees'])}” have a minus; what is paid is written without one")


def number(name: str, text: str, decimal: str) -> str:
    """A plain number with a point, from one with thousands apart, a currency beside it, or its minus behind it."""
    kept = text.strip().replace("−", "-")
    found = AROUND.fullmatch(kept) if len(kept) <= LONGEST_NUMBER else None
    kept = found[1] if found else ""
    if kept.startswith("(") and kept.endswith(")"):
        kept = f"-{kept[1:-1]}"
    elif kept.endswith("-") and not kept.startswith("-"):
        kept = f"-{kept[:-1].rstrip()}"
    match = NUMBERS[decimal].fullmatch(kept.replace("- ", "-"))
    if match is None:
        raise Wrong(f"{name} “{shortened(text)}” is not a number with {MARKS[decimal]} before its decimals")
    sign, whole, part = match.groups()
    digits = "".join(character for character in whole if character.isdigit())
    return f"{sign}{digits}{f'.{part}' if part else ''}"


def day(text: str, order: str, name: str = "date") -> tuple[str, str, str]:
    """(day, time of day, zone), the first as 2024-12-31; the others are empty where they are not given."""
    match = DAYS[order].fullmatch(text.strip()) if len(text) <= LONGEST_NUMBER else None
    try:
        if match is None or (order == "ymd" and not match["s"] and len(text.strip()) < len("20241231")):
            raise ValueError(text)
        year = int(match["y"])
        if len(match["y"]) == len("24"):
            year += 1900 if year >= FIRST_OF_1900S else 2000
        found = date(year, int(match["m"]), int(match["d"]))
    except ValueError:
        raise Wrong(f"{name} “{shortened(text)}” is not a day written like {ORDERS[order]}") from None
    clock = match.groups()[-2] or ""
    return found.isoformat(), clock.zfill(len(clock) + (clock.find(":") == 1)), match.groups()[-1] or ""
