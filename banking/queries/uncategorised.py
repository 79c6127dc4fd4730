"""Descriptions that come often in rows without a category: what a first rule could be about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from banking.matching.words import lasting
from banking.models import CashSplit, CashTransaction, ClassifiedBy, Section

LOOKED_AT = 5_000
LEAST_TIMES = 3
MOST = 3


@dataclass(frozen=True, slots=True)
class Frequent:
    """Words that ``times`` rows of one section share."""

    words: str
    section: str
    times: int


def frequent_descriptions(accounts: Collection[int], since: date) -> list[Frequent]:
    """The most frequent among the newest 5,000 rows without a category, transfers left out; one query."""
    rows = CashTransaction.objects.standing().filter(
        account__in=accounts, booked_on__gte=since, category__isnull=True, classified_by=ClassifiedBy.NOBODY
    )
    split = CashSplit.objects.order_by().values("transaction")
    rows = rows.exclude(pk__in=split).exclude(section=Section.TRANSFER).exclude(description="")
    newest = rows.order_by("-booked_on", "-pk").values_list("description", "section")[:LOOKED_AT]
    counted = Counter((lasting(text), section) for text, section in newest)
    frequent = [(words, section, times) for (words, section), times in counted.most_common() if words]
    return [Frequent(*each) for each in frequent[:MOST] if each[2] >= LEAST_TIMES]
