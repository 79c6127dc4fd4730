"""Every kind of error that makes its own message says to English readers what it says to programs."""

from __future__ import annotations

import ast
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.utils import translation

from analytics.engine.errors import InsufficientData
from analytics.engine.limits import Constraint, Infeasible
from analytics.exposure import ShortHistory
from analytics.factor_files.errors import FactorFileError, LayoutChanged
from analytics.factor_models.overlap import TooLittleOverlap
from assets.price_lists import Problem
from assets.services.manual_prices import PriceListRefused
from core.errors import DomainError
from portfolio_site.catalogue import kinds_of_errors, parsed
from portfolios.book.performance import ReturnUndefined
from portfolios.book.types import Entry, EntryKind, Pick, PicksNotAllowed, PickUncovered, ShortSale, TransferAltered

DAY = date(2024, 3, 1)
SALE = Entry(7, EntryKind.SELL, DAY, datetime(2024, 3, 1, 15, tzinfo=UTC), Decimal(10), Decimal(100))
REFUSALS = [
    InsufficientData(60, 3),
    ShortHistory("AAPL", 60, 3),
    Infeasible("The upper limits add up to 80% only.", constraint=Constraint("upper", "", 0.2)),
    FactorFileError("It is {size} too large.", size=3),
    LayoutChanged("column {number} has no name", number=3, line=2),
    TooLittleOverlap("they share {shared}", got=0, shared=DomainError("nothing")),
    PriceListRefused("{count} lines are wrong, the first: {reason}", [Problem(1, "no")], count=1, reason="no"),
    ReturnUndefined(DAY),
    ShortSale(SALE, Decimal(3)),
    PickUncovered(SALE, Pick(5, 0, Decimal(4)), Decimal(3)),
    PickUncovered(SALE, Pick(5, 0, Decimal(4)), None),
    PicksNotAllowed(SALE, "fifo"),
    TransferAltered(SALE),
]


def test_each_kind_with_its_own_message_is_among_them() -> None:
    trees = parsed()
    known = kinds_of_errors(trees)
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    makers = {
        node.name
        for node in classes
        if node.name in known
        and any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body)
    }
    assert makers == makers & {kind.__name__ for error in REFUSALS for kind in type(error).__mro__}


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: type(error).__name__)
def test_english_readers_read_what_programs_do(error: DomainError) -> None:
    assert error.message == str(error)
    assert "{" not in error.message


def test_values_are_in_the_message() -> None:
    assert str(ShortHistory("AAPL", 60, 3)) == "AAPL: needs 60 days, has 3"
    assert str(ShortSale(SALE, Decimal("3.50"))) == "10 sold on 2024-03-01, but 3.5 held at that time."
    assert str(LayoutChanged("column {number} has no name", number=3, line=2)) == "Line 2: column 3 has no name"


@pytest.mark.parametrize("error", [ShortHistory("AAPL", 60, 3), InsufficientData(60, 3), REFUSALS[2]])
def test_another_process_gets_the_same(error: DomainError) -> None:
    with translation.override("de"):
        again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.message) == (type(error), str(error), str(error))


def test_others_read_it_in_their_language() -> None:
    with translation.override("de"):
        assert ShortHistory("AAPL", 60, 3).message == "AAPL: braucht 60 Tage, hat 3"
        assert ShortSale(SALE, Decimal(3)).message == "10 am 2024-03-01 verkauft, damals waren aber nur 3 im Bestand."
        assert REFUSALS[4].message == "Zeile 2: Spalte 3 hat keinen Namen"
        assert REFUSALS[5].message == "they share nichts"  # only the whole sentence has German words
