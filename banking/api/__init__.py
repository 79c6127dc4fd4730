"""Cash over HTTP."""

from banking.api.accounts import AccountViewSet
from banking.api.assertions import AssertionViewSet
from banking.api.budgets import BudgetViewSet
from banking.api.categories import CategoryViewSet
from banking.api.counterparties import CounterpartyViewSet
from banking.api.deposits import TermDepositViewSet
from banking.api.possessions import PossessionViewSet, ValuationViewSet
from banking.api.recurring import RecurringViewSet
from banking.api.rules import RuleViewSet
from banking.api.schedules import ScheduleViewSet
from banking.api.shares import AccountSharesViewSet
from banking.api.tags import TagViewSet
from banking.api.transactions import RecategorisationViewSet, TransactionViewSet
from banking.api.transfers import TransferViewSet

__all__ = [
    "AccountSharesViewSet",
    "AccountViewSet",
    "AssertionViewSet",
    "BudgetViewSet",
    "CategoryViewSet",
    "CounterpartyViewSet",
    "PossessionViewSet",
    "RecategorisationViewSet",
    "RecurringViewSet",
    "RuleViewSet",
    "ScheduleViewSet",
    "TagViewSet",
    "TermDepositViewSet",
    "TransactionViewSet",
    "TransferViewSet",
    "ValuationViewSet",
]
