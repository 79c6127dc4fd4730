"""Cash over HTTP."""

from banking.api.deposits import TermDepositViewSet
from banking.api.schedules import ScheduleViewSet
from banking.api.transfers import TransferViewSet

__all__ = ["ScheduleViewSet", "TermDepositViewSet", "TransferViewSet"]
