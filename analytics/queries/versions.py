"""Which portfolios have figures that are older than their facts."""

from __future__ import annotations

from datetime import UTC, date

from django.db.models import Exists, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest, TruncDate
from django.utils import timezone

from analytics.models import Snapshot
from analytics.packing import CURRENT
from assets.models import Asset, AssetType
from banking.models import CashTransaction
from portfolios.models import Entitlement, Investment, Portfolio, PortfolioAccount

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
    """Those whose newest snapshot does not show the versions of now, or who have none. With the versions of now.

    One that was stored before a figure was added is not up to date either. A day that comes moves no version: a
    snapshot of an earlier day also gives way where cash has come due since, or interest accrues on a bond.
    """
    newest = Snapshot.objects.filter(portfolio=OuterRef("portfolio")).order_by("-as_of").values("as_of")[:1]
    on = TruncDate("computed_at", tzinfo=UTC)  # whatever clock the asking person reads
    current = Snapshot.objects.annotate(computed_on=on).filter(
        portfolio=OuterRef("pk"),
        portfolio_version=OuterRef("version"),
        accounts_version=OuterRef("accounts_version"),
        price_version=OuterRef("price_version"),
        period_layout__gte=CURRENT,
        as_of=Subquery(newest),
    )
    now = timezone.now()
    today = Q(computed_at__gte=now.replace(hour=0, minute=0, second=0, microsecond=0))
    return with_versions(portfolios).filter(~Exists(current.filter(today | ~_came_due(now.date()))))


def _came_due(today: date) -> Q:
    """Whether the value of the snapshot's portfolio has changed with the day since it was computed: a cash row or a
    dividend has come due, or it holds a bond, whose interest accrues."""
    since = OuterRef("computed_on")
    rows = CashTransaction.objects.standing().filter(
        account__portfolio_link__portfolio=OuterRef("portfolio"), booked_on__gt=since, booked_on__lte=today
    )
    dues = Entitlement.objects.filter(portfolio=OuterRef("portfolio"))
    owed = Q(ex_date__gt=since, ex_date__lte=today) | Q(pay_date__gt=since, pay_date__lte=today)
    bonds = Investment.objects.open().filter(portfolio=OuterRef("portfolio"), asset__bond__matures__gt=since)
    return Q(Exists(rows)) | Q(Exists(dues.filter(owed))) | Q(Exists(bonds))


def stale_portfolio_ids(limit: int | None = None) -> list[int]:
    """Ids of the portfolios whose figures are older than their facts, ascending; one query."""
    return list(stale(Portfolio.objects.all()).order_by("pk").values_list("pk", flat=True)[:limit])
