"""Portfolios over HTTP."""

from portfolios.api.views import DisposalViewSet, LotViewSet, PortfolioViewSet, TradeViewSet

__all__ = ["DisposalViewSet", "LotViewSet", "PortfolioViewSet", "TradeViewSet"]
