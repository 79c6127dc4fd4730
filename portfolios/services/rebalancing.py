"""From targets to trades with the lots that they take: what would be booked, and nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Max
from django.utils import timezone

from assets.models import Asset, AssetType
from banking.models import Account
from core.errors import DomainError
from core.money import total
from portfolios.book.lot_choice import Gain, Sale, Taxation, by_method, least_gain, picks_of, pro_rata, realised
from portfolios.book.lots import SPECIFIC
from portfolios.book.rebalance import Options, Order, Plan, Security, after, rebalance
from portfolios.book.types import OpenLot, Rules
from portfolios.book.value import converted
from portfolios.models import CashSetting, Disposal, Lot, Portfolio, TradeKind
from portfolios.queries import holdings, rules_of
from portfolios.queries.drift import Drift, Quoted, Weighed, drifts, quotes
from portfolios.queries.holdings import Holding
from portfolios.services.batch_preview import preview_trades
from portfolios.services.cash_boxes import CashBox, cash_boxes, paying_accounts
from portfolios.services.targets import NewTarget, check_targets
from portfolios.services.terms import EARLIEST, NewPick, NewTrade, exchange_day

ZERO = Decimal(0)
AFTERWARDS = timedelta(microseconds=1)  # what is proposed comes after every trade of its security
FRACTION = Decimal("0.0001")  # of a unit, where fractions are traded
STEPS = {AssetType.CRYPTO: Decimal("0.00000001"), AssetType.FUND: FRACTION}  # traded in fractions anyhow


class NoTargets(DomainError):
    """There are no target weights: state some, or set the portfolio's own."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. ``options.bands.cash_width`` follows from the portfolio and is not read.

    ``whole``: whole units, but for funds and crypto assets. ``keep_others``: what has no target is left alone and does
    not count; otherwise it is sold. ``taxation.long_term_days`` is the portfolio's.
    """

    targets: Sequence[NewTarget]
    options: Options = field(default_factory=Options)
    whole: bool = True
    keep_others: bool = False
    taxation: Taxation = field(default_factory=Taxation)


@dataclass(frozen=True, slots=True)
class ProposedTrade:
    """One trade with what it realises.

    ``taken`` is what booking it will take, ``gain`` what that realises. ``spread`` is the gain had every lot given the
    same fraction, ``unpicked`` that by the portfolio's method alone, ``least`` the least that any choice realises.
    """

    terms: NewTrade
    order: Order
    quoted: Quoted
    taken: tuple[Disposal, ...]
    gain: Gain
    spread: Gain
    unpicked: Gain
    least: Gain


@dataclass(frozen=True, slots=True)
class Proposed:
    """The trades that bring a portfolio to its targets. Amounts in the base currency.

    ``method`` is the cost method of the day; lots are picked where it is "specific". ``overdrawn`` names accounts that
    would end below zero although all cash together does not.
    """

    portfolio: Portfolio
    request: Request
    taxation: Taxation
    as_of: date | None
    price_version: int
    method: str
    plan: Plan
    trades: tuple[ProposedTrade, ...]
    before: tuple[Drift, ...]
    after: tuple[Drift, ...]
    overdrawn: tuple[str, ...]

    def gains(self, name: str) -> Gain:
        """The sum over the trades of their ``gain``, ``spread``, ``unpicked`` or ``least``."""
        return sum((getattr(trade, name) for trade in self.trades), Gain())

    @property
    def fees(self) -> Decimal:
        return total(trade.order.fee * trade.quoted.rate for trade in self.trades)


def propose(*, portfolio: Portfolio, request: Request, now: datetime | None = None) -> Proposed:
    """What rebalancing to ``request.targets`` means now; a fixed number of queries, and nothing is stored.

    Raises NoTargets, WeightsExceedOne and what else ``check_targets`` raises; PriceMissing, RateMissing;
    NothingToRebalance, CashShort; and what booking would raise.
    """
    if not request.targets:
        raise NoTargets(field="targets")
    check_targets(request.targets)
    return _Proposer.of(portfolio, request, now or timezone.now()).proposed()


@dataclass(frozen=True, slots=True)
class _Proposer:
    portfolio: Portfolio
    request: Request
    now: datetime
    targets: Mapping[int, NewTarget]
    held: Mapping[int, Holding]
    assets: Mapping[int, Asset]
    quotes: Mapping[int, Quoted]
    boxes: Sequence[CashBox]
    rules: Rules

    @classmethod
    def of(cls, portfolio: Portfolio, request: Request, now: datetime) -> _Proposer:
        targets = {target.asset.pk: target for target in request.targets}
        every = {one.asset_id: one for one in holdings([portfolio])[portfolio.pk]}
        held = {pk: one for pk, one in every.items() if pk in targets or not request.keep_others}
        known = Asset.objects.select_related("exchange").in_bulk(held.keys() - targets.keys())
        assets = {pk: target.asset for pk, target in targets.items()} | known
        found = quotes(portfolio, held.values(), assets.values())
        rules = rules_of([portfolio])[portfolio.pk]
        return cls(portfolio, request, now, targets, held, assets, found, cash_boxes(portfolio), rules)

    def proposed(self) -> Proposed:
        portfolio, options = self.portfolio, self.options
        securities = self._securities()
        plan = rebalance(securities, self.cash, portfolio.base_currency, options)
        picks = self._picks(plan)
        accounts, overdrawn = paying_accounts(portfolio, plan.orders, self.boxes, options.flow)
        terms = self._terms(plan, picks, accounts)
        taken = preview_trades(portfolio, terms, self.now).taken
        trades = tuple(
            self._trade(order, new, found) for order, new, found in zip(plan.orders, terms, taken, strict=True)
        )
        return Proposed(
            portfolio=portfolio,
            request=replace(self.request, options=options),
            taxation=self.taxation,
            as_of=max((one.day for one in self.quotes.values() if one.day), default=None),
            price_version=max((asset.price_version for asset in self.assets.values()), default=0),
            method=self.rules.method_on(self.now.date()),
            plan=plan,
            trades=trades,
            before=self._drifts(securities, self.cash),
            after=self._drifts([after(one, plan.orders) for one in securities], plan.cash_after),
            overdrawn=overdrawn,
        )

    @property
    def options(self) -> Options:
        """A portfolio that keeps no cash has none that could drift."""
        bands, tracked = self.request.options.bands, self.portfolio.cash == CashSetting.TRACKED
        return replace(self.request.options, bands=replace(bands, cash_width=bands.width if tracked else ZERO))

    @property
    def taxation(self) -> Taxation:
        return replace(self.request.taxation, long_term_days=self.portfolio.long_term_days)

    @property
    def cash(self) -> Decimal:
        return total(box.value for box in self.boxes)

    def _day(self, key: int) -> date:
        return exchange_day(self.assets[key], self.now)

    def _method(self, order: Order) -> str:
        return self.rules.method_on(self._day(order.security.key))

    def _securities(self) -> list[Security]:
        lots = self._lots()
        return [self._security(asset, lots.get(pk, ())) for pk, asset in self.assets.items()]

    def _security(self, asset: Asset, lots: Sequence[OpenLot]) -> Security:
        quoted, target, held = self.quotes[asset.pk], self.targets.get(asset.pk), self.held.get(asset.pk)
        return Security(
            key=asset.pk,
            symbol=asset.symbol,
            currency=asset.currency,
            price=quoted.price,
            factor=asset.price_factor,
            rate=quoted.rate,
            quantity=held.quantity if held else ZERO,
            target=target.weight if target else ZERO,
            step=target.lot_size if target and target.lot_size else self._step(asset),
            lots=tuple(lots),
            accrued=quoted.accrued,
        )

    def _step(self, asset: Asset) -> Decimal:
        return STEPS.get(AssetType(asset.type), Decimal(1) if self.request.whole else FRACTION)

    def _lots(self) -> dict[int, list[OpenLot]]:
        """Asset id to its open lots in their opening order; one query."""
        found: dict[int, list[OpenLot]] = {}
        rows = Lot.objects.open().filter(portfolio=self.portfolio, asset__in=self.assets)
        for lot in rows.order_by("opened_on", "opened_by", "sequence"):
            left = (lot.quantity, lot.cost, lot.cost_base)
            made = OpenLot(lot.opened_by_id, lot.sequence, lot.opened_on, *left, *left)
            found.setdefault(lot.asset_id, []).append(made)
        return found

    def _picks(self, plan: Plan) -> list[tuple[NewPick, ...]]:
        """What each order names: lots where they may be picked, nothing elsewhere."""
        return [self._picked(order) for order in plan.orders]

    def _picked(self, order: Order) -> tuple[NewPick, ...]:
        if order.is_buy or self._method(order) != SPECIFIC:
            return ()
        slices = least_gain(order.security.lots, self._sale(order), self.taxation)
        return tuple(NewPick(pick.opened_by, pick.quantity, pick.sequence) for pick in picks_of(slices))

    def _sale(self, order: Order) -> Sale:
        return Sale(order.quantity, self._proceeds(order), self._day(order.security.key))

    def _proceeds(self, order: Order) -> Decimal:
        """What the sale brings for the units themselves: accrued interest is income and no gain."""
        interest = converted(order.accrued, order.security.rate, self.portfolio.base_currency)
        return order.cash - interest

    def _terms(
        self, plan: Plan, picks: Sequence[tuple[NewPick, ...]], accounts: Sequence[Account | None]
    ) -> list[NewTrade]:
        last = self._last_trades()
        return [
            self._new(order, max(self.now, last.get(order.security.key, EARLIEST) + AFTERWARDS), named, account)
            for order, named, account in zip(plan.orders, picks, accounts, strict=True)
        ]

    def _new(self, order: Order, at: datetime, picks: tuple[NewPick, ...], account: Account | None) -> NewTrade:
        asset = self.assets[order.security.key]
        foreign = asset.currency != self.portfolio.base_currency
        return NewTrade(
            asset=asset,
            kind=TradeKind(order.kind.value),
            quantity=order.quantity,
            traded_at=at,
            price=order.security.price,
            fee=order.fee,
            accrued=order.accrued if asset.type == AssetType.BOND else None,
            exchange_rate=order.security.rate if foreign else None,
            account=account,
            picks=picks,
        )

    def _last_trades(self) -> dict[int, datetime]:
        """Asset id to the instant of its last trade, after which ours come; one query."""
        trades = self.portfolio.trades.standing().filter(asset__in=self.assets).order_by()
        return dict(trades.values_list("asset").annotate(Max("traded_at")))

    def _trade(self, order: Order, terms: NewTrade, taken: tuple[Disposal, ...]) -> ProposedTrade:
        gain = gain_of(taken)
        quoted, lots = self.quotes[terms.asset.pk], order.security.lots
        if order.is_buy:
            return ProposedTrade(terms, order, quoted, taken, gain, gain, gain, gain)
        sale, taxation = self._sale(order), self.taxation
        spread = realised(pro_rata(lots, order.quantity), sale, taxation)
        if self._method(order) == SPECIFIC:
            unpicked = realised(by_method(lots, order.quantity, SPECIFIC), sale, taxation)
            return ProposedTrade(terms, order, quoted, taken, gain, spread, unpicked, gain)
        least = realised(least_gain(lots, sale, taxation), sale, taxation)
        return ProposedTrade(terms, order, quoted, taken, gain, spread, gain, least)

    def _drifts(self, securities: Sequence[Security], cash: Decimal) -> tuple[Drift, ...]:
        base, bands = self.portfolio.base_currency, self.options.bands
        rows = [
            Weighed(one.key, one.symbol, self.assets[one.key].name, one.value_in(base))
            for one in sorted(securities, key=lambda one: one.symbol)
        ]
        weights = {pk: target.weight for pk, target in self.targets.items()}
        cash_band = bands.cash_width if self.portfolio.cash == CashSetting.TRACKED else None
        return tuple(drifts(rows, cash, weights, cash_band, bands.width))


def gain_of(taken: Sequence[Disposal]) -> Gain:
    """What ``taken`` realises; reads their portfolio."""
    return Gain(
        total(one.gain_base for one in taken if not one.long_term),
        total(one.gain_base for one in taken if one.long_term),
    )
