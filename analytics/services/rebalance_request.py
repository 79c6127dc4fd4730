"""What a request for a rebalancing means where it does not say everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal

from analytics.queries.optimised import WEIGHT, weights_of_run
from assets.models import Asset
from core.errors import DomainError
from core.money import EXACT, divide, multiply, total
from portfolios.book.allocation import Bands, Mode, Reach
from portfolios.book.lot_choice import Taxation
from portfolios.book.rebalance import Fees, Options
from portfolios.models import Portfolio
from portfolios.queries.drift import Drift, drift_of
from portfolios.services.rebalancing import Request
from portfolios.services.targets import NewTarget, check_targets, own_targets

ZERO, ONE = Decimal(0), Decimal(1)
WHOLE, FRACTIONAL = "whole", "fractional"
GAIN, TAX = "gain", "tax"


class AmountMissing(DomainError):
    """State how much is paid out."""


class RatesMissing(DomainError):
    """The least tax needs the rates for short- and long-term gains."""


class UnknownAsset(DomainError):
    """There is no such security any more."""


class NothingInvested(DomainError):
    """Nothing is invested, so the weights of an optimisation are shares of nothing: state the weight of cash."""


def request_of(
    portfolio: Portfolio,
    *,
    targets: Sequence[NewTarget] | None = None,
    run: int | None = None,
    cash: Decimal | None = None,
    threshold: Decimal | None = None,
    mode: str = Mode.FULL,
    amount: Decimal = ZERO,
    use_cash: bool = True,
    reach: str = Reach.TARGET,
    units: str = WHOLE,
    minimum: Decimal = ZERO,
    fee_flat: Decimal = ZERO,
    fee_rate: Decimal = ZERO,
    keep_others: bool = False,
    short_rate: Decimal | None = None,
    long_rate: Decimal | None = None,
    objective: str | None = None,
) -> Request:
    """What is asked for, with what follows where it is not said.

    Targets: those stated, else those of the optimisation ``run`` beside ``cash`` (None: the share that cash has now),
    else the portfolio's own. The threshold is then the portfolio's; stated weights are gone to in full. Lots are
    chosen for the least tax where both rates are stated, else for the least gain. Raises RunUnknown, UnknownAsset,
    NothingInvested, AmountMissing, WeightsExceedOne.
    """
    if targets is None:
        own = run is None
        targets = own_targets(portfolio) if run is None else _beside_cash(portfolio, run, cash, keep_others=keep_others)
    else:
        own = False
    check_targets(targets, cash or ZERO)
    if mode == Mode.WITHDRAWAL and not amount:
        raise AmountMissing(field="amount")
    if threshold is None:
        threshold = portfolio.rebalance_threshold if own else ZERO
    rated = short_rate is not None and long_rate is not None
    if objective == TAX and not rated:
        raise RatesMissing(field="short_rate")
    return Request(
        targets=targets,
        options=Options(
            mode=Mode(mode),
            amount=amount,
            bands=Bands(threshold, reach=Reach(reach)),
            minimum=minimum,
            fees=Fees(fee_flat, fee_rate),
            use_cash=use_cash,
        ),
        whole=units == WHOLE,
        keep_others=keep_others,
        taxation=Taxation(
            short_rate=short_rate, long_rate=long_rate, by_tax=objective == TAX or (objective is None and rated)
        ),
    )


def cash_share(rows: Sequence[Drift]) -> Decimal:
    """The share of cash in all that ``rows`` weigh, from 0 to 1; overdrawn cash and what has no value count as 0."""
    cash = total(row.value for row in rows if row.symbol is None and row.value is not None)
    whole = total(row.value for row in rows if row.value is not None)
    if cash <= 0:
        return ZERO
    return min(divide(cash, whole), ONE) if whole > 0 else ONE


def targets_of_run(portfolio: Portfolio, run: int, *, cash: Decimal) -> list[NewTarget]:
    """What an optimisation found, as targets beside the weight ``cash``: its weights are shares of what is invested.

    Raises RunUnknown, UnknownAsset.
    """
    weights = weights_of_run(portfolio, run)
    assets = Asset.objects.select_related("exchange").in_bulk(weights, field_name="symbol")
    if unknown := weights.keys() - assets.keys():
        raise UnknownAsset("There is no asset with the symbol “{unknown}” any more.", unknown=min(unknown), field="run")
    return [NewTarget(assets[symbol], _part(weight, ONE - cash)) for symbol, weight in sorted(weights.items())]


def _beside_cash(portfolio: Portfolio, run: int, cash: Decimal | None, *, keep_others: bool) -> list[NewTarget]:
    """``targets_of_run`` beside the stated weight of cash, else beside its share of what is rebalanced."""
    if cash is not None:
        return targets_of_run(portfolio, run, cash=cash)
    found = targets_of_run(portfolio, run, cash=ZERO)
    named = {target.asset.symbol for target in found}
    rows = [row for row in drift_of(portfolio, {}) if not keep_others or row.symbol is None or row.symbol in named]
    share = cash_share(rows)
    if share == ONE:
        raise NothingInvested(field="cash")
    return [replace(target, weight=_part(target.weight, ONE - share)) for target in found]


def _part(weight: Decimal, of: Decimal) -> Decimal:
    """Rounded down, so that the weights and that of cash never add up to more than 1."""
    return multiply(weight, of).quantize(WEIGHT, rounding=ROUND_FLOOR, context=EXACT)
