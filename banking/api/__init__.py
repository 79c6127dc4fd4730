"""Cash over HTTP."""

from banking.api.deposits import TermDepositViewSet
from banking.api.shares import AccountSharesViewSet

__all__ = ["AccountSharesViewSet", "TermDepositViewSet"]
