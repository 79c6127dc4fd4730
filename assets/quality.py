"""Is this bar to be believed? Accepts, flags or refuses it, and says why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

LIMIT = Decimal(10) ** 15  # above any price, and above any day's volume
DECIMALS = 10
DIGITS = 15
JUMP = Decimal("0.5")
LARGE_MOVE = Decimal("0.2")
RECENT = timedelta(days=10)  # an older close says nothing about today's
PRICES = ("close", "open", "high", "low", "adjusted_close")


class BarLike(Protocol):
    """What is judged: see assets.providers.base.Bar."""

    @property
    def symbol(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def open(self) -> Decimal | None: ...
    @property
    def high(self) -> Decimal | None: ...
    @property
    def low(self) -> Decimal | None: ...
    @property
    def close(self) -> Decimal: ...
    @property
    def adjusted_close(self) -> Decimal | None: ...
    @property
    def volume(self) -> Decimal | None: ...


BarT = TypeVar("BarT", bound=BarLike)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a market's day should look like. ``previous`` holds the last close before it by symbol, with its day."""

    symbols: AbstractSet[str]
    day: date
    today: date
    session: bool = True
    previous: Mapping[str, tuple[date, Decimal]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict(Generic[BarT]):
    """The bars to store; by symbol, what is odd about some of them, and why the others are refused."""

    accepted: list[BarT]
    flagged: dict[str, str]
    refused: dict[str, str]


def judge(bars: Iterable[BarT], expected: Expectation) -> Verdict[BarT]:
    """Sort one answer's bars. Of identical bars of a symbol one counts; where two differ, none does."""
    answers: dict[str, list[BarT]] = {}
    for bar in bars:
        same = answers.setdefault(bar.symbol, [])
        if not any(_identical(bar, other) for other in same):
            same.append(bar)
    verdict: Verdict[BarT] = Verdict([], {}, {})
    for symbol, given in answers.items():
        _file(verdict, symbol, given, expected)
    return verdict


def _file(verdict: Verdict[BarT], symbol: str, given: Sequence[BarT], expected: Expectation) -> None:
    reason = "two different bars for one day" if len(given) > 1 else refusal(given[0], expected)
    if reason:
        verdict.refused[symbol] = reason
        return
    verdict.accepted.append(given[0])
    if oddity := flag(given[0], expected):
        verdict.flagged[symbol] = oddity


def refusal(bar: BarLike, expected: Expectation) -> str:
    """Why ``bar`` must not be stored, or nothing."""
    return _misplaced(bar, expected) or _malformed(bar) or _inconsistent(bar) or _jump(bar, expected)


def flag(bar: BarLike, expected: Expectation) -> str:
    """What is odd about a bar that is stored all the same, or nothing."""
    if bar.open is not None and bar.low is not None and bar.high is not None and not bar.low <= bar.open <= bar.high:
        return f"open {_plain(bar.open)} lies outside low {_plain(bar.low)} and high {_plain(bar.high)}"
    move = _move(bar, expected)
    return f"close moved by {move:+.1%}" if move is not None and abs(move) > LARGE_MOVE else ""


def _misplaced(bar: BarLike, expected: Expectation) -> str:
    if bar.symbol not in expected.symbols:
        return "this symbol was not asked for"
    if bar.day > expected.today:
        return f"{bar.day} is in the future"
    if bar.day != expected.day:
        return f"the bar is of {bar.day}, not of {expected.day}"
    return "" if expected.session else f"the exchange was closed on {bar.day}"


def _malformed(bar: BarLike) -> str:
    for name in PRICES:
        price = getattr(bar, name)
        if price is not None and (reason := _bad_number(price) or ("" if price > 0 else "is not above zero")):
            return f"{name} {_plain(price)} {reason}"
    if bar.volume is not None and (reason := _bad_number(bar.volume) or ("" if bar.volume >= 0 else "is below zero")):
        return f"volume {_plain(bar.volume)} {reason}"
    return ""


def _bad_number(value: Decimal) -> str:
    if not value.is_finite():
        return "is not a number"
    if abs(value) >= LIMIT:
        return "is absurdly large"
    digits, exponent = value.normalize().as_tuple()[1:]
    if isinstance(exponent, int) and (exponent < -DECIMALS or len(digits) > DIGITS):
        return f"has more than {DECIMALS} decimals or {DIGITS} digits"
    return ""


def _inconsistent(bar: BarLike) -> str:
    low, high = bar.low, bar.high
    if low is not None and high is not None and high < low:
        return f"high {_plain(high)} is below low {_plain(low)}"
    if high is not None and bar.close > high:
        return f"close {_plain(bar.close)} is above high {_plain(high)}"
    if low is not None and bar.close < low:
        return f"close {_plain(bar.close)} is below low {_plain(low)}"
    return ""


def _jump(bar: BarLike, expected: Expectation) -> str:
    move = _move(bar, expected)
    if move is None or abs(move) <= JUMP:
        return ""
    day, close = expected.previous[bar.symbol]
    return (
        f"close {_plain(bar.close)} is {move:+.0%} against {_plain(close)} on {day}, "
        f"more than {JUMP:.0%} without a corporate action"
    )


def _move(bar: BarLike, expected: Expectation) -> Decimal | None:
    """The relative change against the previous close; None when there is no recent one."""
    day, close = expected.previous.get(bar.symbol, (date.min, Decimal(0)))
    if close <= 0 or not timedelta(0) < bar.day - day <= RECENT:
        return None
    return bar.close / close - 1


def _identical(bar: BarLike, other: BarLike) -> bool:
    columns = ("day", *PRICES, "volume")
    return all(getattr(bar, name) == getattr(other, name) for name in columns)


def _plain(value: Decimal) -> str:
    text = str(value)  # not "f": 1E+999999 would be a million digits
    return text if len(text) <= 20 else f"{value:.3E}"
