"""Proposals of trades that bring a portfolio to its targets, kept as they were worked out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.fields import MONEY_LIMIT, MoneyField, within
from portfolios.models import Portfolio

if TYPE_CHECKING:
    from users.models import User


class RebalanceState(models.TextChoices):
    SAVED = "saved", _("Saved")
    BOOKED = "booked", _("Booked")
    TAKEN_BACK = "taken_back", _("Taken back")
    DISCARDED = "discarded", _("Discarded")


class RebalanceProposalQuerySet(models.QuerySet["RebalanceProposal"]):
    def visible_to(self, user: User) -> RebalanceProposalQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.visible_to(user))

    def editable_by(self, user: User) -> RebalanceProposalQuerySet:
        return self.filter(portfolio__in=Portfolio.objects.editable_by(user))

    def kept(self) -> RebalanceProposalQuerySet:
        return self.exclude(state=RebalanceState.DISCARDED)


class RebalanceProposal(models.Model):
    """Trades as they were proposed from one state of the books, with what they would realise.

    ``result`` holds all of it: targets, options, trades with their lots, drift before and after. Sums are in the
    portfolio's base currency. It is booked whole or not at all, and only while the books are as they were.
    ``price_version`` is the price clock before anything was read: what moved since has a newer one. Whether something
    has, ``queries.proposals.mark_moved_prices`` tells.
    """

    prices_moved: bool

    portfolio = models.ForeignKey(Portfolio, models.CASCADE, related_name="rebalance_proposals")
    state = models.CharField(max_length=10, choices=RebalanceState, default=RebalanceState.SAVED)
    as_of = models.DateField(null=True, blank=True, help_text="The day of the newest price that was read.")
    portfolio_version = models.PositiveBigIntegerField(help_text="Of the portfolio whose books were read.")
    price_version = models.PositiveBigIntegerField(help_text="The newest of the securities' prices that were read.")
    currency = models.CharField(max_length=3)
    turnover = MoneyField(help_text="Bought and sold together.")
    fees = MoneyField()
    gain_short = MoneyField()
    gain_long = MoneyField()
    tax = MoneyField(null=True, blank=True, help_text="Estimated; empty without rates.")
    cash_after = MoneyField()
    result = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True, help_text="When it was booked, taken back or discarded.")

    objects = RebalanceProposalQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=RebalanceState.values), name="rebalance_state_known"),
            models.CheckConstraint(
                condition=within(MONEY_LIMIT, "turnover", "fees", "gain_short", "gain_long", "cash_after")
                & (Q(tax__isnull=True) | within(MONEY_LIMIT, "tax")),
                name="rebalance_figures_finite",
            ),
        ]
        indexes = [models.Index(fields=["portfolio", "state"], name="rebalance_portfolio_state")]

    def __str__(self) -> str:
        return f"proposal {self.pk} of {self.portfolio_id}"

    @property
    def gain(self) -> Decimal:
        return self.gain_short + self.gain_long

    @property
    def stale(self) -> bool:
        """Whether the books or the prices have changed since; for one that is marked."""
        return self.book_changed or self.prices_moved

    @property
    def book_changed(self) -> bool:
        """Whether the books have, so that it can only be worked out anew; reads the portfolio."""
        return self.state == RebalanceState.SAVED and self.portfolio.version != self.portfolio_version

    @property
    def symbols(self) -> set[str]:
        """The securities that it weighs: what is held, and what has a target."""
        return {row["asset"] for row in self.result["drift"] if row["asset"]}
