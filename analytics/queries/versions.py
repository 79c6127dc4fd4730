"""Which portfolios have figures that are older than their facts."""

from __future__ import annotations

from django.db.models import Exists, F, IntegerField, Max, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from analytics.models import Snapshot
from assets.models import Asset, AssetType
from portfolios.models import Investment, Portfolio, PortfolioAccount

NOTHING = Value(0, output_field=IntegerField())


def with_versions(portfolios: QuerySet[Portfolio]) -> QuerySet[Portfolio]:
    """``portfolios`` with ``accounts_version`` and ``price_version`` as they are now, in the same query."""
    accounts = PortfolioAccount.objects.filter(portfolio=OuterRef("pk")).order_by().values("portfolio")
    prices = Investment.objects.filter(portfolio=OuterRef("pk")).order_by().values("portfolio")
    rates = Asset.objects.filter(type=AssetType.FX).order_by("-price_version").values("price_version")[:1]
    return portfolios.annotate(
        accounts_version=Coalesce(Subquery(accounts.annotate(sum=Sum("account__version")).values("sum")), NOTHING),
        price_version=Greatest(
            Coalesce(Subquery(prices.annotate(newest=Max("asset__price_version")).values("newest")), NOTHING),
            Coalesce(F("benchmark__price_version"), NOTHING),
            Coalesce(Subquery(rates), NOTHING),
        ),
    )


def stale(portfolios: QuerySet[Portfolio]) -> QuerySet[Portfolio]:
    """Those whose newest snapshot does not show the versions of now, or who have none. With the versions of now."""
    newest = Snapshot.objects.filter(portfolio=OuterRef("portfolio")).order_by("-as_of").values("as_of")[:1]
    current = Snapshot.objects.filter(
        portfolio=OuterRef("pk"),
        portfolio_version=OuterRef("version"),
        accounts_version=OuterRef("accounts_version"),
        price_version=OuterRef("price_version"),
        as_of=Subquery(newest),
    )
    return with_versions(portfolios).filter(~Exists(current))


def stale_portfolio_ids(limit: int | None = None) -> list[int]:
    """Ids of the portfolios whose figures are older than their facts, ascending; one query."""
    return list(stale(Portfolio.objects.all()).order_by("pk").values_list("pk", flat=True)[:limit])
