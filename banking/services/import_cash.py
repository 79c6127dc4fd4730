"""Transactions of a file: into whose accounts they go, and what the books say about them before they are booked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, Sum

from banking.models import Account, AccountKind, ImportRow, NameKind, Outcome
from banking.models.importing import UNITS_LIMIT
from banking.services.accounts import AliasTooLong, BadIban, clean_iban
from banking.services.import_staging import MOST_ERRORS, Names, Staged
from banking.services.transactions import check_amount
from banking.services.transfers import RateNotUsable, rate_of
from banking.statements.base import DECIMALS, Wrong, content_key, shortened
from banking.statements.transactions import TransactionParser
from core.errors import DomainError
from core.fields import MONEY_SCALE, SQLITE_DIGITS, TooManyDigits
from core.money import MINOR_UNITS
from users.models import User

if TYPE_CHECKING:
    from users.models import Owned

LARGE = 10**SQLITE_DIGITS
ID_LIST = 500
Holders = dict[tuple[int | None, int | None], list[int]]  # (owner, organisation) to account ids


@dataclass(frozen=True, slots=True)
class Place:
    """An account that rows name. ``step`` are the ten-thousandths of its currency's minor unit."""

    account: Account
    step: int
    closed_on: str


class Accounts:
    """The accounts that a person may book into, by IBAN or alias: as it is written, else whatever its case."""

    def __init__(self, user: User) -> None:
        self._found: dict[str, list[Account]] = {}
        self._places: dict[str, Place] = {}
        for account in Account.objects.editable_by(user).exclude(iban="").order_by("pk"):
            for ref in {account.iban, account.iban.lower()}:
                self._found.setdefault(ref, []).append(account)

    def named(self, ref: str) -> Place:
        """Raises Wrong: unknown, or two accounts have this name."""
        place = self._places.get(ref)
        if place is None:
            account = self._one(ref)
            closed = account.closed_on.isoformat() if account.closed_on else ""
            place = Place(account, 10 ** (DECIMALS - MINOR_UNITS[account.currency]), closed)
            self._places[ref] = place
        return place

    def _one(self, ref: str) -> Account:
        compact = "".join(ref.split()).replace("-", "").lower()
        for spelling in (ref, ref.lower(), compact):
            found = self._found.get(spelling, [])
            if len(found) > 1:
                raise Wrong(f"account_ref “{shortened(ref)}” is the IBAN or alias of {len(found)} accounts")
            if found:
                return found[0]
        raise Wrong(f"account_ref “{shortened(ref)}” is no IBAN or alias of an account that you may book into")


class CashStager:
    """Rows of transactions.csv to staged rows."""

    def __init__(self, user: User, places: Sequence[int], names: Names) -> None:
        self._parser, self._accounts, self._names = TransactionParser(places), Accounts(user), names
        self._codes: dict[str, str] = {}
        self._numbers: dict[tuple[int, str, str, str], int] = {}

    def staged(self, cells: Sequence[str]) -> Staged:
        row = self._parser.parse(cells)
        place = self._accounts.named(row.account_ref)
        account = place.account
        if row.currency != account.currency:
            raise Wrong(f"currency “{shortened(row.currency)}”, but the account is in {account.currency}")
        if row.units % place.step or abs(row.units) >= LARGE:
            _check_units(row.units, account.currency)
        if place.closed_on and row.day >= place.closed_on:
            raise Wrong(f"the account is closed since {place.closed_on}")
        if account.kind == AccountKind.DEPOSIT:
            raise Wrong("this is the account of a term deposit, which books it itself")
        category = self._number(NameKind.CATEGORY, account, row.section, row.category, "") if row.category else None
        code = self._code(row.counterparty_account)
        party = self._number(NameKind.COUNTERPARTY, account, "", row.counterparty, code) if row.counterparty else None
        key = None
        if not row.external_id:
            key = content_key(
                *(row.day, row.units, row.section, row.category.lower(), row.description),
                *(row.counterparty.lower(), code, row.transfer_group),
            )
        return (
            *(account.pk, row.day, row.units, row.currency, row.section, row.description, category, party),
            *(row.transfer_group, row.external_id, key, None),
        )

    def _number(self, kind: str, account: Account, section: str, name: str, code: str) -> int:
        books: Owned = account
        key = (account.pk, section, name, code)
        number = self._numbers.get(key)
        if number is None:
            number = self._names.number(kind, books, section, " ".join(name.split()), code)
            if len(self._numbers) < 200_000:
                self._numbers[key] = number
        return number

    def _code(self, text: str) -> str:
        if not text:
            return ""
        code = self._codes.get(text)
        if code is None:
            try:
                code = clean_iban(text)
            except (AliasTooLong, BadIban) as error:
                raise Wrong(f"counterparty_account “{shortened(text)}”: {error.message}") from error
            if len(self._codes) < 100_000:
                self._codes[text] = code
        return code


def _check_units(units: int, currency: str) -> None:
    """The amount as the books check it, for what is not obviously right."""
    try:
        if abs(units) >= UNITS_LIMIT:
            raise DomainError("The amount is larger than the books keep.")
        check_amount(units * MONEY_SCALE, currency)
        keeps_digits(units)
    except DomainError as error:
        raise Wrong(f"amount: {error.message}") from error


def keeps_digits(units: int) -> None:
    """Refuse an amount that this database would round. Raises TooManyDigits."""
    if connection.vendor == "sqlite" and len(str(abs(units)).rstrip("0")) > SQLITE_DIGITS:
        raise TooManyDigits


def faults(batch_id: int) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of rows that are right by themselves and wrong together; the first thousand."""
    told = set()
    for line, text in chain(_doubled(batch_id), _unpaired(batch_id), islice(unacquainted(batch_id), MOST_ERRORS)):
        if line not in told:
            told.add(line)
            yield line, text


def _doubled(batch_id: int) -> Iterator[tuple[int, str]]:
    rows = ImportRow.objects.filter(batch=batch_id, outcome=Outcome.NEW).exclude(external_id="").order_by()
    twice = rows.values("account", "external_id").annotate(times=Count("pk"), first=Min("line")).filter(times__gt=1)
    for found in twice[:MOST_ERRORS]:
        others = rows.filter(account=found["account"], external_id=found["external_id"], line__gt=found["first"])
        for line in others.order_by("line").values_list("line", flat=True)[:MOST_ERRORS]:
            yield line, f"external_id “{found['external_id']}” stands in line {found['first']} already"


def _unpaired(batch_id: int) -> Iterator[tuple[int, str]]:
    """Transfers that are not two legs of one movement on one day."""
    rows = ImportRow.objects.filter(batch=batch_id, outcome=Outcome.NEW).exclude(transfer_group="").order_by()
    groups = rows.values("transfer_group").annotate(
        legs=Count("pk"),
        accounts=Count("account", distinct=True),
        currencies=Count("currency", distinct=True),
        total=Sum("units"),
        least=Min("units"),
        most=Max("units"),
        begins=Min("booked_on"),
        ends=Max("booked_on"),
    )
    one_way = Q(least__gte=0) | Q(most__lte=0)
    unequal = Q(currencies=1) & ~Q(total=0)
    wrong = groups.filter(~Q(legs=2) | ~Q(accounts=2) | one_way | unequal | ~Q(begins=F("ends")))
    for group in wrong[:MOST_ERRORS]:
        yield from _each(rows, group["transfer_group"], _reason(group))
    for group in groups.filter(legs=2, currencies=2, least__lt=0, most__gt=0).iterator():
        try:
            rate_of(-group["least"] * MONEY_SCALE, group["most"] * MONEY_SCALE)
        except RateNotUsable as error:
            yield from _each(rows, group["transfer_group"], error.message)


def _each(rows: Any, group: str, text: str) -> Iterator[tuple[int, str]]:
    for line in rows.filter(transfer_group=group).order_by("line").values_list("line", flat=True)[:10]:
        yield line, f"transfer “{shortened(group)}”: {text}"


def _reason(group: Mapping[str, Any]) -> str:
    if group["legs"] == 1:
        return "its other row is missing"
    if group["legs"] > 2:
        return f"{group['legs']} rows instead of two"
    if group["accounts"] != 2:
        return "both rows are of one account"
    if group["least"] >= 0 or group["most"] <= 0:
        return "one row must be negative and one positive"
    if group["begins"] != group["ends"]:
        return "its rows are of different days; leave the transfer_group_id out and match them later"
    return "its rows do not sum to zero"


def unacquainted(batch_id: int, ids: Sequence[int] | None = None) -> Iterator[tuple[int, str]]:
    """Rows of transfers between two owners that do not name the other one: each end knows whom it dealt with.

    ``ids`` are the file's accounts, where they are known.
    """
    holders = holders_of(batch_id, ids)
    if len(holders) < 2:
        return
    rows = ImportRow.objects.filter(batch=batch_id, outcome=Outcome.NEW).exclude(transfer_group="").order_by()
    nameless = rows.filter(counterparty__isnull=True).order_by("line")
    accounts = {pk: place for place, own in enumerate(holders.values()) for pk in own}
    legs = nameless.values_list("line", "transfer_group").iterator()
    while found := list(islice(legs, ID_LIST)):
        both = rows.filter(transfer_group__in={group for _, group in found})
        sides: dict[str, set[int]] = {}
        for group, account in both.values_list("transfer_group", "account"):
            sides.setdefault(group, set()).add(accounts.get(account or 0, -1))
        for line, group in found:
            if len(sides[group]) > 1:
                text = "it goes between two owners; name the other one as the counterparty of this row"
                yield line, f"transfer “{shortened(group)}”: {text}"


def holders_of(batch_id: int, ids: Sequence[int] | None = None) -> Holders:
    """(owner, organisation) to their accounts that a file books into."""
    holders: Holders = {}
    for part in in_lists(account_ids(batch_id) if ids is None else ids):
        for pk, *holder in Account.objects.filter(pk__in=part).values_list("pk", "owner", "organisation"):
            holders.setdefault((holder[0], holder[1]), []).append(pk)
    return holders


def half_known(batch_id: int) -> Iterator[tuple[int, str]]:
    """The new rows of transfers whose other row is in the books already."""
    rows = ImportRow.objects.filter(batch=batch_id).exclude(transfer_group="").order_by()
    halves = rows.values("transfer_group").annotate(outcomes=Count("outcome", distinct=True)).filter(outcomes__gt=1)
    for group in halves[:MOST_ERRORS]:
        legs = rows.filter(outcome=Outcome.NEW)
        yield from _each(legs, group["transfer_group"], "its other row is in the books already, without this one")


def account_ids(batch_id: int) -> list[int]:
    """The accounts that a file books into, in ascending order."""
    rows = ImportRow.objects.filter(batch=batch_id, account__isnull=False)
    found = rows.order_by().values_list("account", flat=True).distinct()
    return sorted(pk for pk in found if pk is not None)


def in_lists(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    """``ids`` in lists that are short enough for one statement."""
    return (ids[start : start + ID_LIST] for start in range(0, len(ids), ID_LIST))
