"""Filling a database with a simulated town, through the services that everybody uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from banking.models import (
    Account,
    BalanceAssertion,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Section,
    Transfer,
)
from banking.services.assertions import assert_balance
from banking.services.batches import NewCash, NewTransfer, book_many
from banking.services.classification import category_named, counterparty_named
from banking.services.possessions import add_possession, value_possession
from portfolio_site.simulation.lives import Firm, Person, Quirk, invent, seeded
from portfolio_site.simulation.market import FEE, Order, orders
from portfolio_site.simulation.months import End, Event, business, hiring, life
from portfolio_site.simulation.town import CURRENCY, Holder, Town, found_town, settle
from portfolios.models import Trade, TradeKind
from portfolios.services.trades import NewTrade, book_trades
from users.models import Organisation, User

Progress = Callable[[int, int, int], None]


@dataclass(slots=True)
class Summary:
    """What a simulation added."""

    people: int = 0
    organisations: int = 0
    rows: int = 0
    trades: int = 0


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
    lives, without investing, and the last of them manages the first organisation. The same seed gives the same town.
    Whose months are booked is left alone: doing it twice adds nothing, a run that was broken off is completed, and with
    more ``users`` the firms employ the newcomers. Raises NoMarket, NoSuchTime, NoSuchSeed, OtherOrganisations.
    """
    town = found_town(years, seed, until)
    people, firms = invent(seed, users, organisations)
    people = [replace(person, invests=0.0) for person in people[: len(cast)]] + people[len(cast) :]
    summary, total = Summary(), len(people) + len(firms)
    with transaction.atomic():
        summary.people, summary.organisations = settle(town, people, firms, cast)
    lives = {person.number: life(person, seed, town.start, town.until) for person in people}
    everybody: list[Person | Firm] = [*people, *firms]
    for done, holder in enumerate(everybody, 1):
        events = lives[holder.number] if isinstance(holder, Person) else _business(town, holder, people, lives)
        _live(town, holder, events, summary)
        if progress:
            progress(done, total, summary.rows)
    _state(town, everybody)
    _measure()
    return summary


def _measure() -> None:
    """Have PostgreSQL look at what was filled: until it has, it plans as if the tables were empty."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (Account, CashTransaction, Transfer, Trade):
                cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")  # noqa: SLF001  Django's name


# --- what they do -------------------------------------------------------------------------------------------------


def _key(holder: Person | Firm) -> Holder:
    return ("person" if isinstance(holder, Person) else "firm", holder.number)


def _live(town: Town, holder: Person | Firm, events: Sequence[Event], summary: Summary) -> None:
    """Book the months of a holder, all or none; for a firm that has them, ``events`` are only what newcomers bring."""
    key = _key(holder)
    waiting = key in town.waiting
    if not events or (isinstance(holder, Person) and not waiting):
        return
    with transaction.atomic():
        summary.rows += _book(town, key, events)
        if waiting:
            summary.trades += _invest(town, key, events, holder)


def _business(town: Town, firm: Firm, people: Sequence[Person], lives: Mapping[int, Sequence[Event]]) -> list[Event]:
    staff = [person for person in people if person.employer == firm.number]
    told = business
    if ("firm", firm.number) not in town.waiting:
        staff, told = _unpaid(town, firm, staff), hiring
    spent = {
        person.number: [event for event in lives[person.number] if event.account == "expenses"] for person in staff
    }
    return told(firm, staff, spent, town.seed, town.start, town.until)


def _unpaid(town: Town, firm: Firm, staff: Sequence[Person]) -> list[Person]:
    """Those whom a firm never paid: they came after its months were booked."""
    paid = Transfer.objects.filter(sent__account=town.accounts[("firm", firm.number), "operating"])
    known = set(paid.order_by().values_list("received__account", flat=True).distinct())
    return [person for person in staff if town.accounts[("person", person.number), "checking"].pk not in known]


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


def _state(town: Town, everybody: Iterable[Person | Firm]) -> None:
    """What statements and owners say, of whom nothing was said before. It waits for everybody's months: people and
    firms pay each other."""
    names = {"person": "checking", "firm": "operating"}
    accounts = {holder: town.accounts[_key(holder), names[_key(holder)[0]]] for holder in everybody}
    said = set(BalanceAssertion.objects.filter(account__in=accounts.values()).values_list("account_id", flat=True))
    day = town.until - timedelta(days=10)
    booked = CashTransaction.objects.filter(account__in=accounts.values()).balances(day)
    with transaction.atomic():
        for holder, account in accounts.items():
            if account.pk not in said:
                _say(town, holder, account, day, booked.get(account.pk, Decimal(0)))


def _say(town: Town, holder: Person | Firm, account: Account, day: date, booked: Decimal) -> None:
    """A balance that agrees or does not, and the worth of a house."""
    wrong = isinstance(holder, Person) and holder.quirk == Quirk.STATEMENT
    assert_balance(account=account, day=day, balance=booked + (Decimal("25.00") if wrong else 0), actor=None)
    if isinstance(holder, Person) and holder.owns:
        house = add_possession(holder=account.holder, name="Flat", currency=CURRENCY, actor=None)
        for year in range(town.start.year, town.until.year + 1):
            worth = Decimal(holder.wage) * 80 * (Decimal("1.03") ** (year - town.start.year))
            first = max(town.start, date(year, 1, 1))
            value_possession(possession=house, day=first, value=worth.quantize(Decimal(100)), actor=None)
