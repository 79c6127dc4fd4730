"""Arrays that remember how they came about: the engine's own functions leave a trace when they are given some.

A ``RecordedArray`` is a float64 array with a ``Node``: what it is (an input), or the operation and the nodes that
made it. Whatever NumPy does with one gives another one, so that the result of an engine function leads back to its
inputs. What does not lead to it, such as a check, is not reached from there. Operations are named in
``docs/explain.md``; one that is not there, and writing into a recorded array, is a ``TypeError``: no figure is
explained half.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

P = ParamSpec("P")
R = TypeVar("R")

# NumPy's name to the one of the vocabulary, for a function that works element by element.
_ELEMENTS = {
    "absolute": "absolute",
    "add": "add",
    "bitwise_and": "and",
    "bitwise_or": "or",
    "copysign": "copysign",
    "divide": "divide",
    "equal": "equal",
    "exp": "exp",
    "expm1": "expm1",
    "greater": "greater",
    "greater_equal": "greater_equal",
    "invert": "not",
    "isfinite": "isfinite",
    "isinf": "isinf",
    "isnan": "isnan",
    "less": "less",
    "less_equal": "less_equal",
    "log1p": "log1p",
    "logical_and": "and",
    "logical_not": "not",
    "logical_or": "or",
    "matmul": "dot",
    "maximum": "maximum",
    "minimum": "minimum",
    "multiply": "multiply",
    "ndtri": "normal_quantile",
    "negative": "negative",
    "not_equal": "not_equal",
    "power": "power",
    "sqrt": "sqrt",
    "square": "square",
    "subtract": "subtract",
}
# The same for one that is applied along an axis.
_ALONG = {
    ("add", "accumulate"): "running_sum",
    ("add", "reduce"): "sum",
    ("logical_and", "reduce"): "all",
    ("logical_or", "accumulate"): "running_any",
    ("logical_or", "reduce"): "any",
    ("maximum", "accumulate"): "running_maximum",
    ("maximum", "reduce"): "greatest",
    ("minimum", "reduce"): "least",
    ("multiply", "accumulate"): "running_product",
    ("multiply", "outer"): "outer",
    ("multiply", "reduce"): "product",
}
_FUNCTIONS = {
    "all": "all",
    "any": "any",
    "broadcast_to": "repeated",
    "clip": "clip",
    "column_stack": "side_by_side",
    "concatenate": "joined",
    "cumsum": "running_sum",
    "diag": "diagonal",
    "full_like": "full_like",
    "hstack": "joined",
    "inv": "inverse",
    "max": "greatest",
    "mean": "mean",
    "min": "least",
    "ones_like": "full_like",
    "outer": "outer",
    "prod": "product",
    "quantile": "quantile",
    "std": "std",
    "sum": "sum",
    "var": "variance",
    "where": "where",
    "zeros_like": "zeros_like",
}
# What asks only for the form of an array, or whether two agree: nothing is computed from the answer.
_FORMS = {"allclose", "ndim", "shape", "size", "may_share_memory", "shares_memory", "result_type", "can_cast"}
_MODULES = ("analytics.", "portfolios.", "assets.")
_RECORDERS = ("analytics.engine.recording", "analytics.explaining", "analytics.queries.explain")
_TOOLS = {"root", "added"}  # functions that say nothing of what they are used for
_COUNT = count()
# Every operation that a step may have: those here, those of decorated functions, and those of decimals.
OPERATIONS = {
    *_ELEMENTS.values(),
    *_ALONG.values(),
    *_FUNCTIONS.values(),
    "at",
    "chosen",
    "item",
    "picked",
    "transposed",
}


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value and what it came from: ``operation`` on ``arguments`` (nodes and constants), or nothing for an input.

    ``part`` is the function in which it was computed; ``name`` and ``source`` are an input's. Nodes are numbered in
    the order in which they came about.
    """

    value: Any
    operation: str = ""
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    number: int = field(default_factory=lambda: next(_COUNT))

    @property
    def is_input(self) -> bool:
        return not self.operation


class RecordedArray(np.ndarray[Any, np.dtype[Any]]):
    """An array with the node that tells where it comes from. ``given`` makes one of an input."""

    _node: Node | None

    def __array_finalize__(self, other: Any) -> None:
        self._node = None  # of a view that was made past this class there is no record

    @classmethod
    def given(cls, values: ArrayLike, name: str, source: Mapping[str, Any] | None = None) -> Self:
        """An input."""
        plain = np.asarray(values) if isinstance(values, int) else np.array(values, dtype=np.float64)
        return cls.of(Node(plain, name=name, source=source or {}))

    @classmethod
    def of(cls, node: Node) -> Self:
        made = np.asarray(node.value).view(cls)
        made._node = node  # noqa: SLF001  its own
        return made

    @property
    def node(self) -> Node:
        if self._node is None:
            raise TypeError("this array came about by what is not recorded")
        return self._node

    @property
    def plain(self) -> Any:
        return self.view(np.ndarray)[()]

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        name = _ELEMENTS.get(ufunc.__name__) if method == "__call__" else _ALONG.get((ufunc.__name__, method))
        if name is None or any(type(each) is np.ndarray for each in out or ()):
            raise TypeError(f"{ufunc.__name__}.{method} is not recorded")
        options.pop("where", None) if options.get("where") is True else None
        return noted(name, getattr(ufunc, method), *inputs, **options)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func.__name__ in _FORMS:
            return func(*(unwrapped(each) for each in args), **kwargs)
        name = _FUNCTIONS.get(func.__name__)
        if name is None:
            raise TypeError(f"{func.__name__} is not recorded")
        return noted(name, func, *args, **kwargs)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, RecordedArray | np.ndarray):
            return noted("chosen" if place.dtype == bool else "picked", np.ndarray.__getitem__, self, place)
        axes = place if isinstance(place, tuple) else (place,)
        if not all(isinstance(each, int | np.integer | slice | None) for each in axes):
            raise TypeError(f"a place such as {place!r} is not recorded")
        return noted("item", lambda array, index: np.asarray(array)[_slice(index)], self, index=_told(place))

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __setitem__(self, place: Any, value: Any) -> None:
        raise TypeError("a recorded array is not written into")

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        return self if self.ndim < 2 else noted("transposed", np.transpose, self)

    def copy(self, order: Any = "C") -> Any:
        return self

    def all(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("all", np.all, self, axis=axis, **options)

    def any(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("any", np.any, self, axis=axis, **options)

    def max(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("greatest", np.max, self, axis=axis, **options)

    def mean(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("mean", np.mean, self, axis=axis, **options)

    def min(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("least", np.min, self, axis=axis, **options)

    def sum(self, axis: Any = None, **options: Any) -> Any:  # type: ignore[override]
        return noted("sum", np.sum, self, axis=axis, **options)


def noted(operation: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """What ``function`` makes of the plain values of ``arguments`` and ``options``, with a node that says so."""
    kept = {name: value for name, value in options.items() if value is not None}
    value = function(*map(unwrapped, arguments), **{name: unwrapped(each) for name, each in kept.items()})
    made = np.array(value) if isinstance(value, np.ndarray) else np.asarray(value)
    nodes = {name: node_of(each) for name, each in kept.items() if name != "keepdims"}
    return RecordedArray.of(Node(made, operation, tuple(map(node_of, arguments)), nodes, part=part_of_work()))


def operation(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a function one operation of the vocabulary: given something recorded it leaves a node for the whole.

    For what would be many steps that nobody reads, or that is no arithmetic: an order, a table, random numbers.
    """

    OPERATIONS.add(name)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def told(*arguments: P.args, **options: P.kwargs) -> R:
            if any(isinstance(each, RecordedArray) for each in (*arguments, *options.values())):
                return cast("R", noted(name, function, *arguments, **options))
            return function(*arguments, **options)

        return told

    return decorate


def unwrapped(value: Any) -> Any:
    """The plain value, also within a list or tuple; a recorded number as a plain one."""
    if isinstance(value, RecordedArray):
        return value.plain.item() if value.ndim == 0 else value.plain
    if isinstance(value, list | tuple):
        return type(value)(unwrapped(each) for each in value)
    return value


def node_of(value: Any) -> Any:
    """The node of something recorded, a constant itself."""
    if isinstance(value, RecordedArray):
        return value.node
    if isinstance(value, list | tuple):
        return tuple(node_of(each) for each in value)
    return value


def part_of_work() -> str:
    """The nearest function of the product in which this is computed."""
    frame = sys._getframe(1)  # noqa: SLF001  the documented way to a frame
    while frame.f_back is not None:
        frame = frame.f_back
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
        inside = module.startswith(_MODULES) and not module.startswith(_RECORDERS)
        if inside and name not in _TOOLS and not name.startswith("<"):
            return name.strip("_")
    return ""


def at(column: Any, place: Any) -> Any:
    """The one of a recorded ``column`` (T,) at a ``place`` that was computed, counted from 0."""
    return noted("at", lambda values, found: np.asarray(values)[int(found)], column, place)


def _told(place: Any) -> Any:
    if isinstance(place, tuple):
        return [_told(each) for each in place]
    if isinstance(place, slice):
        return {"from": place.start, "to": place.stop, "step": place.step}
    return None if place is None else int(place)


def _slice(index: Any) -> Any:
    if isinstance(index, list):
        return tuple(map(_slice, index))
    return slice(index["from"], index["to"], index["step"]) if isinstance(index, dict) else index


def plain_array(values: ArrayLike) -> NDArray[Any]:
    """``values`` without their record."""
    return np.asarray(unwrapped(values))
