"""What rules would make of the rows that are there already: looked at before, done at once, and taken back.

What a person chose stays, and so do split rows. A rule fills in a counterparty and adds tags; it takes nothing away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from banking.matching import rules as matching
from banking.models import (
    Account,
    CashSplit,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Recategorisation,
    Rule,
    Tag,
)
from banking.models.transaction import CashTransactionQuerySet
from banking.queries.transactions import CashList, Wanted
from banking.services.classifying import RowTag, State, carry_out, locked_rows, split_among, states_of
from banking.services.rule_changes import Draft
from banking.services.rules import ibans_of, pure, rule_books
from core.errors import DomainError
from users.models import Organisation

if TYPE_CHECKING:
    from users.models import User

MOST_ROWS = 10_000
TRIED = 20_000  # rows a preview looks at: it is asked for at every pause in typing
SHOWN = 50
COLUMNS = ("id", "description", "amount", "account", "section", "counterparty", "category")


class TooMuchAtOnce(DomainError):
    """More than 10,000 rows would change: choose a later day, and go back from there."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row and what a rule makes of it; ``tags`` are the ids of those that it gets besides its own."""

    row: int
    rule: matching.Rule
    category: int | None
    counterparty: int | None
    tags: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """One row as it is, and what it would become: None where that stays."""

    row: CashTransaction
    category: Category | None
    counterparty: Counterparty | None
    tags: Sequence[Tag]


@dataclass(frozen=True, slots=True)
class Preview:
    """How many rows a rule would change, and the newest 50 of them.

    ``tried`` is None where all were looked at, else how many were, the newest: what lies before them is not counted.
    """

    count: int
    rows: Sequence[Before]
    tried: int | None


def preview(*, draft: Draft, holder: User | Organisation, since: date) -> Preview:
    """What the rule of ``draft`` would change from ``since`` on, at its place behind the rules before it. 9 queries.

    Of more than 20,000 rows only the newest are looked at. A rule that is new stands behind all others; what those
    take is not its.
    """
    new = pure(draft.rule, [tag.pk for tag in draft.tags])
    earlier = _running(holder)
    if draft.rule.pk:
        place = draft.rule.position
        kept = set(Rule.objects.of(holder).filter(position__lt=place).values_list("pk", flat=True))
        earlier = [rule for rule in earlier if rule.key in kept]
    accounts = _accounts(holder)
    newest = _newest(accounts, since)
    rows = _open_rows(accounts, since).filter(Q() if newest is None else newest)
    found = list(_changes(holder, [*earlier, new], rows, only=new))
    return Preview(len(found), _told(found[:SHOWN], draft), None if newest is None else TRIED)


def apply(
    *, holder: User | Organisation, since: date, actor: User | None, rule: Rule | None = None
) -> Recategorisation:
    """Let the holder's running rules, or of them ``rule`` alone, classify the rows from ``since`` on, at once.

    ``undo_recategorisation`` takes it back. What changes while the rows are searched is looked at again once they are
    locked. Raises TooMuchAtOnce.
    """
    running = _running(holder)
    only = next((each for each in running if each.key == rule.pk), None) if rule else None
    rows = _open_rows(_accounts(holder), since)
    found = [] if rule and only is None else list(islice(_changes(holder, running, rows, only), MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise TooMuchAtOnce(field="since")
    said = {"rule": rule.pk if rule else "all", "since": since.isoformat()}
    with transaction.atomic():
        locked = locked_rows([change.row for change in found])
        former = states_of(locked)
        split = split_among(locked)
        given = {
            change.row: state
            for change in found
            if change.row in locked
            and change.row not in split
            and not locked[change.row].voided_at
            and (state := _after(former[change.row], change.rule)) != former[change.row]
        }
        return carry_out(locked, former, given, said=said, actor=actor)


def _after(former: State, rule: matching.Rule) -> State:
    """What ``rule`` makes of a row that is ``former``."""
    if former["classified_by"] == ClassifiedBy.PERSON:
        return former
    given = dict(former)
    if rule.category is not None and rule.category != former["category"]:
        given |= {"category": rule.category, "classified_by": str(ClassifiedBy.RULE)}
    given["counterparty"] = former["counterparty"] or rule.sets_counterparty
    given["tags"] = sorted({*former["tags"], *rule.tags})
    return given


def _running(holder: User | Organisation) -> list[matching.Rule]:
    [book] = rule_books([_key(holder)]).values()
    return list(book.rules) if book else []


def _key(holder: User | Organisation) -> tuple[int | None, int | None]:
    return (None, holder.pk) if isinstance(holder, Organisation) else (holder.pk, None)


def _changes(
    holder: User | Organisation,
    rules: Sequence[matching.Rule],
    rows: CashTransactionQuerySet,
    only: matching.Rule | None,
) -> Iterator[Change]:
    """Those of ``rows`` that ``rules``, or ``only`` that one of them, would change, in their order. 3 queries."""
    book = matching.RuleBook(rules)
    ibans = ibans_of([_key(holder)]) if any(rule.iban for rule in rules) else {}
    rows = rows.filter(_narrowed(only) if only else Q())
    tagged = _tagged(rows, rules if only is None else [only])
    for pk, text, amount, account, section, counterparty, category in rows.values_list(*COLUMNS).iterator():
        iban = ibans.get(counterparty, "")
        rule = book.first_match(matching.Row(text, amount, account, section, counterparty, iban))
        if rule is None or (only is not None and rule is not only):
            continue
        tags = tuple(tag for tag in rule.tags if tag not in tagged[pk]) if rule.tags else ()
        other = rule.category if rule.category != category else None
        named = rule.sets_counterparty if counterparty is None else None
        if other is not None or named is not None or tags:
            yield Change(pk, rule, other, named, tags)


def _accounts(holder: User | Organisation) -> list[int]:
    return list(Account.objects.of(holder).values_list("pk", flat=True))


def _newest(accounts: Sequence[int], since: date) -> Q | None:
    """What only the newest 20,000 standing rows fulfil; None where there are no more. At most 2 queries."""
    last = CashList(Wanted(accounts=accounts, start=since))[TRIED - 1 : TRIED + 1]
    if len(last) < 2:
        return None
    row = CashTransaction.objects.only("booked_on").get(pk=last[0])
    return Q(booked_on__gt=row.booked_on) | Q(booked_on=row.booked_on, pk__gte=row.pk)


def _open_rows(accounts: Sequence[int], since: date) -> CashTransactionQuerySet:
    """Standing rows that no person classified and that are not split, the newest first."""
    rows = CashTransaction.objects.standing().filter(account__in=accounts, booked_on__gte=since)
    split = CashSplit.objects.order_by().values("transaction")
    return rows.exclude(classified_by=ClassifiedBy.PERSON).exclude(pk__in=split).order_by("-booked_on", "-pk")


def _narrowed(rule: matching.Rule) -> Q:
    """What the database can tell of the rule's conditions; the words it cannot."""
    given = {"account": rule.account, "section": rule.section or None, "counterparty": rule.counterparty}
    found = Q(**{name: value for name, value in given.items() if value is not None})
    if rule.iban:
        found &= Q(counterparty__iban=rule.iban)
    if rule.signed:
        limits = {"amount__gte": rule.least, "amount__lte": rule.most}
        found &= Q(**{name: value for name, value in limits.items() if value is not None})
    return found


def _tagged(rows: CashTransactionQuerySet, rules: Sequence[matching.Rule]) -> Mapping[int, set[int]]:
    """Row id to the tags of ``rules`` that it has; one query, none where no rule gives a tag."""
    found: dict[int, set[int]] = defaultdict(set)
    wanted = {tag for rule in rules for tag in rule.tags}
    if wanted:
        pairs = RowTag.objects.filter(tag__in=wanted, cashtransaction__in=rows.order_by().values("pk"))
        for row, tag in pairs.values_list("cashtransaction", "tag"):
            found[row].add(tag)
    return found


def _told(changes: Sequence[Change], draft: Draft) -> list[Before]:
    joined = CashTransaction.objects.select_related("account", "category", "counterparty")
    rows = joined.in_bulk([change.row for change in changes])
    tags = {tag.pk: tag for tag in draft.tags}
    return [
        Before(
            rows[change.row],
            draft.rule.category if change.category else None,
            draft.rule.set_counterparty if change.counterparty else None,
            [tags[pk] for pk in change.tags],
        )
        for change in changes
        if change.row in rows
    ]
