"""What happens to the money of a simulated person or firm, month by month. Pure; the seed decides all."""

from __future__ import annotations

import random
from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from portfolio_site.simulation.lives import Firm, Person, Quirk, seeded

CENT = Decimal("0.01")
GROCERS = ("Corner Market", "Fresh & Co", "Valley Grocers")
TABLES = ("Trattoria Luna", "Noodle Bar", "Café Central", "Old Mill")
SHOPS = ("City Outfitters", "Page & Ink", "Green Garden", "Tech Corner")
SUBSCRIPTIONS = (("Streambox", "12.99"), ("Tunely", "9.99"), ("Daily Courier", "19.50"), ("Fit Club", "44.00"))
CUSTOMERS = ("Alpine Retail", "Metro Stores", "Union Works", "Bright Homes", "Delta Group")
SUPPLIERS = ("Paper & Parts", "Cloud Nine Hosting", "Prime Freight")


class End(NamedTuple):
    """An account: whose ("person" or "firm", number; None for one's own), and which."""

    whose: tuple[str, int] | None
    account: str


@dataclass(frozen=True, slots=True)
class Event:
    """An amount that enters (or, negative, leaves) one of one's own accounts on a day.

    With ``to`` it moves from ``account`` to that end, whose row is of ``to_section`` and ``to_category``.
    """

    day: date
    account: str
    amount: Decimal
    section: str
    category: str = ""
    party: str = ""
    text: str = ""
    to: End | None = None
    to_section: str = "transfer"
    to_category: str = ""


@dataclass(slots=True)
class Purse:
    """What a person's accounts hold as the months go by, so that nobody spends what is not there by accident."""

    held: dict[str, Decimal] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def add(self, event: Event) -> None:
        self.held[event.account] = self.held.get(event.account, Decimal(0)) + event.amount
        if event.to and event.to.whose is None:
            self.held[event.to.account] = self.held.get(event.to.account, Decimal(0)) - event.amount
        self.events.append(event)

    def spend(self, day: date, account: str, amount: Decimal, category: str, party: str, text: str = "") -> None:
        self.add(Event(day, account, -amount, "expense", category, party, text or party))

    def move(self, day: date, source: str, target: str, amount: Decimal, category: str, text: str) -> None:
        if amount > 0:
            self.add(
                Event(day, source, -amount, "transfer", category, "", text, End(None, target), "transfer", category)
            )


def cents(rng: random.Random, low: float, high: float) -> Decimal:
    return Decimal(rng.randint(round(low * 100), round(high * 100))) * CENT


def months(start: date, until: date) -> Iterator[date]:
    """The first days of the months from ``start`` to ``until``."""
    first = start.replace(day=1)
    while first <= until:
        yield first
        first = (first + timedelta(days=32)).replace(day=1)


def on(first: date, day: int) -> date:
    """That day of the month, or its last."""
    return first.replace(day=min(day, monthrange(first.year, first.month)[1]))


def raised(wage: Decimal, person: Person, seed: int, first: date) -> Decimal:
    """The wage of a month: each April it grows by up to 5 %."""
    if first.month != 4:
        return wage
    rng = seeded(seed, "raise", person.number, first.year)
    return (wage * (1 + cents(rng, 0.0, 0.05))).quantize(CENT)


# --- people -------------------------------------------------------------------------------------------------------


def opening(person: Person) -> dict[str, Decimal]:
    """What is in a person's accounts on the first day, by account."""
    found = {"checking": Decimal(person.wage), "savings": Decimal(person.wage * 2)}
    found |= {"card": Decimal(0)} if person.card else {}
    found |= {"loan": Decimal(-person.wage * 60)} if person.owns else {}
    found |= {"expenses": Decimal(0)} if person.travels and person.employer is not None else {}
    found |= {"old savings": Decimal(1234)} if person.quirk == Quirk.DORMANT else {}
    return found


def life(person: Person, seed: int, start: date, until: date) -> list[Event]:
    """Everything that a person's accounts see, but trades, in the order of days."""
    rng, purse = seeded(seed, "life", person.number), Purse(opening(person))
    wage = Decimal(person.wage)
    for first in months(start, until):
        wage = raised(wage, person, seed, first)
        _month(person, rng, purse, first, wage)
    if person.quirk == Quirk.OUTFLOW:
        purse.spend(until - timedelta(days=4), "checking", wage * 2 + Decimal("371.40"), "", "Golden Opportunity Ltd")
    if person.quirk == Quirk.OVERDRAWN:
        left = purse.held["checking"]
        purse.spend(until - timedelta(days=2), "checking", left + Decimal("412.77"), "Repairs", "Roof & Sons")
    return sorted((event for event in purse.events if start <= event.day <= until), key=lambda event: event.day)


def _month(person: Person, rng: random.Random, purse: Purse, first: date, wage: Decimal) -> None:
    if person.employer is None:
        purse.add(Event(on(first, 25), "checking", wage, "income", "Self-employment", "Own clients", "Invoices"))
    else:  # the firm pays it, see Firm; the purse only knows that it comes
        purse.held["checking"] += wage
    _home(person, rng, purse, first)
    _everyday(person, rng, purse, first, wage)
    _work(person, rng, purse, first)
    invested = (wage * Decimal(str(person.invests))).quantize(CENT)
    purse.move(on(first, 26), "checking", "brokerage", invested, "Investing", "Monthly investment")
    spare = purse.held["checking"] - wage
    if spare > wage:
        purse.move(on(first, 27), "checking", "savings", (spare / 2).quantize(CENT), "Savings", "To savings")
    elif spare < 0 and purse.held["savings"] > -spare:
        purse.move(on(first, 27), "savings", "checking", (-spare).quantize(CENT), "Savings", "From savings")
    if first.month == 12:
        interest = max(purse.held["savings"], Decimal(0)) * Decimal("0.01")
        purse.add(Event(on(first, 31), "savings", interest.quantize(CENT), "income", "Interest", "Bank", "Interest"))


def _home(person: Person, rng: random.Random, purse: Purse, first: date) -> None:
    if person.owns:
        owed = -purse.held["loan"]
        purse.spend(on(first, 1), "checking", (owed * Decimal("0.0015")).quantize(CENT), "Loan interest", "Bank")
        purse.move(on(first, 1), "checking", "loan", min(owed, Decimal(person.wage // 8)), "Loan repayment", "Mortgage")
    else:
        purse.spend(on(first, 1), "checking", Decimal(person.rent), "Rent", "Town Homes", "Rent")
    purse.spend(on(first, 5), "checking", cents(rng, 60, 140), "Utilities", "City Power")
    purse.spend(on(first, 8), "checking", Decimal("39.90"), "Phone", "Telco", "Mobile plan")
    purse.spend(on(first, 12), "checking", cents(rng, 180, 190), "Health insurance", "Mutual Health")
    if first.month % 3 == 0:
        purse.spend(on(first, 20), "checking", cents(rng, person.wage * 0.2, person.wage * 0.3), "Taxes", "Tax Office")


def _everyday(person: Person, rng: random.Random, purse: Purse, first: date, wage: Decimal) -> None:
    daily, scale = "card" if person.card else "checking", float(wage) / 4000
    for _ in range(rng.randint(5, 9)):
        purse.spend(
            on(first, rng.randint(1, 28)), daily, cents(rng, 18, 95 * scale + 20), "Groceries", rng.choice(GROCERS)
        )
    for _ in range(rng.randint(1, 4)):
        purse.spend(
            on(first, rng.randint(1, 28)), daily, cents(rng, 14, 60 * scale + 20), "Restaurants", rng.choice(TABLES)
        )
    for _ in range(rng.randint(0, 2)):
        purse.spend(
            on(first, rng.randint(1, 28)), daily, cents(rng, 20, 150 * scale + 30), "Shopping", rng.choice(SHOPS)
        )
    purse.spend(on(first, 2), daily, Decimal(65), "Public transport", "Metro", "Monthly pass")
    for name, price in SUBSCRIPTIONS[: 1 + person.number % len(SUBSCRIPTIONS)]:
        purse.spend(on(first, 14), daily, Decimal(price), "Subscriptions", name)
    if first.month == 7:
        purse.spend(on(first, 10), daily, cents(rng, 400 * scale, 1200 * scale + 100), "Travel", "Sunny Days")
    if rng.random() < 0.15:
        friend = person.number + 1 if person.number % 2 == 0 else person.number - 1
        text = rng.choice(("Dinner last week", "Concert tickets", "Birthday present together"))
        to, amount = End(("person", friend), "checking"), cents(rng, 15, 90)
        purse.add(
            Event(
                on(first, 18), "checking", -amount, "expense", "Gifts and donations", "", text, to, "income", "Refunds"
            )
        )
    if person.card:
        owed = -purse.held["card"]
        purse.move(on(first, 28), "checking", "card", owed, "Card payment", "Card settlement")


def _work(person: Person, rng: random.Random, purse: Purse, first: date) -> None:
    """What is spent for the firm; it pays it back at the end of the month, see ``business``."""
    if "expenses" not in purse.held or rng.random() < 0.4:
        return
    for _ in range(rng.randint(1, 3)):
        where = rng.choice(("Rail Company", "Hotel Terminus", "Air Regional"))
        purse.spend(on(first, rng.randint(3, 20)), "expenses", cents(rng, 40, 420), "Business travel", where)


# --- firms --------------------------------------------------------------------------------------------------------


def business(
    firm: Firm, staff: Sequence[Person], spent: dict[int, list[Event]], seed: int, start: date, until: date
) -> list[Event]:
    """Everything that a firm's operating account sees. ``spent`` are the events of its people's expense accounts."""
    rng, purse = seeded(seed, "business", firm.number), Purse({"operating": Decimal(firm.sales * 2)})
    paid = {person.number: Decimal(person.wage) for person in staff}
    for first in months(start, until):
        _trade(firm, rng, purse, first)
        _pay(purse, staff, paid, seed, first)
        _repay(purse, spent, first)
        invested = (Decimal(firm.sales) * Decimal(str(firm.invests))).quantize(CENT)
        purse.move(on(first, 26), "operating", "brokerage", invested, "Investing", "Treasury")
    return sorted((event for event in purse.events if start <= event.day <= until), key=lambda event: event.day)


def hiring(
    firm: Firm, staff: Sequence[Person], spent: dict[int, list[Event]], seed: int, start: date, until: date
) -> list[Event]:
    """What newcomers bring to a firm that has its months: their wages and expenses, and sales that pay for them."""
    purse, paid = Purse({"operating": Decimal(0)}), {person.number: Decimal(person.wage) for person in staff}
    customer = CUSTOMERS[firm.number % len(CUSTOMERS)]
    for first in months(start, until) if staff else ():
        _pay(purse, staff, paid, seed, first)
        _repay(purse, spent, first)
        cost = -purse.held["operating"]
        purse.add(Event(on(first, 24), "operating", cost, "income", "Sales", customer, f"Invoice {customer}"))
    return sorted((event for event in purse.events if start <= event.day <= until), key=lambda event: event.day)


def _pay(purse: Purse, staff: Sequence[Person], paid: dict[int, Decimal], seed: int, first: date) -> None:
    """Pay everybody's wage of the month; ``paid`` are the wages of the month before."""
    for person in staff:
        paid[person.number] = wage = raised(paid[person.number], person, seed, first)
        text, to = f"Salary {first:%B %Y}", End(("person", person.number), "checking")
        purse.add(Event(on(first, 25), "operating", -wage, "expense", "Payroll", "", text, to, "income", "Salary"))


def _trade(firm: Firm, rng: random.Random, purse: Purse, first: date) -> None:
    left = Decimal(firm.sales) * cents(rng, 0.9, 1.15)
    for customer in rng.sample(CUSTOMERS, 3):
        part = (left / 3).quantize(CENT)
        purse.add(
            Event(on(first, rng.randint(3, 24)), "operating", part, "income", "Sales", customer, f"Invoice {customer}")
        )
    purse.spend(on(first, 1), "operating", Decimal(firm.sales // 20), "Office", "Town Homes", "Office rent")
    purse.spend(on(first, 9), "operating", cents(rng, 300, 900), "Software", "Cloud Nine Hosting")
    for supplier in SUPPLIERS:
        purse.spend(
            on(first, rng.randint(4, 26)), "operating", cents(rng, firm.sales * 0.01, firm.sales * 0.04), "", supplier
        )
    if first.month % 3 == 0:
        tax = (Decimal(firm.sales) * Decimal("0.2")).quantize(CENT)
        purse.spend(on(first, 22), "operating", tax, "Taxes", "Tax Office")


def _repay(purse: Purse, spent: dict[int, list[Event]], first: date) -> None:
    """Pay each expense account what was spent from it this month."""
    last = on(first, 31)
    for number, events in spent.items():
        owed = -sum((event.amount for event in events if first <= event.day <= last), Decimal(0))
        if owed > 0:
            text, to = f"Expenses {first:%B %Y}", End(("person", number), "expenses")
            purse.add(Event(last, "operating", -owed, "expense", "Business travel", "", text, to, "income", "Refunds"))
