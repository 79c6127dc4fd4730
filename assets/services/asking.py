"""Asking the providers of one asset in order of preference, until one answers."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar, cast

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from assets.models import Asset, SymbolMapping, UnknownHere
from assets.providers.base import (
    AnotherSecurity,
    BadPayload,
    Bar,
    Capability,
    NotCovered,
    PriceQuote,
    ProviderError,
    Unavailable,
    UnknownSymbol,
)
from assets.queries import SIMULATED, last_bars
from assets.services import breaker
from assets.services.sources import DEFAULT_CALENDAR, Setting, Source, enabled, in_order
from core.errors import DomainError, NotReady
from core.fields import QUANTITY_LIMIT
from core.money import HUNDREDTH, MINOR_SPELLINGS, divide, major_currency, multiply

__all__ = ["Capability", "NobodyAnswers", "NobodyKnows", "Reply", "answers", "ask", "candidates"]
log = logging.getLogger(__name__)
T = TypeVar("T")
PricedT = TypeVar("PricedT", bound=Bar | PriceQuote)
ONE = Decimal(1)
PRICES = ("price", "close", "open", "high", "low", "adjusted_close", "previous_close", "change")  # of a bar or a quote
FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, AssertionError, RecursionError)
CLOSES = (Capability.BARS, Capability.HISTORY)  # what they mean must be what the stored ones mean


class NobodyKnows(DomainError):
    """No provider knows this symbol."""


class NobodyAnswers(NotReady):
    """Nobody who could know this answers at the moment.

    ``retry_after`` is the number of seconds after which asking again can help; None when it is not known.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """What a provider answered, and which one."""

    value: T
    provider: str


class Candidate(NamedTuple):
    """A provider that can be asked for one asset, and the asset's symbol there."""

    source: Source
    symbol: str


def ask(capability: Capability, asset: Asset, call: Callable[[Any, str], T]) -> Reply[T]:
    """The first good answer for ``asset``; ``call(adapter, symbol)`` asks one provider by its own symbol.

    A provider whose breaker is open or whose calls are used up is passed over, and so is one that has said lately that
    it does not know the symbol. Made-up prices are for stored assets that everybody else answered not to know. An
    asset need not be stored. Not to be called inside a transaction: it would hold the providers' rows while they are
    slow. Raises NobodyKnows, or NobodyAnswers when somebody who could know failed or nobody is configured.
    """
    return next(answers(capability, asset, call))


def answers(capability: Capability, asset: Asset, call: Callable[[Any, str], T]) -> Iterator[Reply[T]]:
    """The good answers, each asked for when it is wanted: ``ask`` for whoever wants a second opinion.

    Made-up ones are not among them once a real provider has answered. Raises as ``ask`` when there is none at all.
    """
    _require_symbol(asset)
    chosen, answered = candidates(capability, asset), False
    known = remembered(capability, chosen)
    reasons = [str(error) for error in known.values() if not isinstance(error, NotCovered)]
    problems: list[ProviderError] = [error for error in known.values() if isinstance(error, NotCovered)]
    for source, symbol in chosen:
        if (source.name, symbol) in known or (source.name == SIMULATED and (problems or answered)):
            continue
        adapter = source.open(_setting(source, asset))
        try:
            answer = question(capability, source, symbol, asset, partial(call, adapter, symbol))
        except (UnknownSymbol, AnotherSecurity) as error:
            reasons.append(str(error))
        except ProviderError as error:
            problems.append(error)
        else:
            answered = True
            yield Reply(answer, source.name)
    if answered:
        return
    if reasons and not problems:
        raise NobodyKnows("No provider knows {symbol}: {names}.", symbol=asset.symbol, names="; ".join(reasons))
    raise _nobody_answers(asset, problems)


def _require_symbol(asset: Asset) -> None:
    """What cannot be a symbol is sent to nobody. A stored asset has one."""
    if asset.pk is None:
        try:
            Asset._meta.get_field("symbol").clean(asset.symbol, asset)  # noqa: SLF001  Django's public name for it
        except ValidationError as error:
            raise NobodyKnows("“{symbol}” is no symbol.", symbol=asset.symbol[:32]) from error


def candidates(capability: Capability, asset: Asset) -> list[Candidate]:
    """Who can be asked for ``asset``, in order; two queries."""
    mapped = dict(SymbolMapping.objects.filter(asset_id=asset.pk).values_list("provider", "symbol"))
    return [
        Candidate(source, mapped.get(source.name) or source.symbol(asset))
        for source in in_order(enabled(), asset)
        if source.offers(capability)
        and (capability not in CLOSES or source.suits(asset))
        and (source.name in mapped or source.covers(asset.exchange_id or ""))
        and (asset.pk or source.name != SIMULATED)
    ]


def question(capability: Capability, source: Source, symbol: str, asset: Asset | None, call: Callable[[], T]) -> T:
    """One question to one provider about one of its symbols, behind its breaker; prices come as ``asset`` is quoted.

    Raises ProviderError. That the symbol is unknown or another security there is remembered for PROVIDER_UNKNOWN_HOURS.
    """

    def checked() -> T:
        value = call()
        return value if asset is None else as_quoted(asset, source.name, symbol, value)

    try:
        return guarded(source, checked)
    except (UnknownSymbol, AnotherSecurity) as error:
        _remember(capability, source, symbol, str(error))
        raise
    except NotCovered as error:
        _remember(capability, source, "", str(error))
        raise


def guarded(source: Source, call: Callable[[], T]) -> T:
    """``call``, unless the breaker is open; how it goes is written down. Raises ProviderError.

    An answer that its adapter stumbles over is a bad one: the next provider is asked, and the log says where it was.
    """
    breaker.admit(source.name, source.identity, now=timezone.now())
    try:
        value = _read(source, call)
    except ProviderError as error:
        breaker.report(source.name, error)
        raise
    breaker.report(source.name, None)
    return value


def _read(source: Source, call: Callable[[], T]) -> T:
    try:
        return call()
    except FAULTS as error:
        kind = type(error).__name__  # the text may hold the address, and that the key
        log.error("%s: %s\n%s", source.name, kind, "".join(traceback.format_tb(error.__traceback__)))  # noqa: TRY400
        raise BadPayload(f"{source.name}: the answer cannot be read ({kind})") from error


def remembered(
    capability: Capability, asked: Iterable[tuple[Source, str]]
) -> dict[tuple[str, str], UnknownSymbol | NotCovered]:
    """Of ``asked`` (provider and its symbol) what it has said not to have, by provider and symbol; one query.

    A provider whose key does not cover the capability lacks every symbol; another key begins anew.
    """
    wanted = [(source.name, source.identity, symbol) for source, symbol in asked]
    rows = UnknownHere.objects.filter(
        capability=capability,
        identity__in={identity for _, identity, _ in wanted},
        symbol__in={symbol for *_, symbol in wanted} | {""},
        until__gt=timezone.now(),
    )
    said = {(row.provider, row.identity, row.symbol): row.reason for row in rows}
    found: dict[tuple[str, str], UnknownSymbol | NotCovered] = {}
    for name, identity, symbol in wanted:
        if (name, identity, "") in said:
            found[name, symbol] = NotCovered(said[name, identity, ""])
        elif (name, identity, symbol) in said:
            found[name, symbol] = UnknownSymbol(said[name, identity, symbol])
    return found


def _remember(capability: Capability, source: Source, symbol: str, reason: str) -> None:
    now = timezone.now()
    UnknownHere.objects.filter(until__lt=now).delete()
    UnknownHere.objects.update_or_create(
        provider=source.name,
        capability=capability,
        symbol=symbol,
        defaults={"identity": source.identity, "until": now + settings.PROVIDER_UNKNOWN_FOR, "reason": reason[:500]},
    )


def as_quoted(asset: Asset, provider: str, symbol: str, value: T) -> T:
    """An answer with its prices in the currency in which ``asset`` is quoted; what is in it already stays as it is.

    Raises AnotherSecurity.
    """
    if isinstance(value, list):
        return cast("T", [as_quoted(asset, provider, symbol, item) for item in value])
    if not isinstance(value, Bar | PriceQuote):
        return value
    found = rescaled(asset, value)
    if found is None:
        raise AnotherSecurity(
            f"{provider}: {symbol} is quoted in {value.currency} there, not in {asset.quote_currency}"
        )
    return found


def rescaled(asset: Asset, priced: PricedT) -> PricedT | None:
    """``priced`` as ``asset`` is quoted: pounds become pence, or pence pounds; None for another currency."""
    scale = _scale(asset, MINOR_SPELLINGS.get(priced.currency, priced.currency))
    if scale is None or scale == ONE:
        return None if scale is None else priced
    figures = {name: getattr(priced, name, None) for name in PRICES}
    changed: dict[str, Any] = {name: _times(value, scale) for name, value in figures.items() if value is not None}
    return replace(priced, **changed, currency=asset.quote_currency)


def _scale(asset: Asset, given: str) -> Decimal | None:
    """By what a price in ``given`` is to be multiplied. A source that states no currency gives it as it is quoted."""
    if not given or not asset.currency or given == asset.quote_currency:
        return ONE
    if given == asset.currency:
        return divide(ONE, asset.price_factor)
    return HUNDREDTH if asset.price_factor == ONE and major_currency(given) == asset.currency else None


def _times(value: Decimal, scale: Decimal) -> Decimal:
    """What no column could keep stays as it is, for whoever refuses it."""
    return multiply(value, scale) if value.is_finite() and abs(value) < QUANTITY_LIMIT else value


def _setting(source: Source, asset: Asset) -> Setting:
    """Only a simulation goes on from the last known close, so nobody else pays a query for it."""
    if source.name != SIMULATED:
        return Setting()
    bar = last_bars([asset.pk]).get(asset.pk)
    calendar = asset.exchange.calendar if asset.exchange else DEFAULT_CALENDAR
    return Setting({asset.symbol: (bar.day, bar.close)} if bar else {}, calendar)


def _nobody_answers(asset: Asset, problems: Sequence[ProviderError]) -> NobodyAnswers:
    if not problems:
        return NobodyAnswers(f"No provider that can be asked about {asset.symbol} is configured.")
    waits = [error.retry_after for error in problems if isinstance(error, Unavailable) and error.retry_after]
    reasons = "; ".join(map(str, problems))
    return NobodyAnswers(f"Nobody answers about {asset.symbol}: {reasons}.", retry_after=min(waits, default=None))
