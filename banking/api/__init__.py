"""Cash over HTTP."""

from banking.api.deposits import TermDepositViewSet
from banking.api.rules import RuleViewSet
from banking.api.transactions import RecategorisationViewSet, TransactionViewSet

__all__ = ["RecategorisationViewSet", "RuleViewSet", "TermDepositViewSet", "TransactionViewSet"]
