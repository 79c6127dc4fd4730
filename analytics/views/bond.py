"""The bond on the page of a holding: its figures, and what it will pay to who holds it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from analytics.queries.bonds import BOND_LABELS, BondReport, NoBondTerms, bond_report, terms_of
from assets.bonds import PAR, BondTerms, Flow, cash_flows
from assets.models import Asset, AssetType
from core.errors import DomainError
from core.money import multiply, total
from portfolios.queries.holdings import Holding

PAYMENTS_SHOWN = 12


def bond_card(asset: Asset, holding: Holding | None, day: date | None, as_of: date | None) -> dict[str, Any] | None:
    """What ``analytics/_bond.html`` shows at ``day`` (None: the last close), or None for what is no bond; 2 queries.

    ``problem`` says why there are no figures; payments are those after ``as_of``, in the asset's currency.
    """
    if asset.type != AssetType.BOND:
        return None
    try:
        terms = terms_of(asset)
    except NoBondTerms as error:
        return {"problem": error.message}
    units = multiply(holding.quantity, asset.price_factor) if holding else Decimal(0)
    card = {"terms": terms, "payments": as_of and _payments(terms, units, as_of), "shown": PAYMENTS_SHOWN}
    try:
        report = bond_report(asset, terms, day)
    except DomainError as error:
        return card | {"problem": error.message}
    return card | {"report": report, "figures": _figures(report), "interest": multiply(units, report.accrued)}


def _figures(report: BondReport) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "name": label.name,
            "heading": label.heading,
            "unit": label.unit,
            "value": getattr(report.figures, key),
        }
        for key, label in BOND_LABELS.items()
    ]


def _payments(terms: BondTerms, units: Decimal, day: date) -> dict[str, Any] | None:
    """The next payments in money, how many there are, and their sum; None where nothing is held or to come."""
    flows = cash_flows(terms, day)
    if not units or not flows:
        return None
    rows = [Flow(flow.day, multiply(units, flow.amount)) for flow in flows]
    return {
        "rows": rows[:PAYMENTS_SHOWN],
        "count": len(rows),
        "total": total(row.amount for row in rows),
        "last": rows[-1],
        "nominal": multiply(units, PAR),
    }
