"""Performance from exact amounts: time-weighted returns, periods, and the lines that explain a change of value."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.errors import DomainError
from core.money import divide, multiply, quantise, subtract, total

ZERO, ONE = Decimal(0), Decimal(1)
DAYS_A_YEAR = 365


class ReturnUndefined(DomainError):
    """From this day on there is no time-weighted return: nothing was invested that could earn it."""

    def __init__(self, day: date) -> None:
        super().__init__("The return is undefined from {day}, when nothing was invested that could earn it.", day=day)
        self.day = day


@dataclass(frozen=True, slots=True)
class ValuedDay:
    """A portfolio at the end of a day, and what crossed its border that day: gross, both ≥ 0, base currency."""

    day: date
    value: Decimal
    paid_in: Decimal = ZERO
    paid_out: Decimal = ZERO


def daily_return(before: Decimal, today: ValuedDay) -> Decimal | None:
    """The time-weighted return of one day, given the value at the end of the day before; None where it is skipped.

    With d = V(t−1) + in(t) and n = V(t) + out(t), inflows at the start and outflows at the end of the day:
    n / d − 1 if d > 0 and n ≥ 0; the day is skipped if d = n = 0. Raises ReturnUndefined otherwise.
    """
    start, end = total([before, today.paid_in]), total([today.value, today.paid_out])
    if start > 0 and end >= 0:
        return subtract(divide(end, start), ONE)
    if start == end == 0:
        return None
    raise ReturnUndefined(today.day)


def time_weighted(days: Sequence[ValuedDay], opening: Decimal = ZERO) -> Decimal:
    """The chained daily returns, Π(1 + r) − 1, as a fraction; ``opening`` is the value before the first day.

    Raises ReturnUndefined, with the day from which on there is none.
    """
    growth, before = ONE, opening
    for today in days:
        earned = daily_return(before, today)
        growth = growth if earned is None else multiply(growth, total([ONE, earned]))
        before = today.value
    return subtract(growth, ONE)


def linked(returns: Iterable[Decimal]) -> Decimal:
    """Returns of consecutive periods as one, Π(1 + r) − 1."""
    return subtract(multiply(*(total([ONE, each]) for each in returns)), ONE)


# --- periods ------------------------------------------------------------------------------------------------------

# Key and name of each; a period runs from the close of its first day to the close of its last.
PERIODS = {
    "day": "1 day",
    "week": "1 week",
    "month": "1 month",
    "quarter": "3 months",
    "ytd": "Year to date",
    "year": "1 year",
    "three_years": "3 years",
    "five_years": "5 years",
    "inception": "Since inception",
}
MONTHS = {"month": 1, "quarter": 3, "half_year": 6, "year": 12, "three_years": 36, "five_years": 60}


def period_start(period: str, end: date, inception: date, previous: date) -> date:
    """The day at whose close a period begins that ends at the close of ``end``.

    ``inception`` is the day before the portfolio's first fact, when it was worth nothing; ``previous`` the last day
    before ``end`` that has a value of its own (the session before).
    """
    if period in MONTHS:
        return months_before(end, MONTHS[period])
    return {
        "day": previous,
        "week": end - timedelta(days=7),
        "ytd": date(end.year - 1, 12, 31),
        "inception": inception,
    }[period]


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def beyond_a_year(start: date, end: date) -> bool:
    """Whether a return from ``start`` to ``end`` may be brought to a year: only if it is of more than one."""
    return start < months_before(end, 12)


# --- reconciliation -----------------------------------------------------------------------------------------------

LINES = {
    "net_flows": "Paid in less taken out",
    "realised_gains": "Realised gains",
    "unrealised_gains": "Change in unrealised gains",
    "unrealised_in": "Unrealised gains that came in with transferred securities",
    "unrealised_out": "Unrealised gains that left with transferred securities",
    "income": "Income",
    "costs": "Fees and taxes outside trades",
    "currency_effect": "Currency effect on cash",
}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What changed a value from ``start_value`` to ``end_value``: signed, unrounded, in the base currency.

    The signs are those with which the lines are added: what came in unrealised and the costs are negative.
    """

    start_value: Decimal
    end_value: Decimal
    lines: Mapping[str, Decimal]

    @property
    def change(self) -> Decimal:
        return subtract(self.end_value, self.start_value)

    @property
    def unexplained(self) -> Decimal:
        """The change less its lines: exactly 0."""
        return subtract(self.change, total(self.lines.values()))

    def rounded(self, currency: str) -> Reconciliation:
        """The same in whole minor units of ``currency``; the largest line takes what rounding leaves over."""
        start, end = quantise(self.start_value, currency), quantise(self.end_value, currency)
        lines = {key: quantise(amount, currency) for key, amount in self.lines.items()}
        largest = max(lines, key=lambda key: abs(lines[key]))
        lines[largest] += end - start - total(lines.values())
        return Reconciliation(start, end, lines)


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """Cash that moved on one account, in its currency, with the rate of that day to the base currency."""

    day: date
    amount: Decimal
    rate: Decimal


def effect_of_rates(opening: Decimal, opening_rate: Decimal, moves: Sequence[BalanceChange], rate: Decimal) -> Decimal:
    """Σ over days of a foreign balance × the change of its rate, in the base currency.

    The balance is constant between two moves, so its days are taken together. ``moves`` ascend by day; ``opening``
    is the balance at ``opening_rate``, ``rate`` that of the last day.
    """
    effect, balance, before = ZERO, opening, opening_rate
    for move in moves:
        effect = total([effect, multiply(balance, subtract(move.rate, before))])
        balance, before = total([balance, move.amount]), move.rate
    return total([effect, multiply(balance, subtract(rate, before))])


def same_flows(
    opening: Decimal, flows: Sequence[tuple[Decimal, Decimal, Decimal, Decimal]], growth: Decimal
) -> Decimal:
    """What an opening value and later flows would be worth in the benchmark.

    Each flow is (paid in, paid out, the benchmark's growth from the start to the close before, the same to that day's
    close): what is paid in earns the day's return, what is paid out leaves at the close. ``growth`` is that to the end.
    """
    units = opening
    for paid_in, paid_out, before, after in flows:
        units = total([units, subtract(divide(paid_in, before), divide(paid_out, after))])
    return multiply(units, growth)
