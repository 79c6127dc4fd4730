"""A worker that is killed in the middle of a recomputation: nothing is lost, nothing is there twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from analytics import queries, services, tasks
from analytics.models import Snapshot
from analytics.services import recomputing
from assets.models import Asset
from assets.sessions import sessions
from assets.tests.factories import make_asset, make_bars
from core import bulk
from core.testing import PATIENCE, make_user
from portfolios.models import Investment, Portfolio, Trade

SESSIONS = sessions("XNYS", date(2021, 6, 1), date(2023, 1, 31))
PORTFOLIOS, HOLDINGS = 300, 6
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(0.05)


def many_portfolios() -> list[int]:
    """Written in bulk; each holds six assets that it bought on days of its own."""
    generator = np.random.default_rng(5)
    assets: list[Asset] = []
    for number in range(HOLDINGS):
        assets.append(make_asset(f"A{number}"))
        closes = 100 * np.cumprod(1 + generator.normal(0.0003, 0.015, len(SESSIONS)))
        make_bars(assets[-1], [f"{close:.2f}" for close in closes], start=SESSIONS[0])
    owner = make_user("many")
    Portfolio.objects.bulk_create(Portfolio(owner=owner, name=f"P{number}") for number in range(PORTFOLIOS))
    ids = list(Portfolio.objects.order_by("pk").values_list("pk", flat=True))
    bought = [
        (pk, asset.pk, SESSIONS[int(generator.integers(0, 250))], Decimal(int(generator.integers(1, 90))))
        for pk in ids
        for asset in assets
    ]
    at = datetime(2023, 1, 1, tzinfo=UTC)
    trades = ((pk, asset, "buy", at, day, quantity, Decimal(100), "USD", at) for pk, asset, day, quantity in bought)
    columns = ["portfolio", "asset", "kind", "traded_at", "day", "quantity", "price", "currency", "created_at"]
    rest = {"fee": Decimal(0), "tax": Decimal(0), "accrued": Decimal(0), "external_id": "", "note": "", "sequence": 0}
    bulk.insert(Trade, [*columns, *rest], ((*row, *rest.values()) for row in trades))
    bulk.insert(
        Investment,
        [
            "portfolio",
            "asset",
            "quantity",
            "cost",
            "cost_base",
            "first_traded_on",
            *("realised_gain", "realised_gain_base", "income", "income_base"),
        ],
        ((pk, asset, units, units * 100, units * 100, day, *[Decimal(0)] * 4) for pk, asset, day, units in bought),
    )
    return ids


def stored() -> dict[int, tuple[Any, ...]]:
    """Portfolio id to all that its snapshot says; fails if one has two."""
    rows = Snapshot.objects.values_list(*recomputing.FIELDS, "problems")
    found = {row[0]: row for row in rows}
    assert len(found) == len(rows)
    return found


def close(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    pairs = zip(left, right, strict=True)
    return all(a == (pytest.approx(b, rel=1e-12) if isinstance(b, float) else b) for a, b in pairs)


def test_a_killed_recomputation_is_finished_by_the_tick(celery_worker_process: Callable[..., Any]) -> None:
    ids = many_portfolios()
    worker = celery_worker_process(concurrency=1)
    for chunk in services.chunks(ids, 5):
        tasks.recompute.delay(chunk)
    wait_until(lambda: Snapshot.objects.count() > 40, "a part of the snapshots is there")
    worker.kill()
    done = Snapshot.objects.count()
    assert 0 < done < PORTFOLIOS, "the worker was not killed in the middle"

    celery_worker_process(concurrency=1)
    tasks.refresh_stale.delay()  # as beat does
    wait_until(lambda: not queries.stale_portfolio_ids(), "nothing is stale")

    after = stored()
    assert sorted(after) == ids
    Snapshot.objects.all().delete()
    services.recompute(ids)
    undisturbed = stored()
    assert all(close(after[pk], undisturbed[pk]) for pk in ids)


def test_a_new_trade_and_a_new_price_refresh_their_portfolio_without_being_asked(
    celery_worker_process: Callable[..., Any],
) -> None:
    [first, *_] = many_portfolios()
    services.recompute(queries.stale_portfolio_ids())
    celery_worker_process(concurrency=1)
    before = stored()

    Portfolio.objects.filter(pk=first).bump()
    tasks.refresh_stale.delay()
    wait_until(lambda: not queries.stale_portfolio_ids(), "nothing is stale")

    changed = [pk for pk, row in stored().items() if row != before[pk]]
    assert changed == [first]
    make_bars(Asset.objects.get(symbol="A0"), {date(2023, 2, 1): "123"})
    assert len(queries.stale_portfolio_ids()) == PORTFOLIOS
    tasks.refresh_stale.delay()
    wait_until(lambda: not queries.stale_portfolio_ids(), "nothing is stale")
    assert Snapshot.objects.filter(as_of=date(2023, 2, 1)).count() == PORTFOLIOS
