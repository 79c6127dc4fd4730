"""What a request for a rebalancing means where it does not say everything."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from analytics.queries.optimised import weights_of_run
from assets.models import Asset
from core.errors import DomainError
from portfolios.book.allocation import Bands, Mode, Reach
from portfolios.book.lot_choice import Taxation
from portfolios.book.rebalance import Fees, Options
from portfolios.models import Portfolio
from portfolios.services.rebalancing import Request
from portfolios.services.targets import NewTarget, check_targets, own_targets

ZERO = Decimal(0)
WHOLE, FRACTIONAL = "whole", "fractional"
GAIN, TAX = "gain", "tax"


class AmountMissing(DomainError):
    """State how much is paid out."""


class RatesMissing(DomainError):
    """The least tax needs the rates for short- and long-term gains."""


class UnknownAsset(DomainError):
    """There is no such security any more."""


def request_of(
    portfolio: Portfolio,
    *,
    targets: Sequence[NewTarget] | None = None,
    run: int | None = None,
    cash: Decimal = ZERO,
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

    Targets: those stated, else those of the optimisation ``run``, else the portfolio's own. The threshold is then the
    portfolio's; stated weights are gone to in full. Lots are chosen for the least tax where both rates are stated,
    else for the least gain. Raises RunUnknown, UnknownAsset, AmountMissing, WeightsExceedOne.
    """
    if targets is None:
        targets = targets_of_run(portfolio, run) if run is not None else own_targets(portfolio)
        own = run is None
    else:
        own = False
    check_targets(targets, cash)
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


def targets_of_run(portfolio: Portfolio, run: int) -> list[NewTarget]:
    """The weights that an optimisation found, as targets. Raises RunUnknown, UnknownAsset."""
    weights = weights_of_run(portfolio, run)
    assets = Asset.objects.select_related("exchange").in_bulk(weights, field_name="symbol")
    if unknown := weights.keys() - assets.keys():
        raise UnknownAsset(f"There is no asset with the symbol “{min(unknown)}” any more.", field="run")
    return [NewTarget(assets[symbol], weight) for symbol, weight in sorted(weights.items())]
