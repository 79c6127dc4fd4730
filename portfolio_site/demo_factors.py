"""The demo's factor sets: style factors from the demo's own closes, and monthly ones from a file."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

from analytics.models import FactorSet
from analytics.services.factors import (
    NewFactor,
    NewFactorSet,
    create_factor_set,
    read_files,
    store_returns,
    table_of,
)

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
NAMED = ("key", "name", "description", "source", "frequency", "region", "currency")
DECIMALS = 12  # beyond these a return of two closes says nothing


def load_factors() -> dict[str, int]:
    """Each factor set's name and how many of its returns are new or changed; a set that exists keeps its words."""
    rows: list[dict[str, Any]] = json.loads((FIXTURES / "factors.json").read_text())
    return dict(_load(row) for row in rows)


def _load(row: dict[str, Any]) -> tuple[str, int]:
    known = FactorSet.objects.filter(key=row["key"]).first()
    made = known or create_factor_set(new=_new(row), actor=None)
    keys = [factor["key"] for factor in row["factors"]]
    if "file" in row:
        content = (FIXTURES / row["file"]).read_bytes()
        table = read_files([content], percent=False, frequency=made.frequency).only(keys)
    else:
        table = table_of(style_returns(row["factors"]), made.frequency)
    loaded = store_returns(factor_set=made, table=table, actor=None)
    return made.name, loaded.added + loaded.changed


def _new(row: dict[str, Any]) -> NewFactorSet:
    factors = [
        NewFactor(factor["key"], factor.get("name", ""), factor.get("description", ""), factor.get("risk_free", False))
        for factor in row["factors"]
    ]
    return NewFactorSet(**{name: row[name] for name in NAMED}, factors=factors)


def style_returns(factors: list[dict[str, str]]) -> list[tuple[date, dict[str, float | None]]]:
    """What each factor's column returned on each day, less what the column that it is "over" did."""
    columns = {name for factor in factors for name in (factor["column"], factor.get("over", ""))} - {""}
    found: list[tuple[date, dict[str, float | None]]] = []
    before: dict[str, float] = {}
    with gzip.open(FIXTURES / "closes.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            closes = {name: float(row[name]) for name in columns if row[name]}
            if closes.keys() == before.keys() == columns:
                returns = {name: closes[name] / before[name] - 1.0 for name in columns}
                values: dict[str, float | None] = {
                    factor["key"]: round(returns[factor["column"]] - returns.get(factor.get("over", ""), 0.0), DECIMALS)
                    for factor in factors
                }
                found.append((date.fromisoformat(row["date"]), values))
            before = closes
    return found
