"""What people fill in on the pages of portfolios."""

from portfolios.forms.action import ActionFilterForm, ActionForm
from portfolios.forms.fields import AssetField, LocalInstantField, PlainDecimalField
from portfolios.forms.method import MethodForm
from portfolios.forms.trade import TradeForm

__all__ = [
    "ActionFilterForm",
    "ActionForm",
    "AssetField",
    "LocalInstantField",
    "MethodForm",
    "PlainDecimalField",
    "TradeForm",
]
