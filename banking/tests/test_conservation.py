"""Any order of transfers, payments, voids, restores and matches keeps the money that there is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from banking.models import Account, CashTransaction, Section, Transfer
from banking.queries.matches import suggestions
from banking.services.matching import match_transfer, match_unique, unmatch_transfer
from banking.services.payments import Payment, pay
from banking.services.transactions import book_cash, restore_cash, void_cash
from banking.services.transfers import book_transfer
from banking.services.verification import cash_findings
from core.errors import DomainError
from core.testing import make_user

DAY = date(2024, 1, 10)
AMOUNTS = st.sampled_from(["1", "2.50", "2.50", "1000", "0.01"]).map(Decimal)
RATES = st.sampled_from(["0.9", "1.1034", "0.01", "150"]).map(Decimal)
PLACES = st.integers(0, 4)


class Books(RuleBasedStateMachine):
    """Two people, five accounts, two currencies; beside the database a sum for each account is kept by hand."""

    transfers = Bundle("transfers")
    rows = Bundle("rows")

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        alice, bob = make_user("alice"), make_user("bob")
        held = [(alice, "USD", "a1"), (alice, "USD", ""), (alice, "EUR", ""), (bob, "USD", "b1"), (bob, "EUR", "b2")]
        self.accounts = [
            Account.objects.create(owner=who, name=f"{number}", currency=currency, iban=alias, receives=bool(alias))
            for number, (who, currency, alias) in enumerate(held)
        ]
        self.held: dict[int, Decimal] = {account.pk: Decimal(0) for account in self.accounts}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def tried(self, act: Any) -> Any:
        """What ``act`` gives; nothing where it is refused, and then nothing has changed."""
        before = CashTransaction.objects.count(), Transfer.objects.count()
        try:
            return act()
        except DomainError:
            assert (CashTransaction.objects.count(), Transfer.objects.count()) == before
            return None

    def moved(self, rows: list[CashTransaction], sign: int) -> None:
        for row in rows:
            self.held[row.account_id] += sign * row.amount

    @rule(target=transfers, source=PLACES, to=PLACES, amount=AMOUNTS, rate=RATES, by_alias=st.booleans())
    def transfer(self, source: int, to: int, amount: Decimal, rate: Decimal, by_alias: bool) -> Any:
        one, two = self.accounts[source], self.accounts[to]
        given = rate if one.currency != two.currency else None
        if by_alias and two.iban:
            payment = Payment(amount, DAY, iban=two.iban, rate=given)
            made = self.tried(lambda: pay(source=one, payment=payment, actor=one.owner, here=True))
        else:
            made = self.tried(
                lambda: book_transfer(source=one, target=two, amount=amount, booked_on=DAY, actor=one.owner, rate=given)
            )
        if made is not None:
            self.moved([made.sent, made.received], 1)
        return made

    @rule(target=rows, place=PLACES, amount=AMOUNTS, out=st.booleans(), after=st.integers(0, 4))
    def import_row(self, place: int, amount: Decimal, out: bool, after: int) -> CashTransaction:
        row = book_cash(
            account=self.accounts[place],
            amount=-amount if out else amount,
            booked_on=DAY + timedelta(days=after),
            section=Section.EXPENSE if out else Section.INCOME,
            actor=None,
        )
        self.moved([row], 1)
        return row

    @rule(target=transfers, sent=rows, received=rows)
    def match(self, sent: CashTransaction, received: CashTransaction) -> Any:
        return self.tried(lambda: match_transfer(sent=sent, received=received, actor=None))

    @rule()
    def match_by_rule(self) -> None:
        match_unique(accounts=Account.objects.all(), since=DAY, actor=None)

    @rule(transfer=transfers)
    def take_apart(self, transfer: Any) -> None:
        if transfer is not None:
            self.tried(lambda: unmatch_transfer(transfer=transfer, actor=None))

    @rule(transfer=transfers, leg=st.sampled_from(["sent", "received"]), person=st.booleans(), back=st.booleans())
    def void_or_restore(self, transfer: Any, leg: str, person: bool, back: bool) -> None:
        if transfer is not None:
            row = getattr(transfer, leg)
            self.change(row, row.account.owner if person else None, back=back)

    @rule(row=rows, back=st.booleans())
    def void_or_restore_row(self, row: CashTransaction, back: bool) -> None:
        self.change(row, None, back=back)

    def change(self, row: CashTransaction, actor: Any, *, back: bool) -> None:
        legs = Transfer.objects.with_leg(row).select_related("sent", "received").first()
        act = restore_cash if back else void_cash
        if self.tried(lambda: act(row=row, actor=actor)) is not None:
            self.moved([legs.sent, legs.received] if legs else [row], 1 if back else -1)

    @invariant()
    def balances_are_what_was_moved(self) -> None:
        found = CashTransaction.objects.balances(DAY + timedelta(days=9))
        assert {pk: found.get(pk, Decimal(0)) for pk in self.held} == self.held

    @invariant()
    def no_transfer_is_half_and_none_makes_money(self) -> None:
        assert list(cash_findings()) == []
        legs: Any = CashTransaction.objects.standing().with_transfer()
        for currency in ("USD", "EUR"):
            within = legs.filter(account__currency=currency, transfer_id__isnull=False)
            sums: dict[int, list[Decimal]] = {}
            for transfer, amount in within.values_list("transfer_id", "amount"):
                sums.setdefault(transfer, []).append(amount)
            assert all(sum(amounts) == 0 for amounts in sums.values() if len(amounts) == 2)

    @invariant()
    def no_leg_is_offered(self) -> None:
        offered = {pk for pair in suggestions(Account.objects.all(), DAY) for pk in (pair.sent.id, pair.received.id)}
        legs = {pk for two in Transfer.objects.values_list("sent", "received") for pk in two}
        assert not offered & legs


@pytest.mark.django_db
def test_money_is_conserved() -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        Books,
        settings=settings(max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=checks),
    )
