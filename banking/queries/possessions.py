"""Possessions with what they are worth."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery

from banking.models import Possession, Valuation


def with_worth(rows: QuerySet[Possession], as_of: date | None = None) -> QuerySet[Any]:
    """Each with ``worth`` and ``valued_on``, the newest that was stated, up to ``as_of`` if it is given; None before
    the first. No query of its own.

    What is given away keeps its last value: ``disposed_on`` says since when it counts no more.
    """
    newest = Valuation.objects.standing().filter(possession=OuterRef("pk")).order_by("-day")
    newest = newest if as_of is None else newest.filter(day__lte=as_of)
    return rows.annotate(worth=Subquery(newest.values("value")[:1]), valued_on=Subquery(newest.values("day")[:1]))


def kept_first(rows: QuerySet[Any]) -> QuerySet[Any]:
    """What is kept before what is given away, each by name."""
    return rows.order_by(F("disposed_on").desc(nulls_first=True), "name", "pk")
