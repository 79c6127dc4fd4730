"""What people fill in on the pages of portfolios."""

from assets.forms.fields import AssetField
from banking.forms.fields import PlainDecimalField
from portfolios.forms.action import ActionFilterForm, ActionForm
from portfolios.forms.fields import LocalInstantField
from portfolios.forms.method import MethodForm
from portfolios.forms.portfolio import PortfolioForm
from portfolios.forms.trade import TradeForm

__all__ = [
    "ActionFilterForm",
    "ActionForm",
    "AssetField",
    "LocalInstantField",
    "MethodForm",
    "PlainDecimalField",
    "PortfolioForm",
    "TradeForm",
]
