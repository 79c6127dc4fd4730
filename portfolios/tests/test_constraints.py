"""What the database itself refuses, whoever writes: figures that are no number or that no column should hold."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from assets.tests.factories import make_asset
from portfolios.models import Disposal, Investment, Lot
from portfolios.tests.factories import buy, make_portfolio, sell
from users.models import User

MONEY = [
    *((Lot, column) for column in ("cost", "cost_base")),
    *((Investment, column) for column in ("cost", "cost_base", "realised_gain", "realised_gain_base")),
    *((Disposal, column) for column in ("proceeds", "cost", "proceeds_base", "cost_base", "price_gain")),
]
QUANTITIES = [(Lot, "quantity"), (Lot, "opened_quantity"), (Investment, "quantity"), (Disposal, "quantity")]
# SQLite stores no NaN; there the bound itself is tried.
VALUE = "'NaN'" if connection.vendor == "postgresql" else "1e18"


@pytest.mark.parametrize(("model", "column"), [*MONEY, *QUANTITIES], ids=lambda part: getattr(part, "__name__", part))
def test_a_figure_is_a_number_within_bounds(alice: User, model: type[Lot | Investment | Disposal], column: str) -> None:
    portfolio, asset = make_portfolio(alice), make_asset("KO")
    buy(portfolio, asset, 3, 10, "2024-01-03")
    sell(portfolio, asset, 1, 11, "2024-01-04")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {model._meta.db_table} SET {column} = {VALUE}")
