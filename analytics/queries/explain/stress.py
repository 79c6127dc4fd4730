"""What a scenario does: to everything that is owned, to one holding, and what that adds to the whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from analytics import engine
from analytics.engine import InsufficientData
from analytics.engine.recording import RecordedArray
from analytics.engine.stress import StressResult
from analytics.exposure import Weighted
from analytics.models import Scenario, StressWindow
from analytics.queries.explain.ex_ante import place_of, weights_source
from analytics.queries.explain.market import bars_on, returns_given
from analytics.queries.explain.register import Explained, Question, Result, register
from analytics.queries.stress import Bench, NoBenchmark, bench, under_factors
from analytics.scenarios import (
    MIN_SHARED,
    Ends,
    Shock,
    Source,
    Target,
    Window,
    beta_grid,
    grown,
    lines,
    places_of,
    rate_ends,
    result_of,
    shaken,
    through_factors,
    weights_of,
    window_ends,
)
from assets.models import Asset
from core.errors import DomainError
from core.money import multiply

SMALLEST, LARGEST = -1.0, 10.0
LONGEST_ID = 18  # digits
PARAMETER = {"kind": "parameter"}
BETA = "asset_beta"


class UnknownScenario(DomainError):
    """There is no such scenario."""


class BadFactors(DomainError):
    """Write factors with their returns from -1 to 10, such as “mkt_rf:-0.2,smb:0.1”."""


@dataclass(frozen=True, slots=True)
class Shaking:
    """What a scenario comes to, recorded; ``chosen`` are terms that were not asked for but found."""

    held: Weighted
    result: StressResult
    chosen: tuple[tuple[str, Any], ...] = ()


def _weights(held: Weighted) -> RecordedArray:
    """Weights (L,) of the lines. What cash is worth follows from its weight."""
    source, names = weights_source(held), [line.symbol or line.name for line in lines(held)]
    cash = [str(multiply(held.total_value, Decimal(repr(line.weight)))) for line in held.cash]
    of_lines = {"symbol": names, "worth": source["worth"] + cash, "price_day": source["price_day"] + [""] * len(cash)}
    return RecordedArray.given(weights_of(held), "w: weights of today", source | of_lines)


def _betas(tested: Bench, places: Sequence[int]) -> RecordedArray:
    source = {"kind": "betas", "symbol": [tested.held.positions[place].symbol for place in places], "each_asset": BETA}
    return RecordedArray.given(tested.betas[list(places)], "β: betas to the benchmark", source)


# --- a stretch of history -----------------------------------------------------------------------------------------


def _through(question: Question) -> Shaking:
    stretch = StressWindow.objects.filter(key=question.scenario).first()
    if stretch is None:
        raise UnknownScenario(
            "There is no stretch of history “{scenario}”.", scenario=question.scenario[:40], field="scenario"
        )
    tested = bench(question.portfolio, question.as_of)
    sources = [effect.source for effect in tested.through(stretch).effects]
    moves = _gathered(sources, _parts(question, tested, Window(stretch.start, stretch.end), sources))
    return Shaking(tested.held, result_of(_weights(tested.held), moves))


Part = tuple[Source, Any]


def _parts(question: Question, tested: Bench, window: Window, sources: Sequence[Source]) -> Iterable[Part]:
    """The returns of the lines, by where they come from, in their order."""
    held = tested.held
    priced, by_beta, rated = (_places(sources, kind) for kind in (Source.PRICES, Source.BETA, Source.RATE))
    if priced:
        ids = [held.positions[place].asset_id for place in priced]
        yield Source.PRICES, _ends(tested, ids, [held.positions[place].symbol for place in priced], window).returns
    if by_beta and question.portfolio.benchmark is not None:
        index = question.portfolio.benchmark
        [move] = _ends(tested, [index.pk], [index.symbol], window, ", of the benchmark").returns
        yield Source.BETA, _betas(tested, by_beta) * move
    if rated:
        yield Source.RATE, _rates(tested, [line.currency for line in held.cash], window)


def _gathered(sources: Sequence[Source], parts: Iterable[Part]) -> Any:
    """The parts' returns in the order of the lines, 0 for a line that nothing is known of."""
    known = dict(parts)
    kinds = [*known, *({Source.NONE} & set(sources))]
    places = [place for kind in kinds for place in _places(sources, kind)]
    values = [known.get(kind, np.zeros(len(_places(sources, kind)))) for kind in kinds]
    return np.concatenate(values)[np.argsort(places)]


def _places(sources: Sequence[Source], kind: Source) -> list[int]:
    return [place for place, source in enumerate(sources) if source == kind]


def _ends(tested: Bench, ids: Sequence[int], symbols: list[str], window: Window, of: str = "") -> Ends:
    """Closes and rates at both ends of the window as inputs, each close with the day and the source of its bar."""
    market, base = tested.market, tested.held.currency
    found = window_ends(market, ids, base, window)
    currencies = [market.facts[pk].currency for pk in ids]
    columns = []
    for place, end, close, rate in zip(places_of(market, window), window, found[::2], found[1::2], strict=True):
        days = [_last_close(market.adjusted_of(pk), market.days, place) for pk in ids]
        bars = {"kind": "closes", "price": "adjusted close", "symbol": symbols, "price_day": days, **bars_on(ids, days)}
        rates = {"kind": "rates", "to": base, "day": end, "symbol": symbols, "currency": currencies}
        columns.append(RecordedArray.given(close, f"closes of {end}{of}", bars))
        columns.append(RecordedArray.given(rate, f"rates to {base} of {end}{of}", rates))
    return Ends(*columns)


def _last_close(closes: Any, days: Any, place: int) -> Any:
    known = np.flatnonzero(np.isfinite(closes[: place + 1]))
    return days[known[-1]].item()


def _rates(tested: Bench, currencies: list[str], window: Window) -> Any:
    """What cash did that has a rate at both ends, recorded."""
    base = tested.held.currency
    ends = rate_ends(tested.market, currencies, base, window)
    known = np.flatnonzero(np.isfinite(grown(*ends)))
    told = {"kind": "rates", "to": base, "currency": [currencies[place] for place in known]}
    before, after = (
        RecordedArray.given(rates[known], f"rates of cash to {base} of {day}", told | {"day": day})
        for rates, day in zip(ends, window, strict=True)
    )
    return grown(before, after)


# --- shocks -------------------------------------------------------------------------------------------------------


def _fall(question: Question) -> Shaking:
    tested = bench(question.portfolio, question.as_of)
    sources = [effect.source for effect in tested.with_benchmark(question.move).effects]
    move = RecordedArray.given(question.move, "b: return of the benchmark", PARAMETER)
    moves = _gathered(sources, [(Source.BETA, _betas(tested, _places(sources, Source.BETA)) * move)])
    return Shaking(tested.held, result_of(_weights(tested.held), moves))


def _own(question: Question) -> Shaking:
    scenario = _scenario(question)
    tested = bench(question.portfolio, question.as_of)
    shocks = [Shock(Target(row.target), row.name, _size(row, scenario)) for row in scenario.shocks.all()]
    found = shaken(tested.held, shocks)
    return Shaking(tested.held, result_of(_weights(tested.held), found.moves))


def _scenario(question: Question) -> Scenario:
    """The asker's own, by its id. Raises UnknownScenario."""
    asker, wanted = question.asker, question.scenario
    known = asker is not None and wanted.isascii() and wanted.isdecimal() and len(wanted) <= LONGEST_ID
    if asker is not None and known:
        visible = Scenario.objects.visible_to(asker).prefetch_related("shocks__asset")
        if found := visible.filter(pk=int(wanted)).first():
            return found
    raise UnknownScenario(field="scenario")


def _size(row: Any, scenario: Scenario) -> Any:
    source = {"kind": "scenario", "id": scenario.pk, "what": row.target}
    return RecordedArray.given(row.size, f"shock of {row.name or 'everything'}", source)


def _of_factors(question: Question) -> Shaking:
    asked = _factor_moves(question.factors)
    found = under_factors(
        question.portfolio, asked, model=question.model, factor_set=question.set, as_of=question.as_of
    )
    keys = [factor.key for factor in found.choice.factors]
    model, factor_set = found.choice.key, found.choice.factor_set.key
    source = {
        "kind": "exposures",
        "series": ", ".join(keys),
        "symbol": [position.symbol for position in found.held.positions],
        "each_asset": "factor_holding_exposure",
        "with": {"model": model, "set": factor_set, "factor": keys[0]},
    }
    betas = RecordedArray.given(found.exposures.T, "β: exposures", source)
    given = [asked.get(key, 0.0) for key in keys]
    moves = RecordedArray.given(given, "f: returns of the factors", PARAMETER | {"factor": keys})
    result = through_factors(_weights(found.held), betas, moves)
    return Shaking(found.held, result, (("model", model), ("set", factor_set)))


def _factor_moves(text: str) -> dict[str, float]:
    """Factor to its return. Raises BadFactors."""
    moves: dict[str, float] = {}
    for part in text.split(","):
        key, _, size = part.strip().partition(":")
        try:
            move = float(size)
        except ValueError as error:
            raise BadFactors(field="factors") from error
        if not key or key in moves or not SMALLEST <= move <= LARGEST:
            raise BadFactors(field="factors")
        moves[key] = move
    return moves


# --- the figures --------------------------------------------------------------------------------------------------

Way = Callable[[Question], Shaking]
Read = Callable[[Shaking, str], Any]


def _return_of(found: Shaking, symbol: str) -> Any:
    return found.result.shocks[place_of(found.held, symbol)]


def _added_by(found: Shaking, symbol: str) -> Any:
    return found.result.contributions[place_of(found.held, symbol)]


READS: tuple[tuple[str, str, Read, tuple[str, ...]], ...] = (
    ("", "Return", lambda found, _: found.result.total, ()),
    ("_return", "Return of a holding", _return_of, ("asset",)),
    ("_contribution", "What a holding adds", _added_by, ("asset",)),
)
WAYS: tuple[tuple[str, str, Way, tuple[str, ...], tuple[str, ...]], ...] = (
    ("stress_window", "in a stretch of history", _through, ("scenario",), ()),
    ("stress_benchmark", "when the benchmark moves", _fall, ("move",), ()),
    ("stress_scenario", "in a scenario", _own, ("scenario",), ()),
    ("stress_factors", "when factors move", _of_factors, ("factors",), ("model", "set")),
)


def _figure(key: str, label: str, way: Way, read: Read, takes: tuple[str, ...], asks: tuple[str, ...]) -> Explained:
    def compute(question: Question) -> Result:
        found = way(question)
        terms = dict(figure.terms(question)) | dict(found.chosen)
        return Result(read(found, question.asset), found.held.as_of, parameters=tuple(terms.items()))

    figure = Explained(key, label, "fraction", "ex-ante", "stress-test", compute, ("as_of", *takes), asks)
    return figure


def _beta(question: Question) -> Result:
    """The beta of one holding to the benchmark, over every session that both have."""
    tested, index = bench(question.portfolio, question.as_of), question.portfolio.benchmark
    if index is None:
        raise NoBenchmark
    held, market = tested.held, tested.market
    asset = Asset.objects.get(pk=held.positions[place_of(held, question.asset)].asset_id)
    grid = beta_grid(held, market, index.pk)
    both = [np.isfinite(market.benchmark_returns(each.pk, held.currency, grid)) for each in (asset, index)]
    places = np.flatnonzero(both[0] & both[1])
    if len(places) < MIN_SHARED:
        raise InsufficientData(MIN_SHARED, len(places))
    names = {"asset": f"r: daily returns of {asset.symbol}", "benchmark": "b: daily returns of the benchmark"}
    series = [
        returns_given(each, market, held.currency, grid, places, kind=kind, name=name)
        for each, (kind, name) in zip((asset, index), names.items(), strict=True)
    ]
    start, end = grid.days[places[0]].item(), grid.days[places[-1]].item()
    return Result(engine.beta(*series), held.as_of, start, end, len(places))


register(
    *(
        _figure(f"{key}{suffix}", f"{label} {when}", way, read, takes, (*asks, *more))
        for key, when, way, asks, takes in WAYS
        for suffix, label, read, more in READS
    ),
    Explained(BETA, "Beta of a holding", "ratio", "ex-ante", "stress-test", _beta, ("as_of",), ("asset",)),
)
