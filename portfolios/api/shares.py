"""With whom one portfolio is shared, over HTTP."""

from __future__ import annotations

from typing import Any, cast

from rest_framework import serializers

from banking.api.shares import SharesViewSet
from portfolios.models import Portfolio, PortfolioShare
from portfolios.services.sharing import change_portfolio_share, share_portfolio, unshare_portfolio


class PortfolioSharesViewSet(SharesViewSet):
    queryset = PortfolioShare.objects.none()
    shared, path = Portfolio, "portfolio"

    def perform_create(self, serializer: serializers.BaseSerializer[Any]) -> None:
        given = serializer.validated_data
        person, role = given["user"]["username"], given["role"]
        serializer.instance = share_portfolio(portfolio=self.row, person=person, role=role, actor=self.caller)

    def perform_update(self, serializer: serializers.BaseSerializer[Any]) -> None:
        share, role = cast("PortfolioShare", serializer.instance), serializer.validated_data["role"]
        serializer.instance = change_portfolio_share(share=share, role=role, actor=self.caller)

    def perform_destroy(self, instance: PortfolioShare) -> None:
        unshare_portfolio(share=instance, actor=self.caller)
