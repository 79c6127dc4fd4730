"""What rules say about rows that are new: the one place where imports, schedules and entries ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from banking.matching import rules as matching
from banking.models import Account, CashTransaction, ClassifiedBy, Counterparty, Rule

RowTag: Any = CashTransaction.tags.through
Holder = tuple[int | None, int | None]  # the ids of owner and organisation, one of which is None
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TagsToGive:
    """A row that was not stored yet, and the ids of the tags that it gets once it is."""

    row: CashTransaction
    tags: Sequence[int]


def pure(rule: Rule, tags: Sequence[int] | None = None) -> matching.Rule:
    """The rule as it is matched; ``tags`` are ids, its own when left out. One that sets a category is for its section.

    No query for a rule that was read with its category and tags.
    """
    return matching.Rule(
        key=rule.pk or 0,
        words=spoken(rule.words),
        least=rule.least,
        most=rule.most,
        signed=rule.signed,
        account=rule.account_id,
        section=rule.section or (rule.category.section if rule.category else ""),
        counterparty=rule.counterparty_id,
        iban=rule.iban,
        category=rule.category_id,
        sets_counterparty=rule.set_counterparty_id,
        tags=tuple(sorted(tag.pk for tag in rule.tags.all()) if tags is None else tags),
    )


def spoken(typed: str) -> tuple[str, ...]:
    """The parts between commas."""
    return tuple(part for part in (part.strip() for part in typed.split(",")) if part)


def classify_new(rows: Sequence[CashTransaction]) -> list[TagsToGive]:
    """Give new rows without a category what the first of their owner's rules says that fits.

    The rows are in memory, not stored yet, and of one another's accounts as they come. A counterparty that a row has
    stays. At most 4 queries, however many rows and rules there are. The tags are for ``give_tags``, after storing.
    """
    waiting = [row for row in rows if row.category_id is None]
    holders = _holders({row.account_id for row in waiting}, waiting)
    books = rule_books(set(holders.values()))
    if not any(books.values()):
        return []
    needs_iban = any(rule.iban for book in books.values() if book for rule in book.rules)
    ibans = ibans_of(holders.values()) if needs_iban else {}
    found = []
    for row in waiting:
        book = books[holders[row.account_id]]
        rule = book.first_match(facts(row, ibans)) if book else None
        if rule:
            _give(row, rule)
            if rule.tags:
                found.append(TagsToGive(row, rule.tags))
    return found


def give_tags(found: Iterable[TagsToGive]) -> None:
    """Store the tags of rows that are stored now."""
    pairs = [RowTag(cashtransaction_id=each.row.pk, tag_id=tag) for each in found for tag in each.tags]
    RowTag.objects.bulk_create(pairs, batch_size=AT_ONCE, ignore_conflicts=True)


def rule_books(holders: Iterable[Holder]) -> dict[Holder, matching.RuleBook | None]:
    """Each holder's running rules in their order, None without any; 2 queries, one where there are no rules."""
    wanted = set(holders)
    rules: dict[Holder, list[matching.Rule]] = {holder: [] for holder in wanted}
    running = Rule.objects.running().filter(_belonging(wanted))
    for rule in running.select_related("category").prefetch_related("tags").order_by("position"):
        rules[rule.owner_id, rule.organisation_id].append(pure(rule))
    return {holder: matching.RuleBook(tuple(found)) if found else None for holder, found in rules.items()}


def ibans_of(holders: Iterable[Holder]) -> dict[int, str]:
    """The IBANs and handles of these holders' counterparties, by id; one query."""
    return dict(Counterparty.objects.filter(_belonging(holders)).exclude(iban="").values_list("pk", "iban"))


def facts(row: CashTransaction, ibans: dict[int, str]) -> matching.Row:
    """What rules look at; ``ibans`` is by counterparty."""
    iban = ibans.get(row.counterparty_id, "") if row.counterparty_id else ""
    return matching.Row(row.description, row.amount, row.account_id, row.section, row.counterparty_id, iban)


def _give(row: CashTransaction, rule: matching.Rule) -> None:
    if rule.category is not None:
        row.category_id, row.classified_by = rule.category, ClassifiedBy.RULE
    if row.counterparty_id is None:
        row.counterparty_id = rule.sets_counterparty


def _holders(ids: set[int], rows: Iterable[CashTransaction]) -> dict[int, Holder]:
    """Account id to whom it belongs to; no query where the rows hold their accounts."""
    loaded = {row.account_id: row.account for row in rows if CashTransaction.account.is_cached(row)}
    missing = ids - loaded.keys()
    if missing:
        loaded |= Account.objects.only("owner", "organisation").in_bulk(missing)
    return {pk: (account.owner_id, account.organisation_id) for pk, account in loaded.items()}


def _belonging(holders: Iterable[Holder]) -> Q:
    wanted = set(holders)
    people, firms = {owner for owner, _ in wanted if owner}, {firm for _, firm in wanted if firm}
    return Q(owner__in=people) | Q(organisation__in=firms)
