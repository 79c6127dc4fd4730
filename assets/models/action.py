"""Corporate actions: facts about an asset that change what its holders have."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from assets.adjustment import ONE, Step
from assets.models.asset import Asset
from core.fields import QUANTITY_LIMIT, QuantityField
from core.money import divide
from users.models import validate_currency

if TYPE_CHECKING:
    from users.models import User


class ActionKind(models.TextChoices):
    SPLIT = "split", _("Split")
    REVERSE_SPLIT = "reverse_split", _("Reverse split")
    STOCK_DIVIDEND = "stock_dividend", _("Stock dividend")
    SPIN_OFF = "spin_off", _("Spin-off")
    MERGER = "merger", _("Merger")
    SYMBOL_CHANGE = "symbol_change", _("Symbol change")
    RETURN_OF_CAPITAL = "return_of_capital", _("Return of capital")
    CASH_DIVIDEND = "cash_dividend", _("Cash dividend")


MULTIPLYING = (ActionKind.SPLIT, ActionKind.REVERSE_SPLIT, ActionKind.STOCK_DIVIDEND)
LINKING = (ActionKind.SPIN_OFF, ActionKind.MERGER)
PAYING = (ActionKind.RETURN_OF_CAPITAL, ActionKind.CASH_DIVIDEND)


class CorporateActionQuerySet(models.QuerySet["CorporateAction"]):
    def visible_to(self, user: User) -> CorporateActionQuerySet:
        return self.filter(asset__in=Asset.objects.visible_to(user))

    def standing(self) -> CorporateActionQuerySet:
        return self.filter(voided_at__isnull=True)


def _within(field: str, low: str, top: object, name: str) -> models.CheckConstraint:
    """``field`` is empty or in its range; the upper bound keeps NaN out."""
    bounds = Q(**{f"{field}__{low}": 0, f"{field}__lt": top})
    return models.CheckConstraint(condition=bounds | Q(**{f"{field}__isnull": True}), name=f"action_{name}")


def _only(kinds: tuple[ActionKind, ...], *fields: str) -> Q:
    """These kinds have all of ``fields``."""
    return ~Q(kind__in=kinds) | Q(**{f"{field}__isnull": False for field in fields})


class CorporateAction(models.Model):
    """What happened to every unit of an asset at the start of the ex-date. Never edited: voided, and booked anew.

    ``ratio`` new units come for ``per`` held ones: in a split they replace them, otherwise they
    come on top (stock dividend), of the ``target`` (spin-off) or in its place (merger).
    """

    asset = models.ForeignKey(Asset, models.PROTECT, related_name="actions")
    kind = models.CharField(max_length=17, choices=ActionKind)
    ex_date = models.DateField(help_text="It applies at the start of this day, to who held at the close before.")
    pay_date = models.DateField(null=True, blank=True, help_text="When its cash comes; the ex-date when empty.")
    ratio = QuantityField(null=True, blank=True, help_text="New units …")
    per = QuantityField(null=True, blank=True, help_text="… for this many held ones.")
    cash = QuantityField(null=True, blank=True, help_text="Per unit, gross, in pounds and not in pence.")
    currency = models.CharField(max_length=3, blank=True, validators=[validate_currency], help_text="Of the cash.")
    withholding_rate = QuantityField(null=True, blank=True, help_text="Fraction of a dividend that is withheld.")
    cash_in_lieu = QuantityField(
        null=True, blank=True, help_text="Per new unit, in pounds and not in pence. Empty: fractions are kept."
    )
    target = models.ForeignKey(Asset, models.PROTECT, null=True, blank=True, related_name="arrivals")
    target_price = QuantityField(
        null=True,
        blank=True,
        help_text="Of a unit of the target, in pounds and not in pence, where a merger pays cash too.",
    )
    basis_share = QuantityField(null=True, blank=True, help_text="Fraction of each lot's basis that moves over.")
    old_symbol = models.CharField(max_length=32, blank=True)
    new_symbol = models.CharField(max_length=32, blank=True)
    note = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = CorporateActionQuerySet.as_manager()

    class Meta:
        ordering = ["asset", "ex_date", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ActionKind.values), name="action_kind_known"),
            *(
                _within(field, "gt", QUANTITY_LIMIT, f"{field}_positive")
                for field in ("ratio", "per", "cash", "target_price")
            ),
            _within("cash_in_lieu", "gte", QUANTITY_LIMIT, "in_lieu_not_negative"),
            _within("withholding_rate", "gte", 1, "withholding_part"),
            _within("basis_share", "gte", 1, "basis_share_part"),
            models.CheckConstraint(condition=_only(MULTIPLYING, "ratio", "per"), name="action_has_ratio"),
            models.CheckConstraint(condition=_only(PAYING, "cash"), name="action_has_cash"),
            models.CheckConstraint(
                condition=_only((ActionKind.SPIN_OFF,), "ratio", "per", "target", "basis_share"),
                name="action_spin_off_whole",
            ),
            models.CheckConstraint(
                condition=~Q(kind=ActionKind.MERGER)
                | Q(cash__isnull=False, target__isnull=True, ratio__isnull=True)
                | Q(target__isnull=False, ratio__isnull=False, per__isnull=False),
                name="action_merger_whole",
            ),
            models.CheckConstraint(
                condition=~Q(kind=ActionKind.SYMBOL_CHANGE) | ~Q(new_symbol=""), name="action_has_symbol"
            ),
            models.CheckConstraint(condition=~Q(target=F("asset")), name="action_target_is_another"),
            models.CheckConstraint(
                condition=Q(pay_date__isnull=True) | Q(pay_date__gte=F("ex_date")), name="action_paid_after_ex_date"
            ),
            models.UniqueConstraint(
                fields=["asset", "kind", "ex_date"],
                condition=Q(voided_at__isnull=True) & ~Q(kind=ActionKind.CASH_DIVIDEND),
                name="action_once_per_day",
            ),
        ]
        indexes = [models.Index(fields=["target"], name="action_target")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.asset_id} on {self.ex_date}"

    @property
    def step(self) -> Step:
        """What the action means for the closes before it; cash in another currency than the asset's is left out.

        Cash is money and a close is a price: beside closes in pence it is in pence, too.
        """
        ratio, per = self.ratio or ONE, self.per or ONE
        match self.kind:
            case ActionKind.SPLIT | ActionKind.REVERSE_SPLIT:
                return Step(self.ex_date, units=divide(ratio, per))
            case ActionKind.STOCK_DIVIDEND:
                return Step(self.ex_date, units=divide(per + ratio, per))
            case ActionKind.SPIN_OFF:
                return Step(self.ex_date, kept=ONE - (self.basis_share or Decimal(0)))
            case ActionKind.CASH_DIVIDEND | ActionKind.RETURN_OF_CAPITAL if self.currency in ("", self.asset.currency):
                return Step(self.ex_date, paid=divide(self.cash or Decimal(0), self.asset.price_factor))
        return Step(self.ex_date)
