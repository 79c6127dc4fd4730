"""What a person says that rows were for, one or many at once, and taking it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from activity.services import record
from banking.models import (
    CashSplit,
    CashTransaction,
    Category,
    ClassifiedBy,
    Counterparty,
    Recategorisation,
    RecategorisedRow,
    Tag,
)
from banking.services.transactions import check_classification, lock_accounts
from core.errors import DomainError

if TYPE_CHECKING:
    from users.models import User

MOST_ROWS = 10_000
AT_ONCE = 500
RowTag = CashTransaction.tags.through
State = dict[str, Any]


class TooManyRows(DomainError):
    """At most 10,000 rows are classified at once."""


class RowsMissing(DomainError):
    """One of these rows is voided, or not there any more."""


class RowIsSplit(DomainError):
    """A row that is split has its categories in its parts."""


class AlreadyUndone(DomainError):
    """This has been undone already."""


@dataclass(frozen=True, slots=True)
class Classification:
    """What rows become: each of ``category`` and ``counterparty`` only where it is in ``sets``, None then takes it off.

    ``tags`` are added to those that a row has; they take their place where "tags" is in ``sets``.
    """

    sets: frozenset[str] = frozenset()
    category: Category | None = None
    counterparty: Counterparty | None = None
    tags: Sequence[Tag] = ()

    def of(self, former: State) -> State:
        """What a row becomes that is ``former``."""
        given = dict(former)
        if "category" in self.sets:
            given["category"] = self.category.pk if self.category else None
            given["classified_by"] = str(ClassifiedBy.PERSON if self.category else ClassifiedBy.NOBODY)
        if "counterparty" in self.sets:
            given["counterparty"] = self.counterparty.pk if self.counterparty else None
        tags = {tag.pk for tag in self.tags}
        given["tags"] = sorted(tags if "tags" in self.sets else tags | set(former["tags"]))
        return given


@transaction.atomic
def classify(*, row_ids: Iterable[int], to: Classification, actor: User | None) -> Recategorisation:
    """Classify standing rows as a person does, all or none, and remember what they were.

    Derived rows may be among them. Raises TooManyRows, RowsMissing, RowIsSplit, CategoryOfAnother, SectionOfAnother.
    """
    ids = sorted(set(row_ids))
    if len(ids) > MOST_ROWS:
        raise TooManyRows
    rows = locked_rows(ids)
    if len(rows) < len(ids) or any(row.voided_at for row in rows.values()):
        raise RowsMissing(field="ids")
    _check(rows, to)
    former = states_of(rows)
    given = {pk: state for pk, was in former.items() if (state := to.of(was)) != was}
    return carry_out(rows, former, given, said=_said(to), actor=actor)


def carry_out(
    rows: Mapping[int, CashTransaction],
    former: Mapping[int, State],
    given: Mapping[int, State],
    *,
    said: dict[str, Any],
    actor: User | None,
) -> Recategorisation:
    """Let the rows of ``given`` be so, and remember what they were; ``said`` is for the audit trail.

    The caller has locked ``rows`` and read ``former`` in the same transaction.
    """
    act = Recategorisation.objects.create(count=len(given), created_by=actor)
    lines = [
        RecategorisedRow(recategorisation=act, transaction_id=pk, former=former[pk], given=given[pk]) for pk in given
    ]
    RecategorisedRow.objects.bulk_create(lines, batch_size=AT_ONCE)
    _store(rows, former, given)
    record(actor=actor, action="cash.classified", subject=act, data=said | {"rows": len(given)})
    return act


@transaction.atomic
def undo_recategorisation(*, act: Recategorisation, actor: User) -> Recategorisation:
    """Give back what the rows were, each unless somebody changed it since or ``actor`` may no longer book there.

    Raises AlreadyUndone.
    """
    lines = {line.transaction_id: line for line in act.rows.all()}
    mine = set(
        CashTransaction.objects.editable_by(actor)
        .filter(recategorised__recategorisation=act)
        .values_list("pk", flat=True)
    )
    rows = locked_rows(sorted(mine))
    act = Recategorisation.objects.select_for_update().get(pk=act.pk)
    if act.undone_at:
        raise AlreadyUndone
    states, later = states_of(rows), _classified_since(act)
    former = {
        pk: lines[pk].former
        for pk, state in states.items()
        if pk not in later and {**state, "tags": state["tags"]} == lines[pk].given
    }
    former = _possible(rows, former)
    _store(rows, {pk: states[pk] for pk in former}, former)
    act.undone_at, act.undone_by, act.restored = timezone.now(), actor, len(former)
    act.save(update_fields=["undone_at", "undone_by", "restored"])
    record(actor=actor, action="cash.classification_undone", subject=act, data={"rows": len(former)})
    return act


def locked_rows(ids: Sequence[int]) -> dict[int, CashTransaction]:
    """The rows as they are now, with their accounts locked."""
    lock_accounts_of(ids)
    wanted = CashTransaction.objects.filter(pk__in=ids)
    return {row.pk: row for row in wanted.select_related("account").order_by("pk")}


def lock_accounts_of(ids: Sequence[int]) -> None:
    """Lock the accounts of these rows."""
    rows = CashTransaction.objects.filter(pk__in=ids).order_by()
    lock_accounts(*rows.values_list("account", flat=True).distinct())


def _check(rows: Mapping[int, CashTransaction], to: Classification) -> None:
    for row in rows.values():
        check_classification(row.account, row.section, to.category, to.counterparty, to.tags)
    if "category" in to.sets and split_among(rows):
        raise RowIsSplit(field="category")


def split_among(ids: Collection[int]) -> set[int]:
    found = CashSplit.objects.filter(transaction__in=list(ids)).order_by()
    return set(found.values_list("transaction", flat=True).distinct())


def states_of(rows: Mapping[int, CashTransaction]) -> dict[int, State]:
    """Row id to what it is classified as; one query."""
    tags: dict[int, list[int]] = {pk: [] for pk in rows}
    for row_id, tag_id in RowTag.objects.filter(cashtransaction__in=list(rows)).values_list("cashtransaction", "tag"):
        tags[row_id].append(tag_id)
    return {
        pk: {
            "category": row.category_id,
            "classified_by": str(row.classified_by),
            "counterparty": row.counterparty_id,
            "tags": sorted(tags[pk]),
        }
        for pk, row in rows.items()
    }


def _classified_since(act: Recategorisation) -> set[int]:
    """The rows of ``act`` that a later act changed which is not undone."""
    later = RecategorisedRow.objects.filter(recategorisation__gt=act, recategorisation__undone_at__isnull=True)
    return set(later.filter(transaction__recategorised__recategorisation=act).values_list("transaction", flat=True))


def _possible(rows: Mapping[int, CashTransaction], states: Mapping[int, State]) -> dict[int, State]:
    """Those that can be given back: the row stands and is not split, and what they name is there, the category of the
    row's section, which a match as a transfer changes.
    """
    split = split_among(states)
    known = Category.objects.filter(pk__in=_named(states, "category"))
    categories = {(pk, section) for pk, section in known.values_list("pk", "section")}
    counterparties = set(
        Counterparty.objects.filter(pk__in=_named(states, "counterparty")).values_list("pk", flat=True)
    )
    tags = set(
        Tag.objects.filter(pk__in={tag for state in states.values() for tag in state["tags"]}).values_list(
            "pk", flat=True
        )
    )
    return {
        pk: state | {"tags": [tag for tag in state["tags"] if tag in tags]}
        for pk, state in states.items()
        if rows[pk].voided_at is None
        and (state["category"] is None or (state["category"], rows[pk].section) in categories)
        and state["counterparty"] in counterparties | {None}
        and not (pk in split and state["category"])
    }


def _named(states: Mapping[int, State], name: str) -> set[int]:
    return {state[name] for state in states.values() if state[name]}


def _store(rows: Mapping[int, CashTransaction], was: Mapping[int, State], becomes: Mapping[int, State]) -> None:
    changed = []
    for pk, state in becomes.items():
        row = rows[pk]
        row.category_id, row.counterparty_id = state["category"], state["counterparty"]
        row.classified_by = state["classified_by"]
        changed.append(row)
    CashTransaction.objects.bulk_update(changed, ["category", "counterparty", "classified_by"], batch_size=AT_ONCE)
    gone = [(pk, tag) for pk in becomes for tag in set(was[pk]["tags"]) - set(becomes[pk]["tags"])]
    new = [(pk, tag) for pk in becomes for tag in set(becomes[pk]["tags"]) - set(was[pk]["tags"])]
    for tag in {tag for _, tag in gone}:
        ids = [pk for pk, other in gone if other == tag]
        RowTag.objects.filter(tag=tag, cashtransaction__in=ids).delete()
    RowTag.objects.bulk_create(
        [RowTag(cashtransaction_id=pk, tag_id=tag) for pk, tag in new], batch_size=AT_ONCE, ignore_conflicts=True
    )


def _said(to: Classification) -> dict[str, Any]:
    """What was asked for, for the audit trail."""
    said: dict[str, Any] = {"tags": [tag.name for tag in to.tags]} if to.tags or "tags" in to.sets else {}
    if "category" in to.sets:
        said["category"] = to.category.name if to.category else None
    if "counterparty" in to.sets:
        said["counterparty"] = to.counterparty.name if to.counterparty else None
    return said
