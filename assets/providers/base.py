"""What a source of market data is: what it may offer, three errors, and asking several in order of preference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

NAMES = ("polygon", "finnhub", "alpha_vantage", "yahoo", "ecb", "csv_file", "simulated")
"""Every provider that there is."""


class Capability(StrEnum):
    """What a provider may be asked for; the value is the method that answers."""

    BARS = "daily_bars"
    HISTORY = "history"
    QUOTE = "quote"
    PROFILE = "profile"
    ACTIONS = "actions"


@dataclass(frozen=True, slots=True)
class Bar:
    """One asset's day: prices per unit in the listing currency, as traded; volume in units.

    ``currency`` is what the source says it is in, empty where it says nothing.
    """

    symbol: str
    day: date
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    adjusted_close: Decimal | None = None
    volume: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """A price at an instant, in the listing currency. ``percent_change`` is in percent of the previous close."""

    symbol: str
    price: Decimal
    at: datetime
    previous_close: Decimal | None = None
    change: Decimal | None = None
    percent_change: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What a provider says of a company; what it does not know is empty or None.

    ``market_cap`` is in units of ``currency``, ``dividend_yield`` a fraction of the price a year. ``logo`` is an
    address that anybody may read, unless ``logo_needs_key``.
    """

    symbol: str
    name: str = ""
    country: str = ""
    currency: str = ""
    exchange: str = ""
    ipo: date | None = None
    market_cap: Decimal | None = None
    industry: str = ""
    logo: str = ""
    website: str = ""
    price_earnings: Decimal | None = None
    dividend_yield: Decimal | None = None
    logo_needs_key: bool = False


@dataclass(frozen=True, slots=True)
class ActionNotice:
    """A split (``ratio``: new units for one old) or a payment (``cash`` a unit, gross) that a feed announces.

    A payment is a cash dividend, or a merger for cash alone, which ends the asset: so bonds are redeemed.
    ``external_id`` is the feed's own name for it, or what identifies it there.
    """

    symbol: str
    kind: str
    ex_date: date
    external_id: str
    ratio: Decimal | None = None
    cash: Decimal | None = None
    currency: str = ""
    pay_date: date | None = None


class ProviderError(Exception):
    """A provider gave no usable answer; the message starts with its name.

    ``bars`` are those that it had delivered before, when it was asked for several symbols one after the other.
    """

    bars: Sequence[Bar] = ()


class Unavailable(ProviderError):
    """It does not answer, or not yet: try later, or the next provider.

    ``retry_after`` is the number of seconds that the provider, or our own limit of calls, asks to wait.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotCovered(Unavailable):
    """The key's plan does not include this kind of question, whatever the symbol."""


class Throttled(Unavailable):
    """Our own limit of calls is used up: nothing was sent, and waiting is all that is needed."""


class UnknownSymbol(ProviderError):
    """The provider does not know the symbol; asking again cannot help."""


class BadPayload(ProviderError):
    """The answer is not what the provider documents: a person must look."""


class Doubtful(ProviderError):
    """A price that is too far from the last one; staff has to look, and the provider may well be right."""


class AnotherSecurity(BadPayload):
    """The answer is of another symbol or in another currency, so the provider takes the symbol for something else."""


class Provider(Protocol):
    """One outside source of daily prices."""

    @property
    def name(self) -> str: ...

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """The bars of ``symbols`` on ``day``, unchecked; a symbol without a bar is left out.

        A figure that the source wrote but that is no number comes as NaN, for the quality check to refuse.
        Raises ProviderError.
        """
        ...


class OffersHistory(Protocol):
    """A source of one symbol's past.

    A class attribute ``price_basis`` ("raw", "split_adjusted", "total_return") says what its closes are.
    """

    @property
    def name(self) -> str: ...

    def history(self, symbol: str, start: date, end: date) -> list[Bar]:
        """The bars from ``start`` to ``end``, both included, oldest first, unchecked. Raises ProviderError."""
        ...


class OffersQuotes(Protocol):
    @property
    def name(self) -> str: ...

    def quote(self, symbol: str) -> PriceQuote:
        """The newest price. Raises ProviderError, UnknownSymbol where there is no such symbol."""
        ...


class OffersProfiles(Protocol):
    @property
    def name(self) -> str: ...

    def profile(self, symbol: str) -> CompanyFacts:
        """What is known of the company. Raises ProviderError, UnknownSymbol where there is no such symbol."""
        ...


class OffersActions(Protocol):
    @property
    def name(self) -> str: ...

    def actions(self, symbol: str, start: date, end: date) -> list[ActionNotice]:
        """Splits and cash dividends with an ex-date from ``start`` to ``end``. Raises ProviderError."""
        ...


Check = Callable[[str, Iterable[Bar]], tuple[list[Bar], dict[str, str]]]
"""Provider name and bars to the bars that are good and, by symbol, why the others are not."""


@dataclass(slots=True)
class Answer:
    """What the providers gave together: good bars with their source, and what is missing and why."""

    bars: list[tuple[str, Bar]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    problems: list[tuple[str, ProviderError]] = field(default_factory=list)


def first_answer(
    providers: Sequence[Provider],
    orders: Mapping[str, Sequence[str]],
    day: date,
    check: Check,
    *,
    inventing: Collection[str] = (),
) -> Answer:
    """Ask each symbol's providers in its own order, each only for what none before it had a good bar for.

    ``orders`` maps the symbols to the names of their providers. One call asks for all symbols whose turn it is. Those
    whose names are in ``inventing`` make prices up. They are asked only for what every provider before them answered
    and did not have: not for what one may yet deliver, nor for a bar that was refused.
    """
    answer = Answer(missing={symbol: "" if orders[symbol] else NOBODY for symbol in sorted(orders)})
    waiting = {symbol: list(names) for symbol, names in orders.items()}
    doubted: set[str] = set()
    while turn := _next_turn(providers, waiting, answer):
        provider, symbols = turn
        for symbol in symbols:
            waiting[symbol].remove(provider.name)
        if provider.name in inventing:
            symbols = [] if answer.problems else [symbol for symbol in symbols if symbol not in doubted]
        if symbols:
            doubted |= _asked(answer, provider, symbols, day, check)
    return answer


NOBODY = "no provider is asked for this asset"


def _next_turn(
    providers: Sequence[Provider], waiting: Mapping[str, Sequence[str]], answer: Answer
) -> tuple[Provider, list[str]] | None:
    """The provider that most of the missing symbols wait for, and which; the first of several."""
    turns = [(provider, [s for s in answer.missing if waiting[s][:1] == [provider.name]]) for provider in providers]
    provider, symbols = max(turns, key=lambda turn: len(turn[1]), default=(None, []))
    return (provider, symbols) if provider and symbols else None


def _asked(answer: Answer, provider: Provider, symbols: list[str], day: date, check: Check) -> set[str]:
    """Returns the symbols whose bar was refused."""
    try:
        bars, error = provider.daily_bars(symbols, day), None
    except ProviderError as failure:
        bars, error = list(failure.bars), failure
        answer.problems.append((provider.name, failure))
    good, refused = check(provider.name, bars)
    for bar in good:
        if answer.missing.pop(bar.symbol, None) is not None:
            answer.bars.append((provider.name, bar))
    answer.refused += len(refused)
    lacking = str(error) if error else f"{provider.name}: no bar for this day"
    reasons = dict.fromkeys(symbols, lacking)
    _explain(answer, reasons | {symbol: f"{provider.name}: {reason}" for symbol, reason in refused.items()})
    return set(refused)


def _explain(answer: Answer, reasons: Mapping[str, str]) -> None:
    for symbol in answer.missing:
        answer.missing[symbol] = "; ".join(filter(None, [answer.missing[symbol], reasons.get(symbol, "")]))
