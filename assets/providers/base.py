"""What a source of market data is: what it may offer, three errors, and asking several in order of preference."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Bar:
    """One asset's day: prices per unit in the listing currency, as traded; volume in units."""

    symbol: str
    day: date
    close: Decimal
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    adjusted_close: Decimal | None = None
    volume: Decimal | None = None


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

    ``market_cap`` is in units of ``currency``, ``dividend_yield`` a fraction of the price a year.
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


@dataclass(frozen=True, slots=True)
class ActionNotice:
    """A split (``ratio``: new units for one old) or a cash dividend (``cash`` a unit, gross) that a feed announces.

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
    """A provider gave no usable answer; the message starts with its name."""


class Unavailable(ProviderError):
    """It does not answer, or not yet: try later, or the next provider.

    ``retry_after`` is the number of seconds that the provider, or our own limit of calls, asks to wait.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Throttled(Unavailable):
    """Our own limit of calls is used up: nothing was sent, and waiting is all that is needed."""


class UnknownSymbol(ProviderError):
    """The provider does not know the symbol; asking again cannot help."""


class BadPayload(ProviderError):
    """The answer is not what the provider documents: a person must look."""


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
    """A source of one symbol's past."""

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
    providers: Sequence[Provider], symbols: Iterable[str], day: date, check: Check, *, inventing: Collection[str] = ()
) -> Answer:
    """Ask the providers in order, each only for the symbols that none before it had a good bar for.

    Those whose names are in ``inventing`` make prices up. They are asked only for what every provider before them
    answered and did not have: not for what one may yet deliver, nor for a bar that was refused.
    """
    answer = Answer(missing=dict.fromkeys(sorted(symbols), ""))
    doubted: set[str] = set()
    for provider in providers:
        invents = provider.name in inventing
        wanted = [symbol for symbol in answer.missing if not (invents and symbol in doubted)]
        if not wanted or (invents and answer.problems):
            continue
        try:
            doubted |= _add(answer, provider.name, *check(provider.name, provider.daily_bars(wanted, day)))
        except ProviderError as error:
            answer.problems.append((provider.name, error))
            _explain(answer, dict.fromkeys(wanted, str(error)))
    return answer


def _add(answer: Answer, name: str, good: list[Bar], refused: dict[str, str]) -> set[str]:
    """Returns the symbols whose bar was refused."""
    for bar in good:
        if answer.missing.pop(bar.symbol, None) is not None:
            answer.bars.append((name, bar))
    answer.refused += len(refused)
    absent = dict.fromkeys(answer.missing, f"{name}: no bar for this day")
    _explain(answer, absent | {symbol: f"{name}: {reason}" for symbol, reason in refused.items()})
    return set(refused)


def _explain(answer: Answer, reasons: dict[str, str]) -> None:
    for symbol in answer.missing:
        answer.missing[symbol] = "; ".join(filter(None, [answer.missing[symbol], reasons.get(symbol, "")]))
