"""A trace as plain data: the inputs that lead to a result, the steps in their order, and the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

import numpy as np

from analytics.engine.recording import Node, RecordedArray
from analytics.explaining.exact import RecordedDecimal

# Longer intermediate arrays are told by their ends: they follow from the inputs, which are always whole.
WHOLE = 5_000
ENDS = 5
Plain = Any  # numbers, text, lists and mappings of them, as JSON has them


@dataclass(frozen=True, slots=True)
class Trace:
    """``inputs`` and ``steps`` have ids; ``result`` refers to one, or is the number itself where nothing was done."""

    inputs: list[dict[str, Plain]]
    steps: list[dict[str, Plain]]
    result: Plain
    value: Plain


def trace_of(result: Any) -> Trace:
    """The trace of a recorded number or of a plain one, without whatever did not lead to it."""
    node = result.node if isinstance(result, RecordedArray | RecordedDecimal) else None
    nodes = sorted(_reached(node), key=lambda found: found.number) if node else []
    inputs, steps = [found for found in nodes if found.is_input], [found for found in nodes if not found.is_input]
    names = dict(_named(inputs, steps))
    told = plain(result if node is None else node.value)
    return Trace(
        [_input(found, names[found]) for found in inputs],
        [_step(found, names) for found in steps],
        {"ref": names[node]} if node else told,
        told,
    )


def _reached(result: Node) -> set[Node]:
    found, pending = {result}, [result]
    while pending:
        for node in _nodes_in((pending[-1].arguments, pending.pop().options.values())):
            if node not in found:
                found.add(node)
                pending.append(node)
    return found


def _nodes_in(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list | tuple | type({}.values())):
        for each in value:
            yield from _nodes_in(each)


def _named(inputs: list[Node], steps: list[Node]) -> Iterator[tuple[Node, str]]:
    for number, node in enumerate(inputs, 1):
        yield node, f"i{number}"
    for number, node in enumerate(steps, 1):
        yield node, f"s{number}"


def _input(node: Node, name: str) -> dict[str, Plain]:
    return {"id": name, "name": node.name, "value": plain(node.value), "source": plain(node.source)}


def _step(node: Node, names: Mapping[Node, str]) -> dict[str, Plain]:
    step = {
        "id": name_of(node, names)["ref"],
        "part": node.part,
        "operation": node.operation,
        "arguments": [_argument(each, names) for each in node.arguments],
        "options": {name: _argument(each, names) for name, each in node.options.items()},
    }
    return step | _shown(node.value)


def name_of(node: Node, names: Mapping[Node, str]) -> dict[str, str]:
    return {"ref": names[node]}


def _argument(value: Any, names: Mapping[Node, str]) -> Plain:
    if isinstance(value, Node):
        return name_of(value, names)
    if isinstance(value, list | tuple):
        return [_argument(each, names) for each in value]
    return plain(value)


def _shown(value: Any) -> dict[str, Plain]:
    if isinstance(value, np.ndarray) and value.size > WHOLE:
        flat = value.ravel()
        ends = {"first": plain(flat[:ENDS]), "last": plain(flat[-ENDS:])}
        return {"value": None, "shape": list(value.shape), **ends}
    return {"value": plain(value)}


def plain(value: Any) -> Plain:
    """As JSON has it: a Decimal as its digits, a number that is none as its name."""
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, Decimal):
        return f"{Decimal(value):f}"
    if isinstance(value, date):
        return value.isoformat()
    return value if not isinstance(value, float) or isfinite(value) else str(value)
