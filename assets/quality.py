"""Is this bar to be believed? Accepts, flags or refuses it, and says why. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar

from core.money import multiply

LIMIT = Decimal(10) ** 15  # above any price, and above any day's volume
DECIMALS = 10
DIGITS = 15
JUMP = Decimal("0.5")
LARGE_MOVE = Decimal("0.2")
RECENT = timedelta(days=10)  # an older close says little about today's:
EXTREME = Decimal(10)  # only that it is not so many times as much, or that part of it, without a corporate action
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


class Reason(StrEnum):
    """Why a bar is not stored."""

    NOT_ASKED = "not_asked"
    OTHER_DAY = "other_day"
    FUTURE = "future"
    NO_SESSION = "no_session"
    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    TOO_LONG = "too_long"
    INCONSISTENT = "inconsistent"
    CONTRADICTORY = "contradictory"
    JUMP = "jump"
    RESTATED = "restated"


UNASKED = frozenset({Reason.NOT_ASKED, Reason.OTHER_DAY})
"""Not doubtful but beside the question: nobody has to decide about such a bar."""
DECIDABLE = frozenset({Reason.NO_SESSION, Reason.INCONSISTENT, Reason.CONTRADICTORY, Reason.JUMP})
"""What a person may store all the same; the rest can never become a price."""


class Refusal(NamedTuple):
    reason: Reason
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a market's day should look like.

    ``previous`` holds the last close before it by symbol, with its day. It counts for RECENT days, and for as long as
    need be where ``disputed`` names the symbol: a jump from it was refused and nobody has settled that, or whoever
    enters a price can be asked. Where it is older, only a close beyond EXTREME times it, or below that part, is a jump.
    """

    symbols: AbstractSet[str]
    day: date
    today: date
    session: bool = True
    previous: Mapping[str, tuple[date, Decimal]] = field(default_factory=dict)
    disputed: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Doubt(Generic[BarT]):
    """A bar that was asked for and is not believed."""

    bar: BarT
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Verdict(Generic[BarT]):
    """The bars to store; by symbol, what is odd about some of them, and why the others are refused.

    ``doubts`` are the refused ones that somebody has to decide about.
    """

    accepted: list[BarT]
    flagged: dict[str, str]
    refused: dict[str, str]
    doubts: list[Doubt[BarT]] = field(default_factory=list)


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
    refused = [(bar, refusal(bar, expected)) for bar in given]
    if len(given) > 1:
        refused = [(bar, reason or CONTRADICTION) for bar, reason in refused]
        verdict.refused[symbol] = CONTRADICTION.text
    elif reason := refused[0][1]:
        verdict.refused[symbol] = reason.text
    else:
        verdict.accepted.append(given[0])
        if oddity := flag(given[0], expected):
            verdict.flagged[symbol] = oddity
    verdict.doubts.extend(Doubt(bar, reason) for bar, reason in refused if reason and reason.reason not in UNASKED)


CONTRADICTION = Refusal(Reason.CONTRADICTORY, "two different bars for one day")


def refusal(bar: BarLike, expected: Expectation) -> Refusal | None:
    """Why ``bar`` must not be stored, or nothing."""
    return _misplaced(bar, expected) or malformed(bar) or inconsistent(bar) or _jump(bar, expected)


def flag(bar: BarLike, expected: Expectation) -> str:
    """What is odd about a bar that is stored all the same, or nothing."""
    if bar.open is not None and bar.low is not None and bar.high is not None and not bar.low <= bar.open <= bar.high:
        return f"open {_plain(bar.open)} lies outside low {_plain(bar.low)} and high {_plain(bar.high)}"
    move = _move(bar, expected)
    return f"close moved by {move:+.1%}" if move is not None and abs(move) > LARGE_MOVE else ""


def _misplaced(bar: BarLike, expected: Expectation) -> Refusal | None:
    if bar.symbol not in expected.symbols:
        return Refusal(Reason.NOT_ASKED, "this symbol was not asked for")
    if bar.day > expected.today:
        return Refusal(Reason.FUTURE, f"{bar.day} is in the future")
    if bar.day != expected.day:
        return Refusal(Reason.OTHER_DAY, f"the bar is of {bar.day}, not of {expected.day}")
    if not expected.session:
        return Refusal(Reason.NO_SESSION, f"the exchange was closed on {bar.day}")
    return None


def malformed(bar: BarLike) -> Refusal | None:
    """What no column could keep: no number, a price of 0 or less, too many digits."""
    for name in (*PRICES, "volume"):
        value = getattr(bar, name)
        bad = _bad_number(value, least_is_zero=name == "volume") if value is not None else None
        if bad:
            return Refusal(bad.reason, f"{name} {_plain(value)} {bad.text}")
    return None


def _bad_number(value: Decimal, *, least_is_zero: bool) -> Refusal | None:
    if not value.is_finite():
        return Refusal(Reason.NOT_A_NUMBER, "is not a number")
    if abs(value) >= LIMIT:
        return Refusal(Reason.TOO_LONG, "is absurdly large")
    digits, exponent = value.normalize().as_tuple()[1:]
    if isinstance(exponent, int) and (exponent < -DECIMALS or len(digits) > DIGITS):
        return Refusal(Reason.TOO_LONG, f"has more than {DECIMALS} decimals or {DIGITS} digits")
    if value < 0 and least_is_zero:
        return Refusal(Reason.NOT_POSITIVE, "is below zero")
    if value <= 0 and not least_is_zero:
        return Refusal(Reason.NOT_POSITIVE, "is not above zero")
    return None


def inconsistent(bar: BarLike) -> Refusal | None:
    """Figures that cannot be of one day."""
    low, high, text = bar.low, bar.high, ""
    if low is not None and high is not None and high < low:
        text = f"high {_plain(high)} is below low {_plain(low)}"
    elif high is not None and bar.close > high:
        text = f"close {_plain(bar.close)} is above high {_plain(high)}"
    elif low is not None and bar.close < low:
        text = f"close {_plain(bar.close)} is below low {_plain(low)}"
    return Refusal(Reason.INCONSISTENT, text) if text else None


def conceivable(previous: Decimal, price: Decimal) -> bool:
    """Whether ``price`` can follow ``previous``, above zero and of any age: at most EXTREME times it, or that part."""
    return price.is_finite() and previous <= multiply(price, EXTREME) and price <= multiply(previous, EXTREME)


def _jump(bar: BarLike, expected: Expectation) -> Refusal | None:
    day, close = _before(bar, expected)
    if close <= 0:
        return None
    move = bar.close / close - 1
    if _binding(bar, expected, day):
        bound, likely = f"{JUMP:.0%}", abs(move) <= JUMP
    else:
        bound, likely = f"{EXTREME} times", conceivable(close, bar.close)
    if likely:
        return None
    return Refusal(
        Reason.JUMP,
        f"close {_plain(bar.close)} is {move:+.0%} against {_plain(close)} on {day}, "
        f"more than {bound} without a corporate action",
    )


def _move(bar: BarLike, expected: Expectation) -> Decimal | None:
    """The relative change against the previous close; None when there is no recent one."""
    day, close = _before(bar, expected)
    return bar.close / close - 1 if close > 0 and _binding(bar, expected, day) else None


def _before(bar: BarLike, expected: Expectation) -> tuple[date, Decimal]:
    """The previous close with its day; 0 where there is none."""
    day, close = expected.previous.get(bar.symbol, (date.min, Decimal(0)))
    return (day, close) if day < bar.day else (day, Decimal(0))


def _binding(bar: BarLike, expected: Expectation, day: date) -> bool:
    return bar.symbol in expected.disputed or bar.day - day <= RECENT


def _identical(bar: BarLike, other: BarLike) -> bool:
    columns = ("day", *PRICES, "volume")
    return all(getattr(bar, name) == getattr(other, name) for name in columns)


def _plain(value: Decimal) -> str:
    text = str(value)  # not "f": 1E+999999 would be a million digits
    if "." in text and "E" not in text:
        text = text.rstrip("0").rstrip(".")
    return text if len(text) <= 20 else f"{value:.3E}"
