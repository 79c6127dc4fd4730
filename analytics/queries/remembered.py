"""What was computed on request, kept for a minute under the versions of what it follows from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet
from django.utils import timezone
from redis.exceptions import RedisError

from analytics.queries.versions import with_versions
from portfolios.models import Portfolio

log = logging.getLogger(__name__)
ResultT = TypeVar("ResultT")
VERSIONS = ("version", "accounts_version", "price_version", "base_currency", "benchmark_id")
LAYOUT = 3  # of what is kept; another number leaves what an older version of the program kept alone


def remembered(portfolio: Portfolio, what: str, terms: tuple[Any, ...], compute: Callable[[], ResultT]) -> ResultT:
    """What ``compute`` gives for ``portfolio`` under ``terms``, now or within the last ``CALCULATION_CACHE`` seconds.

    The versions of the portfolio, its accounts, prices and rates are in the key (one query), and so is the day: after a
    trade or a price the old answer is not found any more. So is the portfolio: whoever asks has been let in to it.
    Without the cache everything is computed.
    """
    return remembered_together([portfolio], what, terms, compute)


def remembered_together(
    portfolios: Iterable[Portfolio], what: str, terms: tuple[Any, ...], compute: Callable[[], ResultT]
) -> ResultT:
    """The same of what follows from several portfolios, in whatever order they are; all of their versions count."""
    if not settings.CALCULATION_CACHE:
        return compute()
    key = _key(portfolios, what, terms)
    try:
        found = cache.get(key)
        if found is None:
            found = (compute(),)
            cache.set(key, found, settings.CALCULATION_CACHE)
    except (RedisError, OSError) as error:
        log.warning("the cache of calculations cannot be reached: %s", error)
        return compute()
    result: ResultT = found[0]
    return result


def _key(portfolios: Iterable[Portfolio], what: str, terms: tuple[Any, ...]) -> str:
    rows: QuerySet[Any, Any] = with_versions(Portfolio.objects.filter(pk__in=[each.pk for each in portfolios]))
    read = list(rows.order_by("pk").values_list("pk", *VERSIONS))
    parts = (LAYOUT, what, read, timezone.now().date().isoformat(), terms)
    return "calculation:" + hashlib.sha256(repr(parts).encode()).hexdigest()
