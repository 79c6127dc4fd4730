"""Rows of trades.csv."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from banking.statements import base
from banking.statements.base import Decimals, Wrong, shortened, words

COLUMNS = (*("account_ref", "trade_time", "symbol", "isin", "side", "qty", "price", "fees", "currency", "external_id"),)
SIDES = {"BUY": "buy", "SELL": "sell"}


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One row. Numbers are plain texts with a point, times ISO 8601, with their zone in UTC where they have one."""

    account_ref: str
    time: str
    symbol: str
    isin: str
    side: str
    quantity: str
    price: str
    fees: str
    currency: str
    external_id: str


class TradeParser:
    """Cells to rows, for one file whose columns stand at ``places`` (in the order of COLUMNS)."""

    def __init__(self, places: Sequence[int]) -> None:
        self._places = tuple(places)
        self._decimals = Decimals()

    def parse(self, cells: Sequence[str]) -> TradeRow:
        """Raises Wrong with what is the matter."""
        if len(cells) != len(COLUMNS):
            raise Wrong(f"{len(cells)} columns instead of {len(COLUMNS)}")
        given = [cells[place].strip() for place in self._places]
        ref, time, symbol, isin, side, quantity, price, fees, currency, external_id = given
        if not ref:
            raise Wrong("account_ref is missing")
        if not symbol and not isin:
            raise Wrong("symbol and isin are both missing")
        if side.upper() not in SIDES:
            raise Wrong(f"side “{shortened(side)}” is not BUY or SELL")
        number = self._decimals.plain
        return TradeRow(
            account_ref=words("account_ref", ref, 40),
            time=base.instant("trade_time", time),
            symbol=words("symbol", symbol, 32).upper(),
            isin=words("isin", isin, 12).upper(),
            side=SIDES[side.upper()],
            quantity=number("qty", quantity),
            price=number("price", price),
            fees=number("fees", fees) if fees else "0",
            currency=words("currency", currency, 3),
            external_id=words("external_id", external_id, 64),
        )
