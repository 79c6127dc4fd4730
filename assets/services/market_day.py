"""A provider of a market's day behind its breaker, asked by its own symbols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from assets.providers.base import (
    AnotherSecurity,
    Bar,
    Capability,
    NotCovered,
    ProviderError,
    Unavailable,
    UnknownSymbol,
)
from assets.services.asking import guarded, question, remembered
from assets.services.sources import Setting, Source


@dataclass(frozen=True, slots=True)
class Guarded:
    """``mapped`` holds the provider's symbols by ours, where they are not the same."""

    source: Source
    setting: Setting
    mapped: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.source.name

    def daily_bars(self, symbols: Sequence[str], day: date) -> list[Bar]:
        """The bars by our own symbols: from one request for all where the provider has it, else symbol by symbol.

        Raises ProviderError, with the bars that had come before it.
        """
        theirs = {self.mapped.get(symbol, symbol): symbol for symbol in symbols}
        adapter = self.source.open(self.setting)
        if hasattr(adapter, "daily_bars"):
            bars = guarded(self.source, lambda: adapter.daily_bars(list(theirs), day))
            return [_renamed(bar, theirs) for bar in bars]
        return self._one_by_one(adapter, theirs, day)

    def _one_by_one(self, adapter: Any, theirs: Mapping[str, str], day: date) -> list[Bar]:
        """It stops where the provider does not answer; a bad answer about one symbol does not keep it from the next."""
        known = remembered(Capability.HISTORY, [(self.source, symbol) for symbol in theirs])
        bars: list[Bar] = []
        failure: ProviderError | None = next((said for said in known.values() if isinstance(said, NotCovered)), None)
        for symbol in theirs:
            if (self.name, symbol) in known:
                continue
            try:
                found = question(
                    Capability.HISTORY,
                    self.source,
                    symbol,
                    None,  # whoever judges the bars knows the assets
                    lambda: adapter.history(symbol, day, day),  # noqa: B023  called at once
                )
                bars += [_renamed(bar, theirs) for bar in found]
            except (UnknownSymbol, AnotherSecurity):
                continue
            except ProviderError as error:
                failure = error
                if isinstance(error, Unavailable):
                    break
        if failure:
            failure.bars = bars
            raise failure
        return bars


def _renamed(bar: Bar, theirs: Mapping[str, str]) -> Bar:
    return replace(bar, symbol=theirs.get(bar.symbol, bar.symbol))
