"""A portfolio's amounts: what it holds is worth, cost and gained, its cash, and all together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from analytics.queries.explain.recorded import RecordedBooks, recorded_books
from analytics.queries.explain.register import Explained, NoFigure, Question, Result, register
from portfolios.queries import valuation_days
from portfolios.queries.holding_list import sums

Read = Callable[[RecordedBooks], Decimal | None]


def _amount(key: str, label: str, heading: str, read: Read, *, priced: bool, unit: str = "money") -> Explained:
    def compute(question: Question) -> Result:
        books = recorded_books(question.portfolio, question.as_of)
        if priced and not books.totals.complete:
            raise NoFigure(books.unknown(question.as_of))
        value = read(books)
        if value is None:
            raise NoFigure("nothing is invested")
        return Result(value, day_of(question))

    return Explained(key, label, unit, "books", heading, compute)


def day_of(question: Question) -> date | None:
    """The day that the books are of."""
    return question.as_of or valuation_days([question.portfolio.pk])[question.portfolio.pk]


def _total(name: str) -> Read:
    def read(books: RecordedBooks) -> Any:
        return getattr(books.totals, name)

    return read


register(
    _amount("total_value", "Total value", "value", _total("total_value"), priced=True),
    _amount("market_value", "Market value", "value", _total("market_value"), priced=True),
    _amount("invested", "Invested", "invested", _total("invested"), priced=False),
    _amount("unrealised_gain", "Unrealised gain", "unrealised-gain", _total("unrealised_gain"), priced=True),
    _amount(
        "unrealised_return",
        "Unrealised gain, part of the cost",
        "unrealised-gain",
        _total("unrealised_return"),
        priced=True,
        unit="fraction",
    ),
    _amount("realised_gain", "Realised gain", "realised-gain", _total("realised_gain"), priced=False),
    _amount("income", "Dividends", "income", lambda books: sums(books.holdings).income, priced=False),
    _amount("cash", "Cash", "cash", _total("cash"), priced=True),
    _amount("receivables", "Dividends due", "corporate-actions", _total("receivables"), priced=True),
)
