"""Cash over HTTP."""

from banking.api.accounts import AccountViewSet
from banking.api.assertions import AssertionViewSet
from banking.api.categories import CategoryViewSet
from banking.api.counterparties import CounterpartyViewSet
from banking.api.deposits import TermDepositViewSet
from banking.api.tags import TagViewSet
from banking.api.transactions import RecategorisationViewSet, TransactionViewSet

__all__ = [
    "AccountViewSet",
    "AssertionViewSet",
    "CategoryViewSet",
    "CounterpartyViewSet",
    "RecategorisationViewSet",
    "TagViewSet",
    "TermDepositViewSet",
    "TransactionViewSet",
]
