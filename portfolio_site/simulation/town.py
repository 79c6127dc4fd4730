"""Who is there of a simulated town, and who moves in: people, firms, memberships, accounts and portfolios."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from stdnum.iban import calc_check_digits

from assets.models import Asset, AssetType, HistoricValue
from assets.queries import SIMULATED
from banking.models import Account, AccountKind, CashTransaction
from banking.services.accounts import OPENING, open_account
from core.errors import DomainError
from portfolio_site.simulation.lives import Firm, Person
from portfolio_site.simulation.market import Closes
from portfolio_site.simulation.months import opening
from portfolios.models import CashSetting, Portfolio
from portfolios.services.portfolios import create_portfolio
from users.models import Membership, Organisation, Role, User

# The place of an account in this list is a digit of its IBAN: new ones come last.
KINDS = {
    "checking": AccountKind.CHECKING,
    "savings": AccountKind.SAVINGS,
    "card": AccountKind.CREDIT,
    "loan": AccountKind.LOAN,
    "expenses": AccountKind.EXPENSE,
    "old savings": AccountKind.SAVINGS,
    "operating": AccountKind.CHECKING,
}
NAMES = {"card": "Credit card", "loan": "Mortgage", "expenses": "Travel expenses"}
RECEIVING = {"checking", "expenses", "operating"}
MAIL = "simulated.invalid"
CURRENCY = "USD"
BENCHMARK = "SP500"
LONG_AGO = timedelta(days=400)
MOST_YEARS, MOST_SEEDS, EARLIEST = 50, 10**9, date(1970, 1, 1)
Holder = tuple[str, int]


class NoMarket(DomainError):
    """There are no daily prices to trade at. Load the demo's market first: manage.py demo."""


class NoSuchTime(DomainError):
    """A town lives from 1 to 50 years, up to a day from 1970 on that has begun."""


class NoSuchSeed(DomainError):
    """A seed is a whole number from 0 to 999,999,999."""


class OtherOrganisations(DomainError):
    """The town of this seed has another number of organisations."""


@dataclass(slots=True)
class Town:
    """The people and firms with their rows in the database, as far as they are there.

    ``known`` are the accounts, by IBAN, that were there before, and ``spent`` the ids of those from which something
    was paid. ``waiting`` is whose months are not booked yet.
    """

    start: date
    until: date
    seed: int
    closes: Closes
    assets: Mapping[str, Asset]
    known: Mapping[str, Account]
    spent: frozenset[int]
    accounts: dict[tuple[Holder, str], Account] = field(default_factory=dict)
    portfolios: dict[Holder, Portfolio] = field(default_factory=dict)
    waiting: set[Holder] = field(default_factory=set)

    def iban(self, key: Holder, name: str) -> str:
        return iban(self.seed, key, name)

    def is_finished(self, key: Holder) -> bool:
        """Whether the books have its months: who lives pays. Opening balances and what others pay in do not count."""
        main = self.known.get(self.iban(key, "operating" if key[0] == "firm" else "checking"))
        return main is not None and main.pk in self.spent


def iban(seed: int, key: Holder, name: str) -> str:
    """A German IBAN of a bank that does not exist, the same for the same account of the same seed."""
    whose, number = key
    bban = f"{_bank(seed)}{1 if whose == 'firm' else 0}{number:05d}{list(KINDS).index(name)}"
    return f"DE{calc_check_digits(f'DE00{bban}')}{bban}"


def found_town(years: int, seed: int, until: date | None) -> Town:
    """The town of a seed before anybody moves in. Raises NoMarket, NoSuchTime, NoSuchSeed."""
    if not 1 <= years <= MOST_YEARS or not EARLIEST <= (until or EARLIEST) <= datetime.now(UTC).date():
        raise NoSuchTime
    if not 0 <= seed < MOST_SEEDS:
        raise NoSuchSeed
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
    assets = {asset.symbol: asset for asset in usable}
    known = _known_accounts(seed)
    return Town(start.replace(day=1), last, seed, market, assets, known, _spent(known.values()))


def settle(town: Town, people: Sequence[Person], firms: Sequence[Firm], cast: Sequence[User]) -> tuple[int, int]:
    """Everybody with memberships and opened accounts. Returns how many people and firms are new.

    Raises OtherOrganisations: who works where depends on how many there are.
    """
    there = sum(account.organisation_id is not None for account in town.known.values())
    if town.known and there != len(firms):
        raise OtherOrganisations(
            "The town of this seed has {there} organisations: give that number, or another seed.", there=there
        )
    employers = {firm.number: _organisation(town, firm) for firm in firms}
    new_firms = sum(_firm_moves_in(town, firm, employers[firm.number]) for firm in firms)
    if cast and employers:
        Membership.objects.get_or_create(organisation=employers[0], user=cast[-1], defaults={"role": Role.MANAGER})
    new_people = 0
    for person in people:
        employer = None if person.employer is None else employers[person.employer]
        new_people += _person_moves_in(town, person, _user(town, person, cast), employer)
    return new_people, new_firms


def _known_accounts(seed: int) -> dict[str, Account]:
    bank = _bank(seed)
    accounts = Account.objects.filter(iban__startswith="DE", iban__contains=bank).select_related(
        "owner", "organisation"
    )
    return {account.iban: account for account in accounts if account.iban.startswith(bank, 4)}


def _spent(accounts: Iterable[Account]) -> frozenset[int]:
    paid = CashTransaction.objects.filter(account__in=[account.pk for account in accounts], amount__lt=0)
    return frozenset(paid.exclude(description=OPENING).order_by().values_list("account", flat=True).distinct())


def _user(town: Town, person: Person, cast: Sequence[User]) -> User:
    known = town.known.get(town.iban(("person", person.number), "checking"))
    if known and known.owner:
        return known.owner
    if person.number < len(cast):
        return cast[person.number]
    name = person.username(town.seed)
    words = {"first_name": person.first, "last_name": person.last}
    return User.objects.create_user(name, f"{name}@{MAIL}", None, **words, base_currency=CURRENCY)


def _organisation(town: Town, firm: Firm) -> Organisation:
    known = town.known.get(town.iban(("firm", firm.number), "operating"))
    if known and known.organisation:
        return known.organisation
    return Organisation.objects.create(name=firm.name, base_currency=CURRENCY)


def _person_moves_in(town: Town, person: Person, owner: User, employer: Organisation | None) -> bool:
    key = ("person", person.number)
    if employer and not town.is_finished(key):
        Membership.objects.get_or_create(organisation=employer, user=owner, defaults={"role": Role.EMPLOYEE})
    portfolio = "Savings plan" if person.invests else ""
    return _moves_in(town, key, owner, opening(person), portfolio, employer)


def _firm_moves_in(town: Town, firm: Firm, organisation: Organisation) -> bool:
    return _moves_in(town, ("firm", firm.number), organisation, {"operating": Decimal(firm.sales * 2)}, "Treasury")


def _moves_in(
    town: Town,
    key: Holder,
    owner: User | Organisation,
    balances: Mapping[str, Decimal],
    portfolio: str,
    employer: Organisation | None = None,
) -> bool:
    """The accounts of a holder, and the portfolio unless its months are booked; False if the accounts were there."""
    ibans = {name: town.iban(key, name) for name in balances}
    town.accounts |= {(key, name): town.known[its] for name, its in ibans.items() if its in town.known}
    if town.is_finished(key):
        return False
    missing = [name for name in balances if (key, name) not in town.accounts]
    for name in missing:
        town.accounts[key, name] = open_account(
            holder=owner,
            name=NAMES.get(name, name.capitalize()),
            kind=KINDS[name],
            currency=CURRENCY,
            iban=ibans[name],
            receives=name in RECEIVING,
            employer=employer if name == "expenses" else None,
            balance=balances[name],
            opened_on=town.start - LONG_AGO if name == "old savings" else town.start,
            actor=None,
        )
    if portfolio:
        _invests(town, key, owner, portfolio)
    town.waiting.add(key)
    return bool(missing)


def _invests(town: Town, key: Holder, owner: User | Organisation, title: str) -> None:
    """The portfolio of a holder, and its cash account."""
    found = Portfolio.objects.of(owner).order_by("pk").first() or create_portfolio(
        owner=owner,
        name=title,
        base_currency=CURRENCY,
        cash=CashSetting.TRACKED,
        benchmark=Asset.objects.filter(symbol=BENCHMARK).first(),
    )
    town.portfolios[key] = found
    town.accounts[key, "brokerage"] = Account.objects.get(portfolio_link__portfolio=found)


def _bank(seed: int) -> str:
    """What the account numbers of one town have in common: no German bank's number begins with a 9."""
    return f"99{seed:09d}"
