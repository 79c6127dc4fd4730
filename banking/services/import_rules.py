"""What their owners' rules say about the rows of a file that come without a category."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from banking.matching import rules as matching
from banking.models import Account, CashTransaction, ClassifiedBy
from banking.services.import_cash import in_lists
from banking.services.imports import Claim
from banking.services.rules import Holder, RowTag, ibans_of, rule_books
from core import bulk

AT_ONCE = 5_000
COLUMNS = ("pk", "description", "amount", "account", "section", "counterparty")
Ids = dict[int, "array[int]"]


def classify(claim: Claim, accounts: Sequence[int]) -> None:
    """Give the file's rows without a category what the first rule that fits says, in the transaction that books them.

    ``accounts`` are those of the file. A counterparty that a row has stays. 2 queries where nobody of these accounts
    has rules; else the rows are read once and written by what they become, thousands at a time, however many rules
    there are.
    """
    holders = _holders(accounts)
    books = {holder: book for holder, book in rule_books(set(holders.values())).items() if book}
    if not books:
        return
    found = _Found()
    for pk, rule, known in _matches(claim.batch_id, holders, books):
        found.add(pk, rule, known=known)
    found.store()


def _holders(accounts: Sequence[int]) -> dict[int, Holder]:
    """Account id to whom it belongs to."""
    found: dict[int, Holder] = {}
    for part in in_lists(accounts):
        for pk, owner, firm in Account.objects.filter(pk__in=part).values_list("pk", "owner", "organisation"):
            found[pk] = (owner, firm)
    return found


def _matches(
    batch_id: int, holders: dict[int, Holder], books: dict[Holder, matching.RuleBook]
) -> Iterator[tuple[int, matching.Rule, bool]]:
    """(row id, its rule, whether it has a counterparty) of the rows that a rule fits."""
    needs_iban = any(rule.iban for book in books.values() for rule in book.rules)
    ibans = ibans_of(books) if needs_iban else {}
    accounts = [pk for pk, holder in holders.items() if holder in books]
    for part in in_lists(accounts):
        rows = CashTransaction.objects.filter(batch=batch_id, category__isnull=True, account__in=part).order_by()
        for pk, text, amount, account, section, party in rows.values_list(*COLUMNS).iterator(chunk_size=AT_ONCE):
            row = matching.Row(text, amount, account, section, party, ibans.get(party, ""))
            rule = books[holders[account]].first_match(row)
            if rule:
                yield pk, rule, party is not None


class _Found:
    """Row ids by what the rows become: 8 bytes each, so that a file of any length fits."""

    def __init__(self) -> None:
        self._categories: Ids = defaultdict(_ids)
        self._parties: Ids = defaultdict(_ids)
        self._tags: Ids = defaultdict(_ids)

    def add(self, pk: int, rule: matching.Rule, *, known: bool) -> None:
        if rule.category is not None:
            self._categories[rule.category].append(pk)
        if rule.sets_counterparty is not None and not known:
            self._parties[rule.sets_counterparty].append(pk)
        for tag in rule.tags:
            self._tags[tag].append(pk)

    def store(self) -> None:
        for category, ids in self._categories.items():
            for part in _parts(ids):
                rows = CashTransaction.objects.filter(pk__in=part)
                rows.update(category=category, classified_by=ClassifiedBy.RULE)
        for party, ids in self._parties.items():
            for part in _parts(ids):
                CashTransaction.objects.filter(pk__in=part).update(counterparty=party)
        pairs = ((pk, tag) for tag, ids in self._tags.items() for pk in ids)
        while tagged := list(islice(pairs, AT_ONCE)):
            bulk.insert(RowTag, ("cashtransaction", "tag"), tagged)


def _ids() -> array[int]:
    return array("q")


def _parts(ids: array[int]) -> Iterator[list[int]]:
    return (list(ids[start : start + AT_ONCE]) for start in range(0, len(ids), AT_ONCE))
