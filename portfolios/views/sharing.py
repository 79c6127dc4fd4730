"""With whom a portfolio is shared."""

from __future__ import annotations

from typing import Any

from banking.views.sharing import SharingPage
from portfolios.models import Portfolio, PortfolioShare
from portfolios.services.sharing import change_portfolio_share, share_portfolio, unshare_portfolio
from portfolios.views.base import rights_of, visible


class PortfolioSharingPage(SharingPage):
    """``/portfolio/<id>/sharing/``"""

    shared, template = Portfolio, "portfolios/sharing.html"

    @staticmethod
    def share_it(portfolio: Portfolio, **given: Any) -> PortfolioShare:
        return share_portfolio(portfolio=portfolio, **given)

    @staticmethod
    def change_it(share: PortfolioShare, **given: Any) -> PortfolioShare:
        return change_portfolio_share(share=share, **given)

    @staticmethod
    def end_it(share: PortfolioShare, **given: Any) -> None:
        unshare_portfolio(share=share, **given)

    def around(self) -> dict[str, Any]:
        row: Portfolio = self.row
        picker = {"portfolios": list(visible(self.request)), "portfolio": row, "picker_path": "/"}
        return rights_of(row.role_for(self.user)) | picker
