"""The euro's reference rates of the European Central Bank: one rate a currency and TARGET day, since 1999, no key."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from assets.providers.base import BadPayload, Bar, PriceQuote, UnknownSymbol
from assets.providers.transport import Bounds, expect, get, iso_day, positive, written

Rates = Mapping[date, Mapping[str, Decimal]]
"""By day and currency: how many units one euro is."""

RECENT = timedelta(days=85)  # the shorter history reaches back 90 days
FRANKFURT, FIXED = ZoneInfo("Europe/Berlin"), time(14, 15)
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


class Ecb:
    """Pairs of the euro, such as "EURUSD": dollars for one euro. Whoever needs "USDEUR" inverts it."""

    name = "ecb"
    price_basis = "raw"

    def __init__(self, *, url: str, bounds: Bounds) -> None:
        self._url, self._bounds = url.rstrip("/"), bounds

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """The rates of the day; on a day without any there are no bars. One request."""
        wanted = [symbol for symbol in symbols if _is_pair(symbol)]
        if not wanted:
            return []
        rates = self._since(day).get(day, {})
        return [_bar(symbol, day, rates[symbol[3:]]) for symbol in wanted if symbol[3:] in rates]

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        rates = self._since(_asked(symbol, start))
        if not any(symbol[3:] in day for day in rates.values()):
            raise _unknown(symbol)
        days = sorted(day for day, known in rates.items() if start <= day <= end and symbol[3:] in known)
        return [_bar(symbol, day, rates[day][symbol[3:]]) for day in days]

    def quote(self, symbol: str) -> PriceQuote:
        """The newest rate, as of the quarter past two in Frankfurt at which it is fixed."""
        rates = self._since(_asked(symbol, datetime.now(UTC).date()))
        days = sorted((day for day, known in rates.items() if symbol[3:] in known), reverse=True)
        if not days:
            raise _unknown(symbol)
        price = rates[days[0]][symbol[3:]]
        before = next((rates[earlier][symbol[3:]] for _, earlier in pairwise(days)), None)
        change = None if before is None else price - before
        return PriceQuote(
            symbol,
            price,
            datetime.combine(days[0], FIXED, FRANKFURT).astimezone(UTC),
            previous_close=before,
            change=change,
            percent_change=None if change is None or before is None else (change / before * 100).quantize(price),
            currency=symbol[3:],
        )

    def _since(self, day: date) -> Rates:
        """The rates from ``day`` on, and more."""
        if datetime.now(UTC).date() - day <= RECENT:
            return _cubes(self._file("eurofxref-hist-90d.xml"))
        return _table(self._file("eurofxref-hist.zip"), self._bounds.most_bytes)

    def _file(self, name: str) -> bytes:
        answer = get(self._bounds, f"{self._url}/{name}")
        expect("ecb", answer.status == 200, f"it did not accept the request (HTTP {answer.status})")
        return answer.data


def _asked(symbol: str, day: date) -> date:
    """``day``, for a symbol that is worth a request."""
    if not _is_pair(symbol):
        raise _unknown(symbol)
    return day


def _unknown(symbol: str) -> UnknownSymbol:
    return UnknownSymbol(f"ecb: there is no reference rate {symbol}")


def _cubes(text: bytes) -> Rates:
    """The rates of the ECB's XML."""
    expect("ecb", b"<!DOCTYPE" not in text and b"<!ENTITY" not in text, "the answer declares entities")
    try:
        root = ET.fromstring(text)  # noqa: S314  without entities there is nothing to expand
    except (ET.ParseError, ValueError, LookupError) as error:
        raise BadPayload("ecb: the answer is not XML") from error
    days = {_day(cube.get("time")): dict(map(_rate, cube)) for cube in root.iter(CUBE) if cube.get("time")}
    expect("ecb", days and all(days.values()), "the answer has no rates")
    return days


def _rate(cube: ET.Element) -> tuple[str, Decimal]:
    currency = cube.get("currency", "")
    expect("ecb", cube.tag == CUBE and _is_currency(currency), "a rate has no currency")
    return currency, positive("ecb", written(cube.get("rate")), f"the rate of {currency} is no number")


def _table(packed: bytes, most_bytes: int) -> Rates:
    """The rates of the zipped CSV: a line a day, a column a currency, "N/A" where there was none."""
    days: dict[date, dict[str, Decimal]] = {}
    rows = csv.reader(_lines(packed, most_bytes), strict=True)
    try:
        date_column, *currencies = (name.strip() for name in next(rows, [""]))
        expect("ecb", date_column == "Date" and "USD" in currencies, "the table begins otherwise")
        for row in rows:
            found = zip(currencies, (written(cell) for cell in row[1:]), strict=False)
            days[_day(row[0])] = {name: rate for name, rate in found if name and rate and rate.is_finite() and rate > 0}
    except (csv.Error, IndexError, UnicodeDecodeError) as error:
        raise BadPayload("ecb: the table cannot be read") from error
    expect("ecb", days, "the answer has no rates")
    return days


def _lines(packed: bytes, most_bytes: int) -> Iterator[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            files = archive.namelist()
            expect("ecb", len(files) == 1, "the archive holds something else")
            with archive.open(files[0]) as table:
                text = table.read(most_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError) as error:
        raise BadPayload("ecb: the archive cannot be read") from error
    expect("ecb", len(text) <= most_bytes, f"the table is larger than {most_bytes} bytes")
    yield from io.TextIOWrapper(io.BytesIO(text), "ascii", newline="")


def _bar(symbol: str, day: date, rate: Decimal) -> Bar:
    return Bar(symbol, day, rate, currency=symbol[3:])


def _day(text: str | None) -> date:
    return iso_day("ecb", text)


def _is_pair(symbol: str) -> bool:
    return symbol[:3] == "EUR" and _is_currency(symbol[3:])


def _is_currency(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()
