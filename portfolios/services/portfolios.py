"""Creating, changing and deleting portfolios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import once, record
from assets.models import Asset, PriceClock
from banking.models import Account, AccountKind, CashTransaction, Origin
from core.errors import DomainError
from core.money import UnknownCurrency, minor_units
from portfolios.book.value import gross_amount
from portfolios.models import CashSetting, CostMethod, Portfolio, PortfolioAccount, RiskTolerance, TradeKind
from portfolios.services.drafting import located
from portfolios.services.rebuild import rebuild, rederive_cash
from portfolios.services.terms import NewLot, NewTrade, check_not_negative, check_positive, exchange_day
from portfolios.services.trades import book, locked
from users.models import Organisation, User, owned_by

LONGEST_NAME = 100
GIVEN_AS = {".traded_at": ".opened_on", ".price": ".unit_cost", ".lots.0.cost": ".unit_cost"}  # booked, in the input
CHANGEABLE = {"name", "description", "base_currency", "benchmark", "cost_method", "cash"}
CHANGEABLE |= {"allow_short", "long_term_days", "rebalance_threshold", "risk_tolerance"}
LEAVING = (TradeKind.SELL, TradeKind.TRANSFER_OUT)
MOST_DAYS = 36_525


@dataclass(frozen=True, slots=True)
class NewInvestment:
    """A position that a portfolio opens with.

    ``unit_cost`` as the asset is quoted, else the day's last known close; ``opened_on`` is the
    day of the transfer and of its lot, today when left out.
    """

    asset: Asset
    quantity: Decimal
    unit_cost: Decimal | None = None
    opened_on: date | None = None


class NameRequired(DomainError):
    """A portfolio needs a name."""


class NameTooLong(DomainError):
    """A name has at most 100 characters."""


class UnknownCostMethod(DomainError):
    """The cost method is fifo, lifo, hifo, average or specific."""


class UnknownCashSetting(DomainError):
    """Cash is untracked or tracked."""


class UnknownRiskTolerance(DomainError):
    """The risk tolerance is conservative, balanced, growth, aggressive, or not stated."""


class DuplicateAsset(DomainError):
    """The same asset is listed twice."""


class BaseCurrencyFixed(DomainError):
    """The base currency cannot change any more: trades were booked in it."""


class CostMethodFixed(DomainError):
    """The first cost method cannot change any more: sales were booked by it. Change the method from a day on."""


class ShortPositionsExist(DomainError):
    """Short positions were opened in this portfolio, so they have to stay allowed."""


class TermOutOfRange(DomainError):
    """The long term begins after 0 to 36,525 days."""


class ThresholdOutOfRange(DomainError):
    """The threshold of rebalancing is a fraction from 0 to 1 with at most 4 decimals."""


class AccountOfAnother(DomainError):
    """The account belongs to somebody else than the portfolio."""


class AccountTaken(DomainError):
    """The account holds a portfolio's cash already."""


class JoinsInFuture(DomainError):
    """An account joins a portfolio today or earlier."""


class UnknownField(DomainError):
    """A portfolio has no such field to change."""


@transaction.atomic
def create_portfolio(
    *,
    owner: User | Organisation,
    name: str,
    description: str = "",
    base_currency: str | None = None,
    benchmark: Asset | None = None,
    cost_method: str = CostMethod.FIFO,
    cash: str = CashSetting.UNTRACKED,
    allow_short: bool = False,
    long_term_days: int = 365,
    rebalance_threshold: Decimal = Decimal("0.05"),
    risk_tolerance: str = "",
    investments: Sequence[NewInvestment] = (),
    actor: User | None = None,
    now: datetime | None = None,
) -> Portfolio:
    """Create a portfolio of a person or an organisation, its account if cash is tracked, and its opening positions.

    ``base_currency`` defaults to the owner's, ``actor`` to the owner if that is a person. Each investment becomes a
    transfer in. An error about one names its field as ``investments.<position>.<field>``.
    """
    values: dict[str, Any] = {
        "name": name,
        "description": description,
        "base_currency": base_currency or owner.base_currency,
        "benchmark": benchmark,
        "cost_method": cost_method,
        "cash": cash,
        "allow_short": allow_short,
        "long_term_days": long_term_days,
        "rebalance_threshold": rebalance_threshold,
        "risk_tolerance": risk_tolerance,
    }
    actor = actor or (owner if isinstance(owner, User) else None)
    portfolio = Portfolio.objects.create(**owned_by(owner), rates_version=PriceClock.read(), **_checked(values))
    if cash == CashSetting.TRACKED:
        _ensure_account(portfolio)
    record(actor=actor, action="portfolio.created", subject=portfolio, data={"name": portfolio.name})
    if investments:
        _open(portfolio, investments, actor, now or timezone.now())
    return portfolio


@transaction.atomic
def enter_portfolio(*, owner: User | Organisation, actor: User, key: str, **values: Any) -> int:
    """``create_portfolio`` once for a ``key`` of ``actor``; the id of what it made. Raises what it raises."""

    def work() -> int:
        return create_portfolio(owner=owner, actor=actor, **values).pk

    return once(user=actor, key=key, work=work)[0]


@transaction.atomic
def change_portfolio(*, portfolio: Portfolio, actor: User | None, **changes: Any) -> Portfolio:
    """Change a portfolio's name, description, benchmark, base currency, first cost method or its settings.

    The base currency stays once a trade is booked, the cost method once a sale is: what was
    realised by one method stands (``methods.change_method`` changes it from a day on). Switching
    the cash setting rebuilds the cash rows of its trades.
    """
    if unknown := changes.keys() - CHANGEABLE:
        raise UnknownField(field=min(unknown))
    portfolio = locked(portfolio)
    before = {name: getattr(portfolio, name) for name in changes}
    after = {name: value for name, value in _checked(changes).items() if value != before[name]}
    if not after:
        return portfolio
    _refuse_late_change(portfolio, after)
    for name, value in after.items():
        setattr(portfolio, name, value)
    portfolio.save(update_fields=list(after))
    if portfolio.cash == CashSetting.TRACKED:
        _ensure_account(portfolio)
    if "cash" in after:
        rederive_cash(portfolio)
    if "cost_method" in after:
        rebuild(portfolio)
    data = {name: [str(before[name]), str(value)] for name, value in after.items()}
    record(actor=actor, action="portfolio.changed", subject=portfolio, data=data)
    return portfolio


@transaction.atomic
def attach_account(
    *, portfolio: Portfolio, account: Account, actor: User | None, joined_on: date | None = None
) -> PortfolioAccount:
    """Let an account of the portfolio's owner hold its cash, beside those that do.

    The account is the portfolio's from the start of ``joined_on``, and what it held by then comes in that day; None:
    all of its rows are the portfolio's. Raises AccountOfAnother, AccountTaken, JoinsInFuture.
    """
    if joined_on and joined_on > timezone.now().date():
        raise JoinsInFuture(field="joined_on")
    portfolio = locked(portfolio)
    Account.objects.filter(Q(pk=account.pk) | Q(pk__in=portfolio.portfolio_accounts.values("account"))).bump()
    if not account.belongs_with(portfolio):
        raise AccountOfAnother(field="account")
    if PortfolioAccount.objects.filter(account=account).exists():
        raise AccountTaken(field="account")
    link = PortfolioAccount.objects.create(portfolio=portfolio, account=account, joined_on=joined_on)
    rederive_cash(portfolio)  # trades that name no account may move this one from now on
    data = {"account": account.pk, "joined_on": joined_on and joined_on.isoformat()}
    record(actor=actor, action="portfolio.account_attached", subject=portfolio, data=data)
    return link


@transaction.atomic
def delete_portfolio(*, portfolio: Portfolio, actor: User | None) -> None:
    """Delete a portfolio with its trades and all that follows from them.

    Its accounts stay, except one that was made for it, has no IBAN and never saw any other money
    than its trades'. The audit trail keeps what it was.
    """
    portfolio = locked(portfolio)
    accounts = Account.objects.filter(pk__in=portfolio.portfolio_accounts.values("account"))
    ids = list(accounts.order_by("pk").values_list("pk", flat=True))
    accounts.bump()
    made_for = portfolio.portfolio_accounts.filter(made_for=True, account__iban="")
    own = list(made_for.values_list("account", flat=True))
    belonged = {"owner": portfolio.owner_id, "organisation": portfolio.organisation_id}
    data = {"name": portfolio.name, **belonged, "trades": portfolio.trades.count()}
    record(actor=actor, action="portfolio.deleted", subject=portfolio, data=data)
    CashTransaction.objects.filter(origin=Origin.TRADE, origin_id__in=portfolio.trades.values("pk")).delete()
    CashTransaction.objects.filter(origin=Origin.ACTION, account__in=ids).delete()
    portfolio.delete()
    used = CashTransaction.objects.filter(account__in=ids).values("account")
    Account.objects.filter(pk__in=own).exclude(pk__in=used).delete()


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with the name trimmed; refuses what a portfolio cannot be."""
    if "name" in values:
        values = values | {"name": values["name"].strip()}
        if not values["name"]:
            raise NameRequired(field="name")
        if len(values["name"]) > LONGEST_NAME:
            raise NameTooLong(field="name")
    if "base_currency" in values:
        _check_currency(values["base_currency"])
    if values.get("cost_method", CostMethod.FIFO) not in CostMethod.values:
        raise UnknownCostMethod(field="cost_method")
    if values.get("cash", CashSetting.TRACKED) not in CashSetting.values:
        raise UnknownCashSetting(field="cash")
    if values.get("risk_tolerance", "") not in ("", *RiskTolerance.values):
        raise UnknownRiskTolerance(field="risk_tolerance")
    if not 0 <= values.get("long_term_days", 0) <= MOST_DAYS:
        raise TermOutOfRange(field="long_term_days")
    if "rebalance_threshold" in values:
        check_threshold(values["rebalance_threshold"])
    return values


def check_threshold(threshold: Decimal, field: str = "rebalance_threshold") -> None:
    """Refuse what is no fraction from 0 to 1. Raises ThresholdOutOfRange."""
    if not threshold.is_finite() or not 0 <= threshold <= 1 or round(threshold, 4) != threshold:
        raise ThresholdOutOfRange(field=field)


def _check_currency(code: str) -> None:
    try:
        minor_units(code)
    except UnknownCurrency as error:
        raise UnknownCurrency(error.message, field="base_currency") from error


def _refuse_late_change(portfolio: Portfolio, after: dict[str, Any]) -> None:
    if "base_currency" in after and portfolio.trades.exists():
        raise BaseCurrencyFixed(field="base_currency")
    if "cost_method" in after and portfolio.trades.filter(kind__in=LEAVING).exists():
        raise CostMethodFixed(field="cost_method")
    if after.get("allow_short") is False and _was_short(portfolio):
        raise ShortPositionsExist(field="allow_short")


def _was_short(portfolio: Portfolio) -> bool:
    return portfolio.disposals.filter(short=True).exists() or portfolio.lots.filter(quantity__lt=0).exists()


def _ensure_account(portfolio: Portfolio) -> None:
    """A brokerage account in the base currency, unless the portfolio has one since its first trade."""
    first = portfolio.trades.standing().aggregate(first=Min("day"))["first"]
    links = portfolio.portfolio_accounts.filter(account__currency=portfolio.base_currency)
    if not any(first is None or link.held_on(first) for link in links):
        account = Account.objects.create(
            **owned_by(portfolio.holder),
            name=portfolio.name,
            kind=AccountKind.BROKERAGE,
            currency=portfolio.base_currency,
        )
        PortfolioAccount.objects.create(portfolio=portfolio, account=account, made_for=True)


def _open(portfolio: Portfolio, investments: Sequence[NewInvestment], actor: User | None, now: datetime) -> None:
    seen: set[int] = set()
    transfers = []
    for position, investment in enumerate(investments):
        if investment.asset.pk in seen:
            message = gettext("%(symbol)s is listed twice.") % {"symbol": investment.asset.symbol}
            raise DuplicateAsset(message, field=f"investments.{position}.asset")
        seen.add(investment.asset.pk)
        with located(f"investments.{position}."):
            transfers.append(_opening(investment, now))
    try:
        book(locked(portfolio), transfers, actor=actor, now=now, where=lambda position: f"investments.{position}.")
    except DomainError as error:
        for booked, given in GIVEN_AS.items():
            error.field = error.field.replace(booked, given)
        raise


def _opening(investment: NewInvestment, now: datetime) -> NewTrade:
    """The transfer in that opens a position."""
    asset, day = investment.asset, investment.opened_on
    check_positive(investment.quantity, "quantity")
    if investment.unit_cost is not None:
        check_not_negative(investment.unit_cost, "unit_cost")
    zone = ZoneInfo(asset.exchange.time_zone) if asset.exchange else UTC
    at = now if day is None else datetime.combine(day, time(12), tzinfo=zone).astimezone(UTC)
    transfer = NewTrade(asset=asset, kind=TradeKind.TRANSFER_IN, quantity=investment.quantity, traded_at=at)
    return _with_cost(transfer, investment.unit_cost, day or exchange_day(asset, now))


def _with_cost(transfer: NewTrade, unit_cost: Decimal | None, day: date) -> NewTrade:
    if unit_cost is None:
        return transfer
    asset = transfer.asset
    cost = gross_amount(transfer.quantity, unit_cost, asset.currency, asset.price_factor)
    return replace(transfer, lots=(NewLot(day, transfer.quantity, cost),))
