"""How what portfolios are worth is spread: by class, sector, country, currency and account. Cash and dues included."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from assets.queries import countries
from banking.models import Account
from core.money import divide, multiply, quantise, total
from portfolios.models import Portfolio
from portfolios.queries.holdings import Holding, latest_rate
from portfolios.queries.totals import CashFacts

DIMENSIONS = {
    "class": gettext_lazy("Class"),
    "sector": gettext_lazy("Sector"),
    "country": gettext_lazy("Country"),
    "currency": gettext_lazy("Currency"),
    "account": gettext_lazy("Account"),
}
UNKNOWN = ""  # the label of what is not known
Convert = Callable[[Decimal, str], Decimal | None]  # an amount and its currency to the currency of the answer


Place = tuple[str, int]  # where something lies: kind and id


class Part(NamedTuple):
    """Something with a value in the currency of the answer, and its label in each of ``DIMENSIONS``.

    ``place`` is what the label "account" names: an account, or the portfolio whose securities it is among.
    """

    name: str
    value: Decimal
    labels: Mapping[str, str]
    place: Place


@dataclass(frozen=True, slots=True)
class Slice:
    """What has one label. ``share`` is of the sum of all slices, None where that is not positive."""

    label: str
    value: Decimal
    share: Decimal | None
    parts: tuple[Part, ...]

    @property
    def known(self) -> bool:
        return self.label != UNKNOWN


@dataclass(frozen=True, slots=True)
class Allocation:
    """The slices, the largest first and what is not known last; ``missing`` things have no value and are in none."""

    slices: tuple[Slice, ...]
    missing: int

    @property
    def total(self) -> Decimal:
        return total(each.value for each in self.slices)


@dataclass(frozen=True, slots=True)
class Parts:
    """All that portfolios are worth in parts; ``missing`` counts what has no price or no exchange rate."""

    rows: tuple[Part, ...]
    missing: int

    def by(self, dimension: str) -> Allocation:
        """The allocation by a key of ``DIMENSIONS``."""
        groups: dict[str | Place, list[Part]] = defaultdict(list)
        for part in self.rows:
            groups[part.place if dimension == "account" else part.labels[dimension]].append(part)
        whole = total(part.value for part in self.rows)
        made = [_slice(parts[0].labels[dimension], parts, whole) for parts in groups.values()]
        return Allocation(tuple(sorted(made, key=lambda one: (not one.known, -one.value, one.label))), self.missing)


def parts_of(
    portfolios: Sequence[Portfolio], held: Sequence[Holding], cash: CashFacts, currency: str, convert: Convert
) -> Parts:
    """What ``portfolios`` are worth in parts, in ``currency``; 2 queries, for countries and the names of accounts.

    Portfolios or accounts of one name are told apart by more of what they are: at most 2 queries more.
    ``held`` and ``cash`` are theirs of one day, ``convert`` leads from their base currencies to ``currency``.
    """
    seats = countries({row.asset_id for row in held})
    owners = {portfolio.pk: portfolio for portfolio in portfolios}
    titles, names = _titles(owners), _names(cash, owners)
    found = [
        *((_of_holding(row, seats.get(row.asset_id, ""), titles, owners, convert)) for row in held),
        *_of_cash(cash, names, owners, convert),
        *_of_dues(cash, owners, convert),
    ]
    return Parts(tuple(_part(raw) for raw in found if raw.value), sum(raw.value is None for raw in found))


def _titles(portfolios: Mapping[int, Portfolio]) -> dict[int, str]:
    """The names of portfolios, of those with one name with whose they are."""
    names = {pk: (portfolio.name,) for pk, portfolio in portfolios.items()}
    if len(set(names.values())) == len(names):
        return {pk: name for pk, (name,) in names.items()}
    owned = Portfolio.objects.filter(pk__in=names).select_related("owner", "organisation")
    return _told_apart({portfolio.pk: (portfolio.name, str(portfolio.holder)) for portfolio in owned})


def _names(cash: CashFacts, portfolios: Mapping[int, Portfolio]) -> dict[int, str]:
    """The names of accounts, of those with one name with their portfolio, and with whose they are where that is one."""
    lies_in = {row.account_id: portfolios[row.portfolio_id].name for row in cash.accounts}
    names = dict(Account.objects.filter(pk__in=lies_in).values_list("pk", "name"))
    if len(set(names.values())) == len(names):
        return names
    owned = Account.objects.filter(pk__in=names).select_related("owner", "organisation")
    return _told_apart({account.pk: (account.name, lies_in[account.pk], str(account.holder)) for account in owned})


def _told_apart(known: Mapping[int, Sequence[str]]) -> dict[int, str]:
    """Each thing by as little of what is ``known`` of it as names it alone, and by a number where all is equal."""
    found: dict[int, str] = {}
    for depth in range(1, max(map(len, known.values()), default=0) + 1):
        texts = {pk: ", ".join(words[:depth]) for pk, words in known.items()}
        counted = Counter(texts.values())
        found |= {pk: text for pk, text in texts.items() if pk not in found and counted[text] == 1}
    left = sorted(known.keys() - found.keys())
    return found | {pk: f"{', '.join(known[pk])} ({place})" for place, pk in enumerate(left, 1)}


def converter(table_rate: Callable[[str], Decimal | None], currency: str) -> Convert:
    """Into ``currency`` by the rate that ``table_rate`` gives for another one, rounded to its minor unit."""

    def convert(amount: Decimal, source: str) -> Decimal | None:
        if source == currency:
            return amount
        rate = table_rate(source)
        return None if rate is None else quantise(multiply(amount, rate), currency)

    return convert


class Raw(NamedTuple):
    """A part that may have no value."""

    name: str
    value: Decimal | None
    labels: Mapping[str, str]
    place: Place


def _of_holding(
    row: Holding, country: str, titles: Mapping[int, str], owners: Mapping[int, Portfolio], convert: Convert
) -> Raw:
    labels = {
        "class": row.type_name,
        "sector": row.sector,
        "country": country,
        "currency": row.currency,
        "account": _("Securities of %(portfolio)s") % {"portfolio": titles[row.portfolio_id]},
    }
    value = None if row.value is None else convert(row.value, owners[row.portfolio_id].base_currency)
    return Raw(row.symbol, value, labels, ("portfolio", row.portfolio_id))


def _of_cash(cash: CashFacts, names: Mapping[int, str], owners: Mapping[int, Portfolio], convert: Convert) -> list[Raw]:
    """The balance of each account: cash in every dimension but those of its own currency and name."""
    found: list[Raw] = []
    for account in cash.accounts:
        name, balance = names.get(account.account_id, ""), cash.balances.get(account.account_id, Decimal(0))
        base = owners[account.portfolio_id].base_currency
        labels = _labels(_("Cash")) | {"currency": account.currency, "account": name}
        value = _in_base(cash, balance, account.currency, base, convert)
        found.append(Raw(name, value, labels, ("account", account.account_id)))
    return found


def _of_dues(cash: CashFacts, owners: Mapping[int, Portfolio], convert: Convert) -> list[Raw]:
    sums: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for owed in cash.owed:
        sums[owed.portfolio_id, owed.currency] += owed.gross - owed.withheld
    due = _("Dividends due")
    return [
        Raw(
            due,
            _in_base(cash, amount, currency, owners[portfolio_id].base_currency, convert),
            _labels(due) | {"currency": currency},
            ("due", 0),
        )
        for (portfolio_id, currency), amount in sums.items()
    ]


def _in_base(cash: CashFacts, amount: Decimal, currency: str, base: str, convert: Convert) -> Decimal | None:
    """As the totals do it: first into the portfolio's base currency, rounded."""
    if not amount:
        return amount
    rate = latest_rate(cash.table, currency, base, cash.as_of)
    return None if rate is None else convert(quantise(multiply(amount, rate), base), base)


def _labels(label: str) -> dict[str, str]:
    return dict.fromkeys(DIMENSIONS, label)


def _part(raw: Raw) -> Part:
    return Part(raw.name, raw.value or Decimal(0), raw.labels, raw.place)


def _slice(label: str, parts: Iterable[Part], whole: Decimal) -> Slice:
    ordered = tuple(sorted(parts, key=lambda part: (-part.value, part.name)))
    value = total(part.value for part in ordered)
    return Slice(label, value, divide(value, whole) if whole > 0 else None, ordered)
