"""Dividends that wait for their payment, and the cash rows that may be it."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Exists, OuterRef, Q

from assets.models import ActionKind
from banking.models import CashTransaction, Origin, Section
from banking.models.transaction import SET_ASIDE, CashTransactionQuerySet
from core.arrays import among
from portfolios.book.payments import Payable, Payment
from portfolios.models import CashSetting, Entitlement, PaymentMatch, Portfolio
from portfolios.queries.accounts import cash_accounts, own_rows


def waiting(portfolio_ids: Collection[int]) -> list[int]:
    """Ids, ascending, of the portfolios with income of an asset that may be the payment of a dividend; one query."""
    rows = _unmatched(CashTransaction.objects.standing())
    rows = rows.filter(account__portfolio_link__portfolio=OuterRef("portfolio"), asset=OuterRef("asset"))
    tracked = {"portfolio__in": among(portfolio_ids), "portfolio__cash": CashSetting.TRACKED}
    owed = Entitlement.objects.filter(_DIVIDEND, **tracked)
    found = owed.filter(_open(), Exists(rows)).order_by("portfolio").values_list("portfolio", flat=True)
    return list(found.distinct())


def payables(portfolio: Portfolio) -> list[Payable]:
    """Dividends that no row which stands is the payment of, with the derived row that would step aside; 2 queries."""
    owed = Entitlement.objects.filter(_DIVIDEND, _open(), portfolio=portfolio)
    of_actions = CashTransaction.objects.filter(origin=Origin.ACTION, account__portfolio_link__portfolio=portfolio)
    rows = of_actions.exclude(SET_ASIDE)
    derived = {row.origin_id: row for row in rows}
    return [
        Payable(
            due.action_id,
            due.asset_id,
            due.ex_date,
            due.pay_date,
            due.currency,
            due.net,
            due.gross,
            derived[due.action_id].account_id,
            derived[due.action_id].amount,
        )
        for due in owed.order_by("ex_date", "action")
        if due.action_id in derived and due.net
    ]


def payments(portfolio: Portfolio) -> list[Payment]:
    """Entered income of an asset on the portfolio's accounts that is no dividend's payment yet; 2 queries."""
    rows = _unmatched(own_rows(cash_accounts([portfolio.pk]))).order_by("booked_on", "pk")
    columns = ("pk", "asset_id", "booked_on", "account_id", "account__currency", "amount")
    return [Payment._make(row) for row in rows.values_list(*columns)]


def parted(portfolio: Portfolio) -> list[tuple[int, int]]:
    """(action, row) of matches that somebody took back; one query."""
    return list(portfolio.payment_matches.filter(voided_at__isnull=False).values_list("action_id", "row_id"))


_DIVIDEND = Q(action__kind=ActionKind.CASH_DIVIDEND)


def _open() -> Q:
    """No match stands whose row stands."""
    matches = PaymentMatch.objects.standing().filter(row__voided_at__isnull=True)
    return ~Q(Exists(matches.filter(portfolio=OuterRef("portfolio"), action=OuterRef("action"))))


def _unmatched(rows: CashTransactionQuerySet) -> CashTransactionQuerySet:
    """A match with an action that was voided holds no row back: the dividend may have been entered again."""
    matched = Exists(PaymentMatch.objects.standing().filter(row=OuterRef("pk"), action__voided_at__isnull=True))
    return rows.filter(~matched, origin=Origin.ENTRY, section=Section.INCOME, asset__isnull=False)
