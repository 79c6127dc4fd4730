"""What each role lets a person see, book into and manage: accounts, portfolios and what hangs on them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction

from core.testing import make_user
from users.models import Invitation, Membership, Organisation, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Organisation:
    return Organisation.objects.create(name="Acme", base_currency="EUR")


@pytest.mark.parametrize("role", list(Role))
def test_each_role_may_what_those_before_it_may(role: Role, firm: Organisation) -> None:
    somebody = make_user("somebody")
    Membership.objects.create(organisation=firm, user=somebody, role=role)
    for asked in Role:
        allowed = list(Role).index(asked) <= list(Role).index(role)
        assert Organisation.objects.where(somebody, asked).exists() is allowed, asked
    assert not Organisation.objects.visible_to(make_user("stranger")).exists()
    assert not Organisation.objects.visible_to(AnonymousUser()).exists()


@pytest.mark.parametrize(
    ("role", "seen", "invitations"),
    [(Role.EMPLOYEE, 1, 0), (Role.VIEWER, 2, 0), (Role.MEMBER, 2, 0), (Role.MANAGER, 2, 1), (Role.OWNER, 2, 1)],
)
def test_colleagues_and_invitations(role: Role, seen: int, invitations: int, firm: Organisation) -> None:
    somebody, other = make_user("somebody"), make_user("other")
    Membership.objects.create(organisation=firm, user=somebody, role=role)
    Membership.objects.create(organisation=firm, user=other, role=Role.OWNER)
    expires = "2030-01-01T00:00:00Z"
    Invitation.objects.create(organisation=firm, email="x@example.org", role=role, secret_hash="h", expires_at=expires)
    assert Membership.objects.visible_to(somebody).count() == seen
    assert Invitation.objects.visible_to(somebody).count() == invitations
    assert Membership.objects.editable_by(somebody).count() == (2 if invitations else 0)


def test_a_person_is_a_member_once(firm: Organisation) -> None:
    somebody = make_user("somebody")
    Membership.objects.create(organisation=firm, user=somebody, role=Role.VIEWER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(organisation=firm, user=somebody, role=Role.OWNER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(organisation=firm, user=make_user("other"), role="king")
