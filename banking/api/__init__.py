"""Cash over HTTP."""

from banking.api.deposits import TermDepositViewSet

__all__ = ["TermDepositViewSet"]
