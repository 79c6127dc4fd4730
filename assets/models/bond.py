"""What a bond promises."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from assets.bonds import FREQUENCIES, MOST_REDEEMED, PAR, BondTerms, DayCount
from assets.models.asset import Asset
from core.fields import QuantityField

if TYPE_CHECKING:
    from users.models import User

DAY_COUNTS = [
    (DayCount.ACTUAL_ACTUAL.value, _("Actual/actual (ICMA)")),
    (DayCount.THIRTY_360.value, _("30/360 (US)")),
    (DayCount.THIRTY_E_360.value, _("30E/360 (Eurobond)")),
    (DayCount.ACTUAL_360.value, _("Actual/360")),
    (DayCount.ACTUAL_365.value, _("Actual/365 (fixed)")),
]
DAY_COUNT_NAMES = [value for value, _ in DAY_COUNTS]
COUPONS = [(0, _("none")), (1, _("yearly")), (2, _("half-yearly")), (4, _("quarterly")), (12, _("monthly"))]


class BondQuerySet(models.QuerySet["Bond"]):
    def visible_to(self, user: User) -> BondQuerySet:
        return self.filter(asset__in=Asset.objects.visible_to(user))


class Bond(models.Model):
    """The terms of a fixed-rate bond, by which its interest accrues and its payments are known."""

    asset = models.OneToOneField(Asset, models.CASCADE, primary_key=True, related_name="bond")
    issued = models.DateField(help_text="From this day on interest runs.")
    matures = models.DateField()
    coupon = QuantityField(help_text="A year's rate as a fraction: 0.05 is 5 %.")
    frequency = models.PositiveSmallIntegerField(choices=COUPONS, default=2, help_text="Coupons a year.")
    day_count = models.CharField(max_length=8, choices=DAY_COUNTS, default=DayCount.ACTUAL_ACTUAL.value)
    redemption = QuantityField(default=PAR, help_text="What is paid at maturity, per 100 of nominal value.")

    objects = BondQuerySet.as_manager()

    class Meta:
        ordering = ["asset"]
        constraints = [
            models.CheckConstraint(condition=Q(matures__gt=F("issued")), name="bond_matures_after_issue"),
            models.CheckConstraint(condition=Q(coupon__gte=0, coupon__lte=1), name="bond_coupon_fraction"),
            models.CheckConstraint(condition=Q(frequency__in=FREQUENCIES), name="bond_frequency_known"),
            models.CheckConstraint(
                condition=Q(coupon=0, frequency=0) | (Q(coupon__gt=0) & ~Q(frequency=0)), name="bond_coupons_whole"
            ),
            models.CheckConstraint(condition=Q(day_count__in=DAY_COUNT_NAMES), name="bond_day_count_known"),
            models.CheckConstraint(
                condition=Q(redemption__gt=0, redemption__lte=MOST_REDEEMED), name="bond_redemption_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"Terms of {self.asset_id} until {self.matures}"

    @property
    def terms(self) -> BondTerms:
        return self.terms_of(self.issued, self.matures, self.coupon, self.frequency, self.day_count, self.redemption)

    @staticmethod
    def terms_of(
        issued: date, matures: date, coupon: Decimal, frequency: int, day_count: str, redemption: Decimal
    ) -> BondTerms:
        """Terms of a row's columns."""
        return BondTerms(issued, matures, coupon, frequency, DayCount(day_count), redemption)
