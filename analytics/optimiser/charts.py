"""What the page draws of an optimisation: risk against return, and the walk forward. Pure; no Django."""

from __future__ import annotations

from typing import Any

import numpy as np

from analytics.charts import Chart, Line, told

Json = dict[str, Any]
ROWS = 11  # points of the frontier in its table


def plane(result: Json) -> Json:
    """The frontier, the assets and both portfolios by volatility and expected return a year, for static/plane.js."""
    frontier, optimum, current = result["frontier"], result["optimum"], result["current"]
    line = [] if "problem" in frontier else list(zip(frontier["volatility"], frontier["expected_return"], strict=True))
    portfolios = [("Optimal", "optimal", optimum)] + ([("Now", "now", current)] if current else [])
    points = [_point(name, role, found) for name, role, found in portfolios]
    points += [_point(asset["symbol"], "asset", asset) for asset in result["assets"]]
    return {"kind": "plane", "line": line, "points": points}


def _point(name: str, role: str, found: Json) -> Json:
    return {"name": name, "role": role, "at": [found["volatility"], found["expected_return"]]}


def frontier_rows(result: Json) -> list[Json]:
    """Evenly spaced points of the frontier, with the three largest weights of each and its place, from 1."""
    frontier = result["frontier"]
    if "problem" in frontier:
        return []
    symbols = [asset["symbol"] for asset in result["assets"]]
    count = len(frontier["volatility"])
    return [
        {
            "place": place + 1,
            "expected_return": frontier["expected_return"][place],
            "volatility": frontier["volatility"][place],
            "sharpe": frontier["sharpe"][place],
            "largest": _largest(symbols, frontier["weights"][place]),
        }
        for place in np.unique(np.linspace(0, count - 1, min(count, ROWS)).round().astype(int)).tolist()
    ]


def _largest(symbols: list[str], weights: list[float]) -> list[tuple[str, float]]:
    ranked = sorted(zip(symbols, weights, strict=True), key=lambda pair: -pair[1])
    return [(symbol, weight) for symbol, weight in ranked[:3] if weight > 0]


def walk(result: Json) -> Json | None:
    """The two tracks over time, as the charts over time are drawn; None where there was no walk."""
    found = result["walk_forward"]
    if "problem" in found:
        return None
    days = np.array(found["days"], dtype="datetime64[D]")
    lines = [
        Line("Optimised", "portfolio", np.array(found["optimised"], dtype=np.float64)),
        Line("Equal weights", "benchmark", np.array(found["equal"], dtype=np.float64)),
    ]
    chart = Chart(days, lines, "fraction", "", scale=False)
    return told(chart)
