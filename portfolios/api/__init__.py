"""Portfolios over HTTP."""

from portfolios.api.actions import CorporateActionViewSet
from portfolios.api.goals import GoalViewSet
from portfolios.api.imports import ImportMissingView, ImportRowsView, ImportViewSet
from portfolios.api.methods import MethodChangeViewSet
from portfolios.api.proposals import ActionProposalViewSet
from portfolios.api.shares import PortfolioSharesViewSet
from portfolios.api.targets import TargetsViewSet
from portfolios.api.views import DisposalViewSet, LotViewSet, PortfolioViewSet, TradeViewSet

__all__ = [
    "ActionProposalViewSet",
    "CorporateActionViewSet",
    "DisposalViewSet",
    "GoalViewSet",
    "ImportMissingView",
    "ImportRowsView",
    "ImportViewSet",
    "LotViewSet",
    "MethodChangeViewSet",
    "PortfolioSharesViewSet",
    "PortfolioViewSet",
    "TargetsViewSet",
    "TradeViewSet",
]
