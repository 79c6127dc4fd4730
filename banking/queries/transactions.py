"""The cash rows of many accounts as one list: narrowed, paged by position or by place, added up.

A page is read as the merge of one stream for each account (and category), which an index gives in the list's order,
so the first page costs the same however many rows there are. A page by place (``after``) costs the same anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet, Sum

from banking.models import Account, CashSplit, CashTransaction, Category, Counterparty, Section
from banking.models.transaction import SET_ASIDE, CashTransactionQuerySet
from core.fields import MONEY_SCALE
from core.money import EXACT

MOST_STREAMS = 200  # SQLite merges at most 500
NEWEST = "-booked_on"
ORDERS = {NEWEST, "booked_on", "amount", "-amount"}
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed by; what is None or empty does not count.

    ``categories`` are ids, those below the one that was asked for among them; a split row is found by its parts'.
    ``counterparties_named`` are ids of those whose name holds ``text``. ``least`` and ``most`` are sizes without sign.
    """

    accounts: Sequence[int]
    section: str = ""
    categories: Sequence[int] = ()
    uncategorised: bool = False
    counterparty: int | None = None
    tag: int | None = None
    text: str = ""
    counterparties_named: Sequence[int] = ()
    least: Decimal | None = None
    most: Decimal | None = None
    start: date | None = None
    end: date | None = None
    origin: str = ""
    voided: bool = False
    also: Sequence[int] = ()  # rows that are shown though they are voided: they were so just now


class Place(NamedTuple):
    """Where a row stands in the list."""

    day: date
    pk: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of the list, the newest first, and whether there are more before and after them."""

    ids: Sequence[int]
    newer: Place | None
    older: Place | None


@dataclass(frozen=True, slots=True)
class CashSums:
    """What came in and what went out (negative) of the accounts in one currency; transfers are neither."""

    currency: str
    income: Decimal
    expense: Decimal

    @property
    def net(self) -> Decimal:
        return EXACT.add(self.income, self.expense)


@dataclass(frozen=True, slots=True)
class CashList:
    """The rows that fit, not read yet. Give it accounts that the reader may see."""

    wanted: Wanted
    order: str = NEWEST
    _kinds: Sequence[Q] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kinds", _kinds(self.wanted))

    def count(self) -> int:
        """How many there are, exactly; one query, two where split rows are looked for."""
        return sum(self._rows().filter(kind).order_by().count() for kind in self._kinds)

    def count_up_to(self, most: int) -> int:
        """How many there are, but at most ``most``; as many queries."""
        found = 0
        for kind in self._kinds:
            found += self._rows().filter(kind).order_by().values("pk")[: most - found].count() if found < most else 0
        return found

    def __getitem__(self, span: slice) -> list[int]:
        """The ids from one position to before another; one query."""
        first = "-pk" if self.order == NEWEST else "pk"
        return [pk for _, pk in self._merged(Q(), self.order, first)[span.start or 0 : span.stop]]

    def every(self, most: int) -> list[int]:
        """The ids of at most ``most`` of them, in no order."""
        found: list[int] = []
        for kind in self._kinds:
            found += self._rows().filter(kind).order_by().values_list("pk", flat=True)[: most - len(found)]
        return found

    def newest(self, size: int) -> Slice:
        return self._slice(None, size, newer=False)

    def oldest(self, size: int) -> Slice:
        return self._slice(None, size, newer=True)

    def older_than(self, place: Place, size: int) -> Slice:
        return self._slice(place, size, newer=False)

    def newer_than(self, place: Place, size: int) -> Slice:
        return self._slice(place, size, newer=True)

    def sums(self, currencies: dict[int, str]) -> list[CashSums]:
        """Income and expense of the rows that stand, by currency; ``currencies`` is by account. At most 2 queries.

        Of a split row only the parts of the wanted categories count.
        """
        amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for rows, amount, account, section in self._summands():
            parts = {name: Sum(amount, filter=Q(**{section: name})) for name in (Section.INCOME, Section.EXPENSE)}
            for found in rows.order_by().values(account).annotate(**parts):
                for name in parts:
                    # SQLite sums as float: bring the sum back to the column's scale.
                    value = Decimal(found[name] or 0).quantize(MONEY_SCALE, context=EXACT)
                    key = currencies[found[account]], str(name)
                    amounts[key] = EXACT.add(amounts[key], value)
        codes = sorted({currency for currency, _ in amounts})
        return [CashSums(code, amounts[code, Section.INCOME], amounts[code, Section.EXPENSE]) for code in codes]

    def _summands(self) -> Iterator[tuple[QuerySet[Any], str, str, str]]:
        rows = self._rows().standing()
        if not self.wanted.categories:
            yield rows.filter(self._kinds[0]), "amount", "account", "section"
            return
        yield rows.filter(category__in=self.wanted.categories), "amount", "account", "section"
        parts = CashSplit.objects.filter(category__in=self.wanted.categories, transaction__in=rows.values("pk"))
        yield parts, "amount", "transaction__account", "transaction__section"

    def _rows(self) -> CashTransactionQuerySet:
        return self._of_accounts(CashTransaction.objects.filter(_condition(self.wanted)))

    def _of_accounts(self, rows: CashTransactionQuerySet) -> CashTransactionQuerySet:
        """A counterparty has far fewer rows than its owner's accounts: its index is used if theirs cannot be."""
        if self.wanted.counterparty is None:
            return rows.filter(account__in=self.wanted.accounts)
        return rows.alias(of_account=F("account_id") + 0).filter(of_account__in=self.wanted.accounts)

    def _slice(self, place: Place | None, size: int, *, newer: bool) -> Slice:
        """One row more than asked for says whether there are more that way."""
        order, first = ("booked_on", "id") if newer else (NEWEST, "-id")
        found = [Place(*row) for row in self._merged(_beyond(place, newer=newer), order, first)[: size + 1]]
        more, found = len(found) > size, found[:size]
        if newer:
            found.reverse()
        ends = (found[0], found[-1]) if found else (place, place)
        before = ends[0] if (more if newer else place) else None
        after = ends[1] if (place if newer else more) else None
        return Slice([row.pk for row in found], before, after)

    def _merged(self, where: Q, order: str, first: str) -> Any:
        key = order.removeprefix("-")
        streams = [each.filter(where).order_by().values_list(key, "id") for each in self._streams()]
        if not streams:
            return CashTransaction.objects.none().values_list(key, "id")
        merged = streams[0].union(*streams[1:], all=True) if len(streams) > 1 else streams[0]
        return merged.order_by(order, first)

    def _streams(self) -> list[QuerySet[Any]]:
        """Parts of the list that have no row in common, each of one account and at most one category."""
        if self.wanted.counterparty is not None:
            return [self._rows().filter(kind) for kind in self._kinds]
        accounts = [Q(account=pk) for pk in self.wanted.accounts]
        kinds = [*(Q(category=pk) for pk in self.wanted.categories), *self._kinds[1:]] or list(self._kinds)
        if len(accounts) * len(kinds) > MOST_STREAMS:
            kinds = list(self._kinds)
        if len(accounts) * len(kinds) > MOST_STREAMS:
            accounts = [Q(account__in=self.wanted.accounts)]
        condition = _condition(self.wanted)
        return [CashTransaction.objects.filter(condition, account, kind) for account in accounts for kind in kinds]


class CashRow(NamedTuple):
    """A row with the account at the other end of its transfer, if it is a leg of one."""

    row: CashTransaction
    transfer: int | None
    other: CashTransaction | None


def rows_of(ids: Sequence[int]) -> list[CashRow]:
    """The rows of ``ids`` in their order, with all that is shown of them; 3 queries. One that is gone is left out."""
    found = whole(CashTransaction.objects.all()).in_bulk(ids)
    return [with_other(found[pk]) for pk in ids if pk in found]


def whole(rows: CashTransactionQuerySet) -> QuerySet[CashTransaction]:
    """``rows`` with account, category, counterparty, asset, tags, parts and transfer; 3 queries."""
    ends = ("transfer_sent__received__account", "transfer_received__sent__account")
    joined = rows.select_related("account", "category", "counterparty", "asset", *ends)
    return joined.prefetch_related("tags", "splits__category")


def lines(found: CashList, at_once: int = AT_ONCE) -> Iterator[CashRow]:
    """All rows of the list, some hundreds at a time, by place."""
    part = found.newest(at_once)
    while True:
        yield from rows_of(part.ids)
        if part.older is None:
            return
        part = found.older_than(part.older, at_once)


def below(category: int, every: Iterable[Category]) -> list[int]:
    """``category``, an id, and those of all below it in the tree; ``every`` are those that there are."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for each in every:
        children[each.parent_id].append(each.pk)
    found, waiting = {category}, [category]
    while waiting:
        new = [pk for pk in children[waiting.pop()] if pk not in found]
        found.update(new)
        waiting += new
    return sorted(found)


def named(text: str, counterparties: QuerySet[Counterparty]) -> list[int]:
    """The ids of ``counterparties`` whose name holds ``text``; one query, none for an empty text."""
    return list(counterparties.filter(name__icontains=text).order_by().values_list("pk", flat=True)) if text else []


def currencies_of(accounts: Iterable[Account]) -> dict[int, str]:
    return {account.pk: account.currency for account in accounts}


def with_other(row: CashTransaction) -> CashRow:
    """A row that ``whole`` read, with the other leg of its transfer."""
    if sent := getattr(row, "transfer_sent", None):
        return CashRow(row, sent.pk, sent.received)
    if received := getattr(row, "transfer_received", None):
        return CashRow(row, received.pk, received.sent)
    return CashRow(row, None, None)


def _kinds(wanted: Wanted) -> list[Q]:
    """What the list is made of: kinds of rows that have none in common."""
    if wanted.uncategorised:
        return [Q(category__isnull=True) & ~Q(pk__in=CashSplit.objects.order_by().values("transaction"))]
    if not wanted.categories:
        return [Q()]
    parts = CashSplit.objects.filter(category__in=wanted.categories).order_by()
    return [Q(category__in=wanted.categories), Q(category__isnull=True, pk__in=parts.values("transaction"))]


def _condition(wanted: Wanted) -> Q:
    given = {
        "section": wanted.section,
        "origin": wanted.origin,
        "counterparty": wanted.counterparty,
        "booked_on__gte": wanted.start,
        "booked_on__lte": wanted.end,
    }
    found = Q(**{name: value for name, value in given.items() if value not in (None, "")})
    if wanted.voided:
        found &= ~SET_ASIDE
    else:
        found &= Q(voided_at__isnull=True) | Q(pk__in=wanted.also) if wanted.also else Q(voided_at__isnull=True)
    if wanted.tag is not None:
        tagged = CashTransaction.tags.through.objects.filter(tag=wanted.tag)
        found &= Q(pk__in=tagged.values("cashtransaction"))
    return found & _sized(wanted) & _worded(wanted)


def _sized(wanted: Wanted) -> Q:
    least, most = wanted.least, wanted.most
    if least is None and most is None:
        return Q()
    came = {name: value for name, value in (("amount__gte", least), ("amount__lte", most)) if value is not None}
    went = {name: -value for name, value in (("amount__lte", least), ("amount__gte", most)) if value is not None}
    return Q(amount__gt=0, **came) | Q(amount__lt=0, **went)


def _worded(wanted: Wanted) -> Q:
    if not wanted.text:
        return Q()
    found = Q(description__icontains=wanted.text) | Q(external_id__icontains=wanted.text)
    return found | Q(counterparty__in=wanted.counterparties_named) if wanted.counterparties_named else found


def _beyond(place: Place | None, *, newer: bool) -> Q:
    if place is None:
        return Q()
    way = "gt" if newer else "lt"
    within = Q(booked_on=place.day, **{f"pk__{way}": place.pk}) | Q(**{f"booked_on__{way}": place.day})
    return within & Q(**{f"booked_on__{way}e": place.day})  # which an index finds
