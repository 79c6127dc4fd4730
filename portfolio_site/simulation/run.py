"""Filling a database with a simulated town, through the services that everybody uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from stdnum.iban import calc_check_digits

from assets.models import Asset, AssetType, HistoricValue
from assets.queries import SIMULATED
from banking.models import (
    Account,
    AccountKind,
    BalanceAssertion,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Possession,
    PossessionKind,
    Section,
    Valuation,
)
from banking.services.accounts import open_account
from banking.services.batches import NewCash, NewTransfer, book_many
from banking.services.classification import category_named, counterparty_named
from core.errors import DomainError
from portfolio_site.simulation.lives import Firm, Person, Quirk, invent, seeded
from portfolio_site.simulation.market import FEE, Closes, Order, orders
from portfolio_site.simulation.months import End, Event, business, life, opening
from portfolios.models import CashSetting, Portfolio, TradeKind
from portfolios.services.portfolios import create_portfolio
from portfolios.services.trades import NewTrade, book_trades
from users.models import Membership, Organisation, Role, User, owned_by

KINDS = {
    "checking": AccountKind.CHECKING,
    "savings": AccountKind.SAVINGS,
    "old savings": AccountKind.SAVINGS,
    "card": AccountKind.CREDIT,
    "loan": AccountKind.LOAN,
    "expenses": AccountKind.EXPENSE,
    "operating": AccountKind.CHECKING,
}
NAMES = {"card": "Credit card", "loan": "Mortgage", "expenses": "Travel expenses"}
MAIL = "simulated.invalid"
CURRENCY = "USD"
BENCHMARK = "SP500"
LONG_AGO = timedelta(days=400)
RECEIVING = {"checking", "expenses", "operating"}
Holder = tuple[str, int]
Progress = Callable[[int, int, int], None]


class NoMarket(DomainError):
    """There are no daily prices to trade at. Load the demo's market first: manage.py demo."""


@dataclass(slots=True)
class Summary:
    """What a simulation added."""

    people: int = 0
    organisations: int = 0
    rows: int = 0
    trades: int = 0


@dataclass(slots=True)
class Town:
    """The people and firms with their rows in the database, as far as they are there."""

    start: date
    until: date
    seed: int
    closes: Closes
    assets: Mapping[str, Asset]
    accounts: dict[tuple[Holder, str], Account] = field(default_factory=dict)
    portfolios: dict[Holder, Portfolio] = field(default_factory=dict)
    new: set[Holder] = field(default_factory=set)


def simulate(
    *,
    users: int,
    organisations: int,
    years: int,
    seed: int,
    until: date | None = None,
    cast: Sequence[User] = (),
    progress: Progress | None = None,
) -> Summary:
    """Add people and firms with ``years`` of salaries, rents, cards, transfers and trades up to ``until``.

    The last day of the market's prices when left out. ``cast`` are people who are there already: they live the first
    lives, without investing, and the last of them manages the first organisation. The same seed gives the same town;
    who is there already with accounts is left alone, so doing it twice adds nothing. Raises NoMarket.
    """
    town = _town(years, seed, until)
    people, firms = invent(seed, users, organisations)
    people = [replace(person, invests=0.0) for person in people[: len(cast)]] + people[len(cast) :]
    summary, total = Summary(), len(people) + len(firms)
    with transaction.atomic():
        _settle(town, people, firms, cast, summary)
    lives = {person.number: life(person, seed, town.start, town.until) for person in people}
    everybody: list[Person | Firm] = [*people, *firms]
    for done, holder in enumerate(everybody, 1):
        key: Holder = ("person" if isinstance(holder, Person) else "firm", holder.number)
        if key in town.new:
            events = lives[holder.number] if isinstance(holder, Person) else _business(town, holder, people, lives)
            with transaction.atomic():
                summary.rows += _book(town, key, events)
                summary.trades += _invest(town, key, events, holder)
                _state(town, key, holder)
        if progress:
            progress(done, total, summary.rows)
    return summary


def _town(years: int, seed: int, until: date | None) -> Town:
    usable = Asset.objects.filter(type__in=(AssetType.EQUITY, AssetType.ETF), currency=CURRENCY)
    bars = HistoricValue.objects.filter(asset__in=usable).exclude(source=SIMULATED)
    closes: dict[str, tuple[list[date], list[Decimal]]] = {}
    for symbol, day, close in bars.order_by("day").values_list("asset__symbol", "day", "close").iterator():
        days, prices = closes.setdefault(symbol, ([], []))
        days.append(day)
        prices.append(close)
    if not closes:
        raise NoMarket
    market = Closes(closes)
    last = until or market.last_day
    start = last.replace(year=last.year - years, day=1) + timedelta(days=31)
    return Town(start.replace(day=1), last, seed, market, {asset.symbol: asset for asset in usable})


# --- who is there -------------------------------------------------------------------------------------------------


def _settle(
    town: Town, people: Sequence[Person], firms: Sequence[Firm], cast: Sequence[User], summary: Summary
) -> None:
    """Everybody with their memberships and opened accounts, as far as they are not there yet."""
    owners = {person.number: _user(person, cast) for person in people}
    employers: dict[int, Organisation] = {}
    for firm in firms:
        employers[firm.number] = organisation = _organisation(firm, town.seed)
        balances = {"operating": Decimal(firm.sales * 2)}
        summary.organisations += _move_in(town, ("firm", firm.number), organisation, balances, invests=True)
    if cast and employers:
        Membership.objects.get_or_create(organisation=employers[0], user=cast[-1], defaults={"role": Role.MANAGER})
    for person in people:
        owner, employer = owners[person.number], employers.get(-1 if person.employer is None else person.employer)
        if employer:
            Membership.objects.get_or_create(organisation=employer, user=owner, defaults={"role": Role.EMPLOYEE})
        key, invests = ("person", person.number), bool(person.invests)
        summary.people += _move_in(town, key, owner, opening(person), invests=invests, employer=employer)


def _user(person: Person, cast: Sequence[User]) -> User:
    if person.number < len(cast):
        return cast[person.number]
    mail = f"{person.username}@{MAIL}"
    known = User.objects.filter(username=person.username).first()
    return known or User.objects.create_user(
        person.username, mail, None, first_name=person.first, last_name=person.last, base_currency=CURRENCY
    )


def _organisation(firm: Firm, seed: int) -> Organisation:
    """The firm of this seed, known by the account that it would have."""
    iban = _iban(seed, ("firm", firm.number), 0)
    known = Account.objects.filter(iban=iban, organisation__isnull=False).select_related("organisation").first()
    found = known.organisation if known else None
    return found or Organisation.objects.create(name=firm.name, base_currency=CURRENCY)


def _move_in(
    town: Town,
    key: Holder,
    owner: User | Organisation,
    balances: Mapping[str, Decimal],
    *,
    invests: bool,
    employer: Organisation | None = None,
) -> bool:
    """Open the accounts of a holder, and a portfolio; False if they were there."""
    known = {account.iban: account for account in Account.objects.of(owner).exclude(iban="")}
    ibans = {name: _iban(town.seed, key, place) for place, name in enumerate(balances)}
    if all(iban in known for iban in ibans.values()):
        town.accounts |= {(key, name): known[iban] for name, iban in ibans.items()}
        return False
    for name, balance in balances.items():
        town.accounts[key, name] = open_account(
            holder=owner,
            name=NAMES.get(name, name.capitalize()),
            kind=KINDS[name],
            currency=CURRENCY,
            iban=ibans[name],
            receives=name in RECEIVING,
            employer=employer if name == "expenses" else None,
            balance=balance,
            opened_on=town.start - LONG_AGO if name == "old savings" else town.start,
            actor=None,
        )
    if invests:
        benchmark = Asset.objects.filter(symbol=BENCHMARK).first()
        title = "Treasury" if isinstance(owner, Organisation) else "Savings plan"
        made = create_portfolio(
            owner=owner, name=title, base_currency=CURRENCY, cash=CashSetting.TRACKED, benchmark=benchmark
        )
        town.portfolios[key] = made
        town.accounts[key, "brokerage"] = Account.objects.get(portfolio_link__portfolio=made)
    town.new.add(key)
    return True


def _iban(seed: int, key: Holder, place: int) -> str:
    """A German IBAN of a bank that does not exist, the same for the same account of the same seed."""
    whose, number = key
    bban = f"99990000{seed % 1000:03d}{1 if whose == 'firm' else 0}{number % 10**5:05d}{place}"
    return f"DE{calc_check_digits(f'DE00{bban}')}{bban}"


# --- what they do -------------------------------------------------------------------------------------------------


def _business(town: Town, firm: Firm, people: Sequence[Person], lives: Mapping[int, Sequence[Event]]) -> list[Event]:
    staff = [person for person in people if person.employer == firm.number]
    spent = {
        person.number: [event for event in lives[person.number] if event.account == "expenses"] for person in staff
    }
    return business(firm, staff, spent, town.seed, town.start, town.until)


def _book(town: Town, key: Holder, events: Iterable[Event]) -> int:
    """The cash of a holder, and the other ends of what it pays to others."""
    words, rows, transfers = _Words(town), list[NewCash](), list[NewTransfer]()
    for event in events:
        account = town.accounts.get((key, event.account))
        target = event.to and town.accounts.get((event.to.whose or key, event.to.account))
        if account is None or (event.to and target is None):
            continue  # somebody who does not live here, or has no such account
        sent = words.row(account, event.amount, event, event.section, event.category, event.party or words.name(target))
        if target is None:
            rows.append(sent)
            continue
        other = words.name(account) if event.to and event.to.whose else ""
        received = words.row(target, -event.amount, event, event.to_section, event.to_category, other)
        transfers.append(NewTransfer(sent, received))
    return book_many(rows=rows, transfers=transfers, actor=None, classified_by=ClassifiedBy.PERSON)


class _Words:
    """Categories and counterparties by name, each looked up once."""

    def __init__(self, town: Town) -> None:
        self._categories: dict[tuple[Any, ...], Category] = {}
        self._parties: dict[tuple[Any, ...], Counterparty] = {}

    def row(self, account: Account, amount: Decimal, event: Event, section: str, category: str, party: str) -> NewCash:
        kind = self._category(account, section, category) if category else None
        other = self._party(account, party) if party else None
        return NewCash(account, amount, event.day, Section(section), event.text, kind, other)

    @staticmethod
    def name(account: Account | None) -> str:
        """What others call the holder of an account."""
        if account is None:
            return ""
        holder = account.holder
        return holder.name if isinstance(holder, Organisation) else holder.get_full_name() or holder.username

    def _category(self, account: Account, section: str, name: str) -> Category:
        key = (account.owner_id, account.organisation_id, section, name)
        if key not in self._categories:
            self._categories[key] = category_named(name, section, books=account)
        return self._categories[key]

    def _party(self, account: Account, name: str) -> Counterparty:
        key = (account.owner_id, account.organisation_id, name)
        if key not in self._parties:
            self._parties[key] = counterparty_named(name, books=account)
        return self._parties[key]


def _invest(town: Town, key: Holder, events: Iterable[Event], holder: Person | Firm) -> int:
    """Buy with what was moved to the brokerage account."""
    portfolio = town.portfolios.get(key)
    if portfolio is None:
        return 0
    deposits = [(event.day, -event.amount) for event in events if event.to == End(None, "brokerage")]
    favourites = 1 if isinstance(holder, Person) and holder.quirk == Quirk.CONCENTRATED else 7
    rng = seeded(town.seed, "market", *key)
    placed = orders(rng, town.closes, deposits, town.until, favourites)
    trades = [_trade(town, key, number, order) for number, order in enumerate(placed)]
    return len(book_trades(portfolio=portfolio, trades=trades, actor=None))


def _trade(town: Town, key: Holder, number: int, order: Order) -> NewTrade:
    return NewTrade(
        asset=town.assets[order.symbol],
        kind=TradeKind.SELL if order.quantity < 0 else TradeKind.BUY,
        quantity=abs(order.quantity),
        price=order.price,
        traded_at=datetime.combine(order.day, time(20), tzinfo=UTC),
        fee=FEE,
        external_id=f"sim-{town.seed}-{key[0]}-{key[1]}-{number}",
    )


def _state(town: Town, key: Holder, holder: Person | Firm) -> None:
    """What a statement and an owner say: a balance that agrees or does not, and the worth of a house."""
    name = "checking" if isinstance(holder, Person) else "operating"
    account, day = town.accounts[key, name], town.until - timedelta(days=10)
    wrong = isinstance(holder, Person) and holder.quirk == Quirk.STATEMENT
    booked = CashTransaction.objects.filter(account=account).balances(day).get(account.pk, Decimal(0))
    BalanceAssertion.objects.create(account=account, day=day, balance=booked + (Decimal("25.00") if wrong else 0))
    if isinstance(holder, Person) and holder.owns:
        house = Possession.objects.create(
            **owned_by(account.holder), name="Flat", kind=PossessionKind.PROPERTY, currency=CURRENCY
        )
        for year in range(town.start.year, town.until.year + 1):
            worth = Decimal(holder.wage) * 80 * (Decimal("1.03") ** (year - town.start.year))
            first = max(town.start, date(year, 1, 1))
            Valuation.objects.create(possession=house, day=first, value=worth.quantize(Decimal(100)))
