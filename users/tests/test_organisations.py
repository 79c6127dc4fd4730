"""Organisations: founding, roles within reach, the last owner, leaving, deleting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from activity.models import AuditEvent
from core.errors import DomainError
from core.testing import make_user
from users.models import Membership, Organisation, Role, User
from users.services.invitations import invite
from users.services.organisations import (
    LastOwner,
    NotOfOrganisation,
    OrganisationNameNeeded,
    OwnersOnly,
    RoleOutOfReach,
    UnknownRole,
    change_organisation,
    change_role,
    create_organisation,
    delete_organisation,
    remove_member,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(alice: User) -> Organisation:
    return create_organisation(name=" Acme \n Ltd ", actor=alice, base_currency="EUR")


def join(firm: Organisation, name: str, role: Role) -> Membership:
    user = User.objects.filter(username=name).first() or make_user(name)
    return Membership.objects.create(organisation=firm, user=user, role=role)


def own(firm: Organisation, user: User) -> Membership:
    return Membership.objects.get(organisation=firm, user=user)


def test_who_founds_it_owns_it(firm: Organisation, alice: User) -> None:
    assert (firm.name, firm.base_currency) == ("Acme Ltd", "EUR")
    assert own(firm, alice).role == Role.OWNER
    assert AuditEvent.objects.get().action == "organisation.created"
    assert create_organisation(name="Second", actor=alice).base_currency == alice.base_currency


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\x07b"])
def test_a_name_is_one_line(alice: User, name: str) -> None:
    with pytest.raises(OrganisationNameNeeded):
        create_organisation(name=name, actor=alice)
    with pytest.raises(DomainError):
        create_organisation(name="Acme", base_currency="XYZ", actor=alice)
    assert not Organisation.objects.exists()


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("before", list(Role))
@pytest.mark.parametrize("after", list(Role))
def test_what_each_role_may_do_to_whom(role: Role, before: Role, after: Role, firm: Organisation) -> None:
    """Owners do everything, managers what concerns employees, viewers and members, the others nothing."""
    actor, member = join(firm, "actor", role), join(firm, "member", before)
    low = {Role.EMPLOYEE, Role.VIEWER, Role.MEMBER}
    may = role == Role.OWNER or (role == Role.MANAGER and {before, after} <= low)
    try:
        change_role(membership=member, role=after, actor=actor.user)
    except RoleOutOfReach:
        assert not may
    else:
        assert may
        assert own(firm, member.user).role == after
    sent = AuditEvent.objects.filter(action="membership.changed").count()
    assert sent == (1 if may and before != after else 0)


@pytest.mark.parametrize("role", list(Role))
def test_everybody_may_leave_and_only_some_are_removed_by_others(role: Role, firm: Organisation) -> None:
    member = join(firm, "member", role)
    manager = join(firm, "manager", Role.MANAGER)
    if role in (Role.MANAGER, Role.OWNER):
        with pytest.raises(RoleOutOfReach):
            remove_member(membership=member, actor=manager.user)
    remove_member(membership=member, actor=member.user)
    assert not Membership.objects.filter(pk=member.pk).exists()
    assert AuditEvent.objects.filter(action="membership.left").count() == 1
    with pytest.raises(NotOfOrganisation):
        remove_member(membership=member, actor=member.user)


def test_the_last_owner_stays_one(firm: Organisation, alice: User) -> None:
    asleep = join(firm, "asleep", Role.OWNER)
    User.objects.filter(pk=asleep.user_id).update(is_active=False)
    for role in (Role.MANAGER, Role.EMPLOYEE):
        with pytest.raises(LastOwner):
            change_role(membership=own(firm, alice), role=role, actor=alice)
    with pytest.raises(LastOwner):
        remove_member(membership=own(firm, alice), actor=alice)
    join(firm, "second", Role.OWNER)
    remove_member(membership=own(firm, alice), actor=alice)
    assert not Organisation.objects.visible_to(alice).exists()


def test_an_unknown_role_is_refused(firm: Organisation, alice: User) -> None:
    with pytest.raises(UnknownRole):
        change_role(membership=own(firm, alice), role="king", actor=alice)


@pytest.mark.django_db(transaction=True)
def test_of_two_owners_who_leave_at_once_one_stays() -> None:
    for attempt in range(3):
        alice, bob = make_user(f"alice{attempt}"), make_user(f"bob{attempt}")
        firm = create_organisation(name="Acme", actor=alice)
        members = [own(firm, alice), join(firm, bob.username, Role.OWNER)]
        gate = Barrier(2)

        def leave(member: Membership, gate: Barrier = gate) -> bool:
            try:
                gate.wait()
                remove_member(membership=member, actor=member.user)
            except LastOwner:
                return False
            finally:
                connection.close()
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, members)) == [False, True]
        assert Membership.objects.filter(organisation=firm, role=Role.OWNER).count() == 1


def test_who_loses_a_role_loses_the_invitations_that_took_it(firm: Organisation, alice: User) -> None:
    boss = join(firm, "boss", Role.OWNER)
    for role in (Role.OWNER, Role.VIEWER):
        invite(organisation=firm, email=f"{role}@example.org", role=role, actor=boss.user, link=str)
    change_role(membership=boss, role=Role.MANAGER, actor=alice)
    assert [each.role for each in firm.invitations.open()] == [Role.VIEWER]


def test_owners_change_and_delete_it(firm: Organisation, alice: User) -> None:
    manager = join(firm, "manager", Role.MANAGER)
    for refused in (change_organisation, delete_organisation):
        with pytest.raises(OwnersOnly):
            refused(organisation=firm, actor=manager.user)
    changed = change_organisation(organisation=firm, actor=alice, name="Beta", base_currency="USD")
    assert (changed.name, changed.base_currency) == ("Beta", "USD")
    delete_organisation(organisation=firm, actor=alice)
    assert not Organisation.objects.exists()
    assert not Membership.objects.exists()
