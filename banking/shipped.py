"""The names of the categories that the product ships, in the reader's language.

They are stored as they are, in English, and programs read them so. A page shows one that staff have not renamed by its
name in the language that is spoken, and takes it by that name.
"""

from __future__ import annotations

from functools import cache

from django.utils.translation import get_language, override, pgettext


def pgettext_noop(_context: str, text: str) -> str:
    """Marks a text of a context for the catalogues, which Django has no function for."""
    return text


# Those of fixtures/categories.json.
NAMES = (
    pgettext_noop("category", "Salary"),
    pgettext_noop("category", "Bonus"),
    pgettext_noop("category", "Commission"),
    pgettext_noop("category", "Self-employment"),
    pgettext_noop("category", "Investment income"),
    pgettext_noop("category", "Dividends"),
    pgettext_noop("category", "Interest"),
    pgettext_noop("category", "Rental income"),
    pgettext_noop("category", "Pension"),
    pgettext_noop("category", "Benefits"),
    pgettext_noop("category", "Gifts received"),
    pgettext_noop("category", "Refunds"),
    pgettext_noop("category", "Sales"),
    pgettext_noop("category", "Other income"),
    pgettext_noop("category", "Housing"),
    pgettext_noop("category", "Rent"),
    pgettext_noop("category", "Mortgage"),
    pgettext_noop("category", "Utilities"),
    pgettext_noop("category", "Repairs"),
    pgettext_noop("category", "Home insurance"),
    pgettext_noop("category", "Furniture"),
    pgettext_noop("category", "Food"),
    pgettext_noop("category", "Groceries"),
    pgettext_noop("category", "Restaurants"),
    pgettext_noop("category", "Transport"),
    pgettext_noop("category", "Public transport"),
    pgettext_noop("category", "Fuel"),
    pgettext_noop("category", "Car"),
    pgettext_noop("category", "Taxi"),
    pgettext_noop("category", "Parking"),
    pgettext_noop("category", "Communication"),
    pgettext_noop("category", "Phone"),
    pgettext_noop("category", "Internet"),
    pgettext_noop("category", "Health"),
    pgettext_noop("category", "Doctor"),
    pgettext_noop("category", "Pharmacy"),
    pgettext_noop("category", "Health insurance"),
    pgettext_noop("category", "Sport"),
    pgettext_noop("category", "Leisure"),
    pgettext_noop("category", "Travel"),
    pgettext_noop("category", "Books and media"),
    pgettext_noop("category", "Subscriptions"),
    pgettext_noop("category", "Events"),
    pgettext_noop("category", "Hobbies"),
    pgettext_noop("category", "Shopping"),
    pgettext_noop("category", "Clothing"),
    pgettext_noop("category", "Electronics"),
    pgettext_noop("category", "Family"),
    pgettext_noop("category", "Childcare"),
    pgettext_noop("category", "Education"),
    pgettext_noop("category", "Pets"),
    pgettext_noop("category", "Insurance"),
    pgettext_noop("category", "Taxes"),
    pgettext_noop("category", "Fees"),
    pgettext_noop("category", "Bank fees"),
    pgettext_noop("category", "Brokerage fees"),
    pgettext_noop("category", "Loan interest"),
    pgettext_noop("category", "Gifts and donations"),
    pgettext_noop("category", "Business"),
    pgettext_noop("category", "Payroll"),
    pgettext_noop("category", "Office"),
    pgettext_noop("category", "Software"),
    pgettext_noop("category", "Professional services"),
    pgettext_noop("category", "Marketing"),
    pgettext_noop("category", "Business travel"),
    pgettext_noop("category", "Other expense"),
    pgettext_noop("category", "Between accounts"),
    pgettext_noop("category", "Card payment"),
    pgettext_noop("category", "Savings"),
    pgettext_noop("category", "Investing"),
    pgettext_noop("category", "Loan repayment"),
    pgettext_noop("category", "Cash withdrawal"),
)
_SHIPPED = frozenset(NAMES)


def spoken(name: str) -> str:
    """A stored name of a category that everybody has, in the language that is spoken, if it is a shipped one."""
    return pgettext("category", name) if name in _SHIPPED else name


def called_in(language: str, name: str) -> str:
    """``spoken`` in another language than the one that is."""
    with override(language):
        return spoken(name)


def stored(name: str) -> str:
    """What the shipped category is stored as that the reader calls ``name``, in whatever case; "" if none is."""
    return _heard(get_language() or "en").get(" ".join(name.split()).lower(), "")


@cache
def _heard(language: str) -> dict[str, str]:
    """Each shipped name by what it is called in the language that is spoken."""
    return {pgettext("category", name).lower(): name for name in NAMES}
