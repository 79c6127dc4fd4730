"""Organisations and who belongs to them. Each change takes the organisation's row lock first: they come one by one."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import ProtectedError
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext

from activity.services import record
from core.errors import DomainError, Forbidden, Gone
from core.money import UnknownCurrency, minor_units
from users.models import Membership, Organisation, Role, User

LONGEST_NAME = 100
MOST_ORGANISATIONS = 50  # that one person owns
BELOW_MANAGERS = (Role.EMPLOYEE, Role.VIEWER, Role.MEMBER)

# Sent with ``organisation`` and ``user`` in the transaction in which somebody leaves: what else they had there ends.
left = Signal()


class OrganisationNameNeeded(DomainError):
    """An organisation has a name of at most 100 characters, in one line."""


class TooManyOrganisations(DomainError):
    """One person owns at most 50 organisations."""


class UnknownRole(DomainError):
    """The role is employee, viewer, member, manager or owner."""


class RoleOutOfReach(Forbidden):
    """Managers look after employees, viewers and members; managers and owners are an owner's to change."""


class NotOfOrganisation(Gone):
    """This person does not belong to the organisation any more."""


class LastOwner(DomainError):
    """An organisation keeps at least one owner: make somebody else an owner first."""


class OrganisationNotEmpty(DomainError):
    """An organisation that still owns something is not deleted."""


class OwnersOnly(Forbidden):
    """Only an owner changes or deletes the organisation."""


@transaction.atomic
def create_organisation(*, name: str, actor: User, base_currency: str = "") -> Organisation:
    """Found an organisation; ``actor`` becomes its owner. ``base_currency`` is theirs when left out."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)  # so that two at once do not both find room
    if Membership.objects.filter(user=actor, role=Role.OWNER).count() >= MOST_ORGANISATIONS:
        raise TooManyOrganisations
    values = _checked({"name": name, "base_currency": base_currency or actor.base_currency})
    organisation = Organisation.objects.create(**values)
    Membership.objects.create(organisation=organisation, user=actor, role=Role.OWNER)
    record(actor=actor, action="organisation.created", subject=organisation, data={"name": organisation.name})
    return organisation


@transaction.atomic
def change_organisation(*, organisation: Organisation, actor: User, **changes: Any) -> Organisation:
    """Change the name or the base currency. Raises OwnersOnly."""
    organisation = locked(organisation)
    if role_of(organisation, actor) != Role.OWNER:
        raise OwnersOnly
    after = {name: value for name, value in _checked(changes).items() if value != getattr(organisation, name)}
    if not after:
        return organisation
    data = {name: [getattr(organisation, name), value] for name, value in after.items()}
    for name, value in after.items():
        setattr(organisation, name, value)
    organisation.save(update_fields=list(after))
    record(actor=actor, action="organisation.changed", subject=organisation, data=data)
    return organisation


@transaction.atomic
def delete_organisation(*, organisation: Organisation, actor: User) -> None:
    """Delete an organisation that owns nothing, with its memberships and invitations.

    Raises OwnersOnly, and OrganisationNotEmpty, which names what it owns.
    """
    organisation = locked(organisation)
    if role_of(organisation, actor) != Role.OWNER:
        raise OwnersOnly
    members = list(organisation.memberships.order_by("pk").select_related("user"))
    data = {"name": organisation.name, "members": [member.user_id for member in members]}
    record(actor=actor, action="organisation.deleted", subject=organisation, data=data)
    for member in members:
        left.send(sender=Organisation, organisation=organisation, user=member.user)
    try:
        organisation.delete()
    except ProtectedError as error:
        kinds = {str(row._meta.verbose_name_plural) for row in error.protected_objects}  # noqa: SLF001
        raise OrganisationNotEmpty(
            gettext("The organisation still owns %(kinds)s.") % {"kinds": ", ".join(sorted(kinds))}
        ) from error


@transaction.atomic
def change_role(*, membership: Membership, role: str, actor: User) -> Membership:
    """Give a member another role.

    Owners may do everything, managers what concerns employees, viewers and members. Invitations that the member sent
    and could not send in the new role are withdrawn. Raises UnknownRole, RoleOutOfReach, LastOwner.
    """
    organisation, membership = _standing(membership)
    wanted = known_role(role)
    before = Role(membership.role)
    refuse_out_of_reach(organisation, actor, before, wanted)
    if wanted == before:
        return membership
    if before == Role.OWNER:
        _refuse_last_owner(membership)
    membership.role = wanted
    membership.save(update_fields=["role"])
    _withdraw_invitations(membership, wanted)
    data = {"user": membership.user_id, "role": [before.value, wanted.value]}
    record(actor=actor, action="membership.changed", subject=organisation, data=data)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, actor: User) -> None:
    """Take a member out of the organisation, or leave it oneself, which everybody may but the last owner.

    What was shared of the organisation's with them ends, their expense accounts are no longer seen by it, and the
    invitations that they sent are withdrawn. Raises RoleOutOfReach, LastOwner.
    """
    organisation, membership = _standing(membership)
    role, user = Role(membership.role), membership.user
    if user != actor:
        refuse_out_of_reach(organisation, actor, role)
    if role == Role.OWNER:
        _refuse_last_owner(membership)
    _withdraw_invitations(membership, None)
    membership.delete()
    left.send(sender=Organisation, organisation=organisation, user=user)
    action = "membership.left" if user == actor else "membership.removed"
    record(actor=actor, action=action, subject=organisation, data={"user": user.pk, "role": role.value})


def locked(organisation: Organisation) -> Organisation:
    """The organisation as it is now, its row locked until the transaction ends. Raises NotOfOrganisation if gone."""
    found = Organisation.objects.select_for_update(no_key=True).filter(pk=organisation.pk).first()
    if found is None:
        raise NotOfOrganisation
    return found


def role_of(organisation: Organisation, user: User) -> Role | None:
    held = Membership.objects.filter(organisation=organisation, user=user).values_list("role", flat=True).first()
    return Role(held) if held else None


def known_role(role: str) -> Role:
    if role not in Role.values:
        raise UnknownRole(field="role")
    return Role(role)


def refuse_out_of_reach(organisation: Organisation, actor: User, *roles: Role) -> None:
    """Raise RoleOutOfReach if ``actor`` may not give or take one of these ``roles``."""
    own = role_of(organisation, actor)
    if not all(role in within_reach(own) for role in roles):
        raise RoleOutOfReach


def within_reach(role: str | None) -> list[Role]:
    """The roles that somebody with ``role`` gives and takes."""
    if role == Role.OWNER:
        return list(Role)
    return list(BELOW_MANAGERS) if role == Role.MANAGER else []


def _standing(membership: Membership) -> tuple[Organisation, Membership]:
    """The organisation, locked, and the membership as it is under that lock. Raises NotOfOrganisation."""
    organisation = locked(membership.organisation)
    found = Membership.objects.select_related("user").filter(pk=membership.pk).first()
    if found is None:
        raise NotOfOrganisation
    return organisation, found


def _refuse_last_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(organisation=membership.organisation_id, role=Role.OWNER)
    if not owners.exclude(pk=membership.pk).filter(user__is_active=True).exists():
        raise LastOwner


def _withdraw_invitations(membership: Membership, role: Role | None) -> None:
    """Those that the member sent and that nobody with ``role`` could send."""
    sent = membership.organisation.invitations.open().filter(invited_by=membership.user_id)
    sent.exclude(role__in=within_reach(role)).update(withdrawn_at=timezone.now())


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with the name in one line. Raises OrganisationNameNeeded, UnknownCurrency."""
    if "name" in values:
        values = values | {"name": " ".join(values["name"].split())}
        if not values["name"] or len(values["name"]) > LONGEST_NAME or not values["name"].isprintable():
            raise OrganisationNameNeeded(field="name")
    if "base_currency" in values:
        try:
            minor_units(values["base_currency"])
        except UnknownCurrency as error:
            raise UnknownCurrency(error.message, field="base_currency") from error
    return values
