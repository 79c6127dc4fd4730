"""Fetching one market's day: ask, check, store, and say how it went."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db import transaction
from django.utils import timezone

from activity.services import record
from assets import quality
from assets.models import Asset, Exchange, HistoricValue, IngestionRun, RunState, SymbolMapping
from assets.providers.base import Answer, Bar, Throttled, Unavailable, first_answer
from assets.queries import SIMULATED, LastBar
from assets.services import judging, lease, quarantine
from assets.services.asking import rescaled
from assets.services.due import JOB, require_ended
from assets.services.history import store_bars
from assets.services.market_day import Guarded
from assets.services.quarantine import Doubted
from assets.services.sources import Setting, Source, configured, identities, in_order, mismatch

log = logging.getLogger(__name__)
MOST_FLAGS = 20  # named in a run's message


def ingest(market: Exchange, day: date, *, now: datetime, force: bool = False) -> IngestionRun:
    """Fetch the bars of the market's assets on ``day`` and return the run as it then stands.

    Does nothing when the run is complete, when somebody works on it, or when it is to wait (``force`` overrules the
    wait). Good bars are stored even if others are missing; then the run is incomplete, names what is missing and why,
    and is tried again later. Raises SessionNotOver.
    """
    started = time.monotonic()
    require_ended(market, day, now)  # a process that builds its first calendar takes seconds for it
    chain = configured(market)
    elapsed = timedelta(seconds=time.monotonic() - started)
    claim = lease.claim(market, day, providers=identities(chain), now=now, elapsed=elapsed, force=force)
    if claim:
        _work(claim, _Task(market, day, now, chain))
    return IngestionRun.objects.select_related("market").get(job=JOB, market=market, day=day)


@dataclass(slots=True)
class _Task:
    """One attempt: what is asked of whom, and what was odd about the answers."""

    market: Exchange
    day: date
    now: datetime
    chain: Sequence[Source]
    assets: dict[str, Asset] = field(default_factory=dict)
    previous: dict[str, LastBar] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    unfit: dict[str, str] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    doubts: list[Doubted] = field(default_factory=list)

    def check(self, provider: str, bars: Iterable[Bar]) -> tuple[list[Bar], dict[str, str]]:
        right, foreign = self._in_their_currency(bars)
        verdict = quality.judge(
            right,
            quality.Expectation(
                symbols=self.assets.keys(),
                day=self.day,
                today=self.now.date(),
                previous={
                    symbol: (bar.day, bar.close)
                    for symbol, bar in self.previous.items()
                    if judging.comparable(bar, provider)
                },
                disputed=self.disputed,
            ),
        )
        self.flags |= verdict.flagged
        self.doubts += [(self.assets[doubt.bar.symbol].pk, provider, doubt) for doubt in verdict.doubts]
        return verdict.accepted, verdict.refused | foreign

    def _in_their_currency(self, bars: Iterable[Bar]) -> tuple[list[Bar], dict[str, str]]:
        """The bars as their assets are quoted, and why the others cannot be."""
        right, foreign = [], {}
        for bar in bars:
            asset = self.assets.get(bar.symbol)
            quoted = rescaled(asset, bar) if asset else bar
            if quoted is not None:
                right.append(quoted)
            elif asset:
                foreign[bar.symbol] = f"is in {bar.currency}, not in {asset.quote_currency}"
        return right, foreign


def _work(claim: lease.Claim, task: _Task) -> None:
    try:
        with lease.renewed(claim):
            answer = _ask(task)
        _finish(claim, task, answer)
    except lease.LeaseLost as error:
        log.warning("%s %s: %s", task.market, task.day, error)
    except Exception as error:
        lease.abandon(claim, f"Failed: {type(error).__name__}: {error}"[:1000], now=task.now)
        raise


def _ask(task: _Task) -> Answer:
    """What the providers have for the assets that have no bar of that day yet, and none that a person rejected."""
    there = HistoricValue.objects.filter(asset__exchange=task.market, day=task.day)
    known = set(there.values_list("asset_id", flat=True))
    lacking = [asset for asset in task.market.assets.traded_on(task.day) if asset.pk not in known]
    task.settled = quarantine.settled([asset.pk for asset in lacking], task.day)
    task.assets = {asset.symbol: asset for asset in lacking if asset.pk not in task.settled}
    last = judging.previous_closes([asset.pk for asset in task.assets.values()], task.day)
    disputed = judging.disputed(last, task.day)
    task.previous = {symbol: last[asset.pk] for symbol, asset in task.assets.items() if asset.pk in last}
    task.disputed = {symbol for symbol, asset in task.assets.items() if asset.pk in disputed}
    anchors = {symbol: (bar.day, bar.close) for symbol, bar in task.previous.items()}
    setting = Setting(anchors, task.market.calendar)
    providers = [Guarded(source, setting, _mapped(task, source)) for source in task.chain]
    return first_answer(providers, _orders(task), task.day, task.check, inventing=[SIMULATED])


def _orders(task: _Task) -> dict[str, list[str]]:
    """Whom each asset asks: not a provider whose closes mean something else than those that it has."""
    orders = {}
    for symbol, asset in task.assets.items():
        sources = in_order(task.chain, asset)
        orders[symbol] = [source.name for source in sources if source.suits(asset)]
        if reasons := [mismatch(source, asset) for source in sources if not source.suits(asset)]:
            task.unfit[symbol] = "; ".join(reasons)
    return orders


def _mapped(task: _Task, source: Source) -> dict[str, str]:
    """What the provider calls the assets, by our symbol."""
    found = SymbolMapping.objects.filter(provider=source.name, asset__exchange=task.market)
    own = {symbol: source.symbol(asset) for symbol, asset in task.assets.items()}
    return own | dict(found.values_list("asset__symbol", "symbol"))


@transaction.atomic
def _finish(claim: lease.Claim, task: _Task, answer: Answer) -> None:
    run = lease.locked(claim)
    changed = _store(answer, task.assets)
    quarantine.keep(task.doubts, now=timezone.now())
    for symbol in answer.missing.keys() & task.unfit.keys():
        answer.missing[symbol] = "; ".join(filter(None, [task.unfit[symbol], answer.missing[symbol]]))
    if not task.chain:
        answer.missing = dict.fromkeys(answer.missing, f"no price provider is configured for {task.market}")
    run.expected = task.market.assets.traded_on(task.day).count()
    run.stored = run.expected - len(answer.missing) - len(task.settled)
    run.refused, run.missing, run.finished_at, run.lease_until = answer.refused, answer.missing, timezone.now(), None
    _settle(run, task, answer, changed)
    run.message = _message(run, task, answer)
    run.save()
    if changed:
        record(actor=None, action="prices.ingested", subject=run, data={"bars": changed, "state": run.state})
    log.info("%s: %s", run, run.message)


def _store(answer: Answer, assets: Mapping[str, Asset]) -> int:
    return sum(
        store_bars([(assets[bar.symbol].pk, bar) for _, bar in bars], source=source)
        for source, bars in groupby(answer.bars, key=lambda item: item[0])
    )


def _settle(run: IngestionRun, task: _Task, answer: Answer, changed: int) -> None:
    """Complete when every asset has its bar or a rejected one; otherwise when it is tried again."""
    errors = [error for _, error in answer.problems]
    waits = [error.retry_after for error in errors if isinstance(error, Unavailable) and error.retry_after is not None]
    if not answer.missing:
        run.state, run.next_attempt_at = RunState.COMPLETE, None
    elif not task.chain:
        run.state, run.next_attempt_at = RunState.INCOMPLETE, None  # until a provider is configured
    elif not changed and errors and all(isinstance(error, Throttled) for error in errors):
        run.state, run.attempts = RunState.PENDING, run.attempts - 1  # nothing was asked, so nothing was tried
        run.next_attempt_at = task.now + timedelta(seconds=max(waits))
    else:
        asked = timedelta(seconds=min(waits, default=0))
        wait = asked or lease.backoff(run.attempts)  # “retry after 0” is no wait, and a failing provider needs one
        run.state, run.next_attempt_at = RunState.INCOMPLETE, task.now + wait


def _message(run: IngestionRun, task: _Task, answer: Answer) -> str:
    parts = [f"{run.stored} of {run.expected} assets have their bar"]
    if answer.refused:
        parts.append(f"{answer.refused} bars were refused")
    if task.settled:
        parts.append(f"{len(task.settled)} were rejected in the quarantine")
    parts += [str(error) for _, error in answer.problems]
    if not task.chain and answer.missing:
        parts.append("no price provider is configured; it is tried again as soon as one is")
    parts += [f"{symbol}: {oddity}" for symbol, oddity in sorted(task.flags.items())[:MOST_FLAGS]]
    return "; ".join(parts) + "."
