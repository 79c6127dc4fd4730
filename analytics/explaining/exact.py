"""Decimals that remember how they came about: the books' own functions leave a trace when they are given some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, getcontext
from typing import Any, Self

from analytics.engine.recording import OPERATIONS, Node, RecordedArray, node_of, noted, part_of_work
from core.money import EXACT, Witnessed

_BOTH = {"add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "mod": "remainder"}


OPERATIONS.update(_BOTH.values(), ("sum", "negative", "absolute", "round", "share_of_sum"))
OPERATIONS.update(("internal_rate", "over_days", "annualised"))  # of recorded_call


class RecordedDecimal(Witnessed):
    """A Decimal with the node that tells where it comes from.

    It is worth what the plain one is in every comparison and sum. ``core.money`` and the operators record; whatever
    else makes a new number of one gives a plain Decimal.
    """

    node: Node

    @classmethod
    def of(cls, node: Node) -> Self:
        made = cls(node.value)
        made.node = node
        return made

    def witness(self, operation: str, operands: Sequence[Decimal], value: Decimal, **options: Any) -> Decimal:
        return self._made(operation, operands, value, options)

    def quantize(self, exp: Any, rounding: str | None = None, context: Context | None = None) -> Decimal:
        value = Decimal(self).quantize(exp, rounding, context)
        if rounding != ROUND_HALF_UP:
            raise TypeError(f"rounding by {rounding} is not recorded")
        return self._made("round", [self], value, {"decimals": -int(exp.as_tuple().exponent)})

    def __neg__(self) -> Decimal:
        return self._made("negative", [self], -Decimal(self), {})

    def __abs__(self) -> Decimal:
        return self._made("absolute", [self], abs(Decimal(self)), {})

    def _made(self, operation: str, operands: Sequence[Decimal], value: Decimal, options: Mapping[str, Any]) -> Decimal:
        nodes = tuple(each.node if isinstance(each, RecordedDecimal) else each for each in operands)
        return type(self).of(Node(value, operation, nodes, options, part=part_of_work()))


def _operator(name: str, *, turned: bool) -> Callable[[RecordedDecimal, Any], Any]:
    plain = getattr(Decimal, f"__{name}__")
    whole = getattr(EXACT, _BOTH[name])

    def combined(self: RecordedDecimal, other: Any) -> Any:
        if not isinstance(other, Decimal | int):
            return NotImplemented
        operands = [Decimal(other), self] if turned else [self, Decimal(other)]
        if isinstance(other, RecordedDecimal):
            operands[0 if turned else 1] = other
        value = plain(*map(Decimal, operands))
        # Operators round to the digits of the thread's context; the vocabulary says 50 unless a step says otherwise.
        digits = {} if value == whole(*map(Decimal, operands)) else {"digits": getcontext().prec}
        return self._made(_BOTH[name], operands, value, digits)

    return combined


for _name in _BOTH:
    setattr(RecordedDecimal, f"__{_name}__", _operator(_name, turned=False))
    setattr(RecordedDecimal, f"__r{_name}__", _operator(_name, turned=True))


def given(value: Decimal, name: str, source: Mapping[str, Any]) -> Decimal:
    """An input: ``name`` says what it is, ``source`` where it stands."""
    return RecordedDecimal.of(Node(Decimal(value), name=name, source=source))


def recorded_call(operation: str, function: Callable[..., float], *arguments: Any, **options: Any) -> RecordedArray:
    """What a function of the books makes of recorded decimals or floats, as one operation of the vocabulary."""
    made: RecordedArray = noted(operation, lambda *_: function(*arguments, **options), *map(_node, arguments))
    return made


def _node(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_node(each) for each in value]
    return value.node if isinstance(value, RecordedDecimal) else node_of(value)
