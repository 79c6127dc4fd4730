"""Whether the stored snapshots are what they say, over the whole database."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from analytics.models import Snapshot
from analytics.queries.facts import inputs
from analytics.queries.money import money
from analytics.queries.versions import stale, with_versions
from portfolios.models import Portfolio

CHUNK = 500
AMOUNTS = ("market_value", "invested", "cash", "total_value", "realised_gain")


def snapshot_findings() -> Iterator[tuple[str, str, str]]:
    """(promise, where, what) of each snapshot that is wrong."""
    versions = {row.pk: row for row in with_versions(Portfolio.objects.all())}
    for snapshot in Snapshot.objects.order_by("pk").iterator():
        now = versions[snapshot.portfolio_id]
        for name, current in (("portfolio", now.version), ("accounts", now.accounts_version)):  # type: ignore[attr-defined]
            if getattr(snapshot, f"{name}_version") > current:
                what = f"it has read {name} version {getattr(snapshot, f'{name}_version')}, the newest is {current}"
                yield "snapshots name what they read", _where(snapshot), what
    undated = Snapshot.objects.filter(Q(window_start=None) | Q(window_end=None), observations__gt=0)
    for snapshot in undated.order_by("pk"):
        yield "figures have a date", _where(snapshot), "it has figures of a window without its days"
    yield from _amounts()


def _amounts() -> Iterator[tuple[str, str, str]]:
    """The money of each newest snapshot that is not stale, against the same computed now."""
    current = Portfolio.objects.exclude(pk__in=stale(Portfolio.objects.all()).values("pk"))
    ids = list(current.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), CHUNK):
        expected = money(inputs(ids[start : start + CHUNK]))
        for pk, amounts in expected.items():
            snapshot = Snapshot.objects.filter(portfolio=pk).order_by("-as_of")[0]
            for name in AMOUNTS:
                stored, should = getattr(snapshot, name), getattr(amounts, name)
                if stored != should:
                    yield "snapshots equal the books", _where(snapshot), f"{name} is {stored}, not {should}"


def _where(snapshot: Snapshot) -> str:
    return f"portfolio {snapshot.portfolio_id}, snapshot {snapshot.pk}"
