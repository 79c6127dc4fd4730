"""Cash over HTTP."""

from banking.api.budgets import BudgetViewSet
from banking.api.deposits import TermDepositViewSet
from banking.api.recurring import RecurringViewSet
from banking.api.rules import RuleViewSet
from banking.api.transactions import RecategorisationViewSet, TransactionViewSet

__all__ = [
    "BudgetViewSet",
    "RecategorisationViewSet",
    "RecurringViewSet",
    "RuleViewSet",
    "TermDepositViewSet",
    "TransactionViewSet",
]
