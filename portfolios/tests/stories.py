"""Random facts of a portfolio, told to the books through the services and valued by hand in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import transaction
from hypothesis import strategies as st

from assets.models import Asset
from assets.tests.factories import make_asset, make_bars, make_rate
from banking.models import Account, Section, Transfer
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer
from portfolios.models import CashSetting, Portfolio, TradeKind
from portfolios.services.portfolios import attach_account, create_portfolio
from portfolios.services.terms import NewLot
from portfolios.services.trades import NewTrade, book_trades
from portfolios.tests.factories import at, new_trade
from users.models import User

MONDAY = date(2024, 1, 1)
CENT = Decimal("0.01")
Number = str | int | Decimal


def on(offset: int) -> date:
    return MONDAY + timedelta(days=offset)


def priced(symbol: str, closes: dict[int, Number], **values: Any) -> Asset:
    """An asset with closes by days after Monday."""
    asset = make_asset(symbol, **values)
    make_bars(asset, {on(offset): close for offset, close in closes.items()})
    return asset


def deposit(account: Account, amount: Number, offset: int, section: Section = Section.TRANSFER, **values: Any) -> None:
    book_cash(account=account, amount=Decimal(amount), booked_on=on(offset), section=section, actor=None, **values)


def own_account(portfolio: Portfolio, currency: str = "USD", name: str = "", joined: int | None = None) -> Account:
    if currency == portfolio.base_currency and not name:
        return portfolio.portfolio_accounts.get().account
    account = Account.objects.create(owner=portfolio.owner, name=name or currency, kind="brokerage", currency=currency)
    attach_account(portfolio=portfolio, account=account, actor=None, joined_on=None if joined is None else on(joined))
    return account


def sent(source: Account, target: Account, amount: Number, offset: int, received: Number | None = None) -> Transfer:
    arrived = None if received is None else Decimal(received)
    return book_transfer(
        source=source, target=target, amount=Decimal(amount), received=arrived, booked_on=on(offset), actor=None
    )


def moved(portfolio: Portfolio, asset: Asset, quantity: Number, offset: int, cost: Number, **values: Any) -> None:
    lot = NewLot(on(values.pop("opened", offset)), Decimal(quantity), Decimal(cost))
    transfer = NewTrade(
        asset=asset, kind=TradeKind.TRANSFER_IN, quantity=Decimal(quantity), traded_at=at(on(offset)), lots=(lot,)
    )
    book_trades(portfolio=portfolio, trades=[transfer], actor=portfolio.owner)


@dataclass
class Story:
    """Random facts, and what they are worth by hand."""

    tracked: bool
    closes: dict[str, dict[int, Decimal]]
    rates: dict[int, Decimal]
    trades: list[Told] = field(default_factory=list)
    cash: list[tuple[int, Decimal, str, str]] = field(default_factory=list)
    joined: dict[str, int] = field(default_factory=dict)
    moves: list[tuple[int, str, str, Decimal, Decimal]] = field(default_factory=list)  # day, from, to, sent, received

    def rate(self, currency: str, day: int) -> Decimal:
        return Decimal(1) if currency == "USD" else _last(self.rates, day)

    def value(self, day: int) -> Decimal:
        """Quantity × last close × rate of every asset, and the balance × rate of every account, each in cents."""
        worth = Decimal(0)
        for symbol, closes in self.closes.items():
            held = sum(
                (
                    -trade[3] if trade[1] == "sell" else trade[3]
                    for trade in self.trades
                    if trade[0] == symbol and trade[2] <= day
                ),
                Decimal(0),
            )
            if held:
                worth += _cents(held * _last(closes, day) * self.rate(CURRENCIES[symbol], day))
        return worth + sum(
            _cents(self.balance(account, day) * self.rate(currency, day)) for account, currency in ACCOUNTS.items()
        )

    def held(self, account: str, day: int) -> bool:
        return day >= self.joined.get(account, day)

    def balance(self, account: str, day: int) -> Decimal:
        """0 before the account joins; then with all that it held by then."""
        return self.kept(account, day) if self.tracked and self.held(account, day) else Decimal(0)

    def kept(self, account: str, day: int) -> Decimal:
        """The account's own balance, the portfolio's or not."""
        rows = [amount for on_, amount, held, _ in self.cash if held == account and on_ <= day]
        rows += [-left for on_, source, _, left, _ in self.moves if source == account and on_ <= day]
        rows += [came for on_, _, target, _, came in self.moves if target == account and on_ <= day]
        rows += [amount for held, on_, amount in map(self.booked, self.trades) if held == account and on_ <= day]
        return sum(rows, Decimal(0))

    def booked(self, trade: Told) -> tuple[str, int, Decimal]:
        """Where, when and with what amount a trade moves cash: in its own currency once that account has joined."""
        day, account, broker = trade[2], CURRENCIES[trade[0]], trade[6]
        if self.held(account, day):
            return account, day, self.settled(trade)
        rate = self.rate(ACCOUNTS[account], day) if broker is None else broker
        return "USD", day, _cents(self.settled(trade) * rate)

    def settled(self, trade: Told) -> Decimal:
        """The cash that a trade moves, in its currency."""
        _, kind, _, quantity, price, fee, _ = trade
        gross = _cents(quantity * price)
        return {"buy": -gross - fee, "sell": gross - fee, "transfer_in": Decimal(0)}[kind]

    def flows(self, start: int, end: int) -> Decimal:
        """What came from outside less what went there: deposits, securities and, untracked, what trades cost."""
        total = self.banked(start, end)
        for trade in self.trades:
            symbol, kind, day, quantity, _, _, broker = trade
            rate = self.rate(CURRENCIES[symbol], day)
            if start < day <= end and kind == "transfer_in":
                total += _cents(quantity * _last(self.closes[symbol], day) * rate)
            elif start < day <= end and not self.tracked:
                total -= _cents(self.settled(trade) * (rate if broker is None else broker))
        return total

    def banked(self, start: int, end: int) -> Decimal:
        """The flows of the accounts: deposits, what crosses to an account outside, and what one joins with."""
        total = Decimal(0)
        for day, amount, account, section in self.cash:
            if section == Section.TRANSFER and start < day <= end and self.held(account, day):
                total += amount * self.rate(ACCOUNTS[account], day)
        for day, source, target, left, came in self.moves:
            for account, amount, other in ((source, -left, target), (target, came, source)):
                if start < day <= end and self.held(account, day) and not self.held(other, day):
                    total += amount * self.rate(ACCOUNTS[account], day)
        for account, day in self.joined.items():
            if start < day <= end:
                total += self.kept(account, day - 1) * self.rate(ACCOUNTS[account], day)
        return total


Told = tuple[str, str, int, Decimal, Decimal, Decimal, Decimal | None]
CURRENCIES = {"ONE": "USD", "TWO": "EUR"}
ACCOUNTS = {"USD": "USD", "EUR": "EUR", "Spare": "USD"}
DAYS = 12


def _last(series: dict[int, Decimal], day: int) -> Decimal:
    return series[max(on_ for on_ in series if on_ <= day)]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def numbers(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    days = st.integers(0, DAYS)
    closes = {
        symbol: {-1: draw(numbers("1", "200", 4))} | draw(st.dictionaries(days, numbers("1", "200", 4), max_size=5))
        for symbol in CURRENCIES
    }
    rates = {-1: draw(numbers("0.5", "2", 6))} | draw(st.dictionaries(days, numbers("0.5", "2", 6), max_size=5))
    story = Story(draw(st.booleans()), closes, rates)
    held = dict.fromkeys(CURRENCIES, Decimal(0))
    for day in sorted(draw(st.lists(days, min_size=1, max_size=8))):
        symbol = draw(st.sampled_from(sorted(CURRENCIES)))
        kind = draw(st.sampled_from(["buy", "sell", "transfer_in"] if held[symbol] else ["buy", "transfer_in"]))
        quantity = draw(numbers("0.001", "50", 3))
        quantity = min(quantity, held[symbol]) if kind == "sell" else quantity
        fee = Decimal(0) if kind == "transfer_in" else draw(numbers("0", "9", 2))
        broker = draw(st.none() | numbers("0.5", "2", 6)) if symbol == "TWO" and kind != "transfer_in" else None
        story.trades.append((symbol, kind, day, quantity, draw(numbers("1", "200", 4)), fee, broker))
        held[symbol] += -quantity if kind == "sell" else quantity
    if story.tracked:
        amounts = numbers("-5000", "5000", 2).filter(bool)
        cash = st.tuples(days, amounts, st.sampled_from(sorted(ACCOUNTS)), st.sampled_from(Section.values))
        story.cash = draw(st.lists(cash, max_size=6))
        story.moves = draw(st.lists(moves(), max_size=4))
        story.joined = draw(st.dictionaries(st.sampled_from(["EUR", "Spare"]), days))
    return story


@st.composite
def moves(draw: st.DrawFn) -> tuple[int, str, str, Decimal, Decimal]:
    source, target = draw(st.permutations(sorted(ACCOUNTS)))[:2]
    left = draw(numbers("0.01", "900", 2))
    came = left if ACCOUNTS[source] == ACCOUNTS[target] else draw(numbers("0.01", "900", 2))
    return draw(st.integers(0, DAYS)), source, target, left, came


def told(story: Story, owner: User) -> Portfolio:
    """The story in the books, through the services."""
    setting = CashSetting.TRACKED if story.tracked else CashSetting.UNTRACKED
    portfolio = create_portfolio(owner=owner, name="Story", cash=setting)
    make_rate("EURUSD", {on(day): close for day, close in story.rates.items()})
    assets = {
        symbol: priced(symbol, dict(closes), currency=CURRENCIES[symbol]) for symbol, closes in story.closes.items()
    }
    accounts = {
        name: own_account(portfolio, currency, "" if name == currency else name, story.joined.get(name))
        for name, currency in ACCOUNTS.items()
        if story.tracked
    }
    for day, amount, account, section in story.cash:
        deposit(accounts[account], amount, day, Section(section))
    for day, source, target, left, came in story.moves:
        sent(accounts[source], accounts[target], left, day, received=came)
    trades: list[NewTrade] = []
    for symbol, kind, day, quantity, price, fee, broker in story.trades:
        terms: dict[str, Any] = {} if kind == "transfer_in" else {"fee": fee, "exchange_rate": broker}
        trades.append(new_trade(TradeKind(kind), assets[symbol], quantity, price, on(day), **terms))
    book_trades(portfolio=portfolio, trades=trades, actor=owner)
    return portfolio


def rolled_back(check: Callable[[], None]) -> None:
    """Leave nothing of one example to the next."""
    with transaction.atomic():
        check()
        transaction.set_rollback(True)
