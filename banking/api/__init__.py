"""Cash over HTTP."""

from banking.api.deposits import TermDepositViewSet
from banking.api.transactions import RecategorisationViewSet, TransactionViewSet

__all__ = ["RecategorisationViewSet", "TermDepositViewSet", "TransactionViewSet"]
