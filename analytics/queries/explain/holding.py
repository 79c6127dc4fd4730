"""What is told of one asset of a portfolio: quantity, cost, price, value, gains, income, weight."""

from __future__ import annotations

from analytics.queries.explain.books import day_of
from analytics.queries.explain.recorded import recorded_holding, recorded_holdings
from analytics.queries.explain.register import Explained, NeverHeld, NoFigure, Question, Result, register
from assets.models import Asset
from portfolios.queries import Holding

# Column of a holding, name, unit, heading of the method.
COLUMNS = (
    ("quantity", "Quantity", "units", "value"),
    ("average_cost", "Average cost", "price", "invested"),
    ("price", "Price", "price", "prices-and-price-factors"),
    ("dirty_price", "Price with accrued interest", "price", "accrued-interest"),
    ("cost_base", "Cost", "money", "invested"),
    ("value", "Value", "money", "value"),
    ("unrealised_gain", "Unrealised gain", "money", "unrealised-gain"),
    ("unrealised_return", "Unrealised gain, part of the cost", "fraction", "unrealised-gain"),
    ("realised_gain", "Realised gain", "money", "realised-gain"),
    ("income", "Dividends", "money", "income"),
    ("weight", "Weight", "fraction", "weights"),
)
UNKNOWN = "no price or exchange rate is known"


def _held(question: Question, *, whole: bool) -> Holding:
    """The asset that is asked for; among all others where it is a share of the ``whole``. Raises NeverHeld."""
    portfolio, day = question.portfolio, question.as_of
    asset = Asset.objects.filter(symbol=question.asset, pk__in=portfolio.investments.values("asset")).first()
    if asset and whole:
        found = (each for each in recorded_holdings(portfolio, day) if each.asset_id == asset.pk)
        held = next(found, None)
    else:
        held = recorded_holding(portfolio, asset, day) if asset else None
    if held is None:
        raise NeverHeld("This portfolio did not have “{asset}”.", asset=question.asset, field="asset")
    return held


def _column(name: str, label: str, unit: str, heading: str) -> Explained:
    def compute(question: Question) -> Result:
        held = _held(question, whole=name == "weight")
        value = getattr(held, name)
        if value is None:
            raise NoFigure(UNKNOWN if held.value is None else "nothing was paid for what is held")
        return Result(value, day_of(question))

    key = f"holding_{name.removesuffix('_base')}"
    return Explained(key, f"{label} of a holding", unit, "books", heading, compute, asks=("asset",))


register(*(_column(*column) for column in COLUMNS))
