"""Invitations: a link by mail, whose secret is stored as a hash only and works once."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from smtplib import SMTPException
from typing import NamedTuple

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext

from activity.services import record
from core.errors import DomainError, Forbidden
from users.models import Invitation, Membership, Organisation, User
from users.services.organisations import known_role, locked, refuse_out_of_reach

logger = logging.getLogger(__name__)
LONGEST_ADDRESS = 254
MOST_A_DAY = 100  # by one person, so that nobody mails strangers through this server


class BadAddress(DomainError):
    """Write an e-mail address, such as anna@example.org."""


class TooManyInvitations(DomainError):
    """You sent 100 invitations in the last 24 hours. Send more tomorrow."""


class InvitationUnknown(DomainError):
    """There is no such invitation. Look whether the link is whole."""


class InvitationUsed(DomainError):
    """This invitation was accepted already; a link works once."""


class InvitationWithdrawn(DomainError):
    """This invitation was withdrawn or declined."""


class InvitationExpired(DomainError):
    """This invitation has expired. Ask for a new one."""


class MemberAlready(DomainError):
    """You belong to this organisation already."""


class NotYoursToWithdraw(Forbidden):
    """Managers withdraw invitations of employees, viewers and members; those of managers and owners are an owner's."""


class Sent(NamedTuple):
    """An invitation with its link, which nothing can tell again later."""

    invitation: Invitation
    link: str


@transaction.atomic
def invite(
    *,
    organisation: Organisation,
    email: str,
    role: str,
    actor: User,
    link: Callable[[str], str],
    now: datetime | None = None,
) -> Sent:
    """Invite whoever reads ``email`` as ``role``; ``link`` makes the address of the page from the secret.

    An open invitation of the same address is withdrawn. The mail goes out once this is committed. Raises
    BadAddress, UnknownRole, RoleOutOfReach, TooManyInvitations.
    """
    now = now or timezone.now()
    address, wanted = _checked(email), known_role(role)
    organisation = locked(organisation)
    refuse_out_of_reach(organisation, actor, wanted)
    if Invitation.objects.filter(invited_by=actor, created_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise TooManyInvitations
    organisation.invitations.open().filter(email__iexact=address).update(withdrawn_at=now)
    secret = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organisation=organisation,
        email=address,
        role=wanted,
        secret_hash=hashed(secret),
        invited_by=actor,
        expires_at=now + timedelta(days=settings.INVITATION_DAYS),
    )
    data = {"email": address, "role": wanted.value, "invitation": invitation.pk}
    record(actor=actor, action="invitation.sent", subject=organisation, data=data)
    sent = Sent(invitation, link(secret))
    transaction.on_commit(partial(_mail, sent, actor))
    return sent


@transaction.atomic
def withdraw(*, invitation: Invitation, actor: User, now: datetime | None = None) -> None:
    """Make the link useless. Doing it again changes nothing. Raises NotYoursToWithdraw, InvitationUsed."""
    organisation = locked(invitation.organisation)
    try:
        refuse_out_of_reach(organisation, actor, known_role(invitation.role))
    except Forbidden as error:
        raise NotYoursToWithdraw from error
    if Invitation.objects.open().filter(pk=invitation.pk).update(withdrawn_at=now or timezone.now()):
        data = {"email": invitation.email, "invitation": invitation.pk}
        record(actor=actor, action="invitation.withdrawn", subject=organisation, data=data)
    elif Invitation.objects.filter(pk=invitation.pk, accepted_at__isnull=False).exists():
        raise InvitationUsed


def opened(secret: str, now: datetime | None = None) -> Invitation:
    """The invitation that this secret opens now. Raises InvitationUnknown, -Used, -Withdrawn or -Expired."""
    found = Invitation.objects.select_related("organisation", "invited_by").filter(secret_hash=hashed(secret)).first()
    if found is None:
        raise InvitationUnknown(field="secret")
    if found.accepted_at:
        raise InvitationUsed(field="secret")
    if found.withdrawn_at:
        raise InvitationWithdrawn(field="secret")
    if found.expires_at <= (now or timezone.now()):
        raise InvitationExpired(field="secret")
    return found


@transaction.atomic
def accept(*, secret: str, user: User, now: datetime | None = None) -> Membership:
    """Make ``user`` a member; of many who come at once, one. Raises what ``opened`` does, and MemberAlready."""
    now = now or timezone.now()
    organisation = locked(opened(secret, now).organisation)
    invitation = opened(secret, now)  # as it is under the lock
    if organisation.memberships.filter(user=user).exists():
        raise MemberAlready(field="secret")
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=now, accepted_by=user)
    membership = Membership.objects.create(organisation=organisation, user=user, role=invitation.role)
    data = {"invitation": invitation.pk, "email": invitation.email, "role": invitation.role}
    record(actor=user, action="invitation.accepted", subject=organisation, data=data)
    return membership


@transaction.atomic
def decline(*, secret: str, user: User, now: datetime | None = None) -> Organisation:
    """Say no; the link is useless afterwards. Raises what ``opened`` does."""
    now = now or timezone.now()
    organisation = locked(opened(secret, now).organisation)
    invitation = opened(secret, now)
    Invitation.objects.filter(pk=invitation.pk).update(withdrawn_at=now)
    data = {"invitation": invitation.pk, "email": invitation.email}
    record(actor=user, action="invitation.declined", subject=organisation, data=data)
    return organisation


def hashed(secret: str) -> str:
    """SHA-256, enough for a secret of 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _checked(email: str) -> str:
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError as error:
        raise BadAddress(field="email") from error
    if len(address) > LONGEST_ADDRESS:
        raise BadAddress(field="email")
    return address


def _mail(sent: Sent, actor: User) -> None:
    """Send the link. A mail server that fails is logged without the link; whoever invited has it and can pass it on."""
    invitation = sent.invitation
    context = {"invitation": invitation, "organisation": invitation.organisation, "link": sent.link, "actor": actor}
    with translation.override(settings.LANGUAGE_CODE):  # who gets it need not speak what its sender does
        text = render_to_string("users/invitation_mail.txt", context)
        subject = gettext("Invitation to %(name)s") % {"name": invitation.organisation.name}
    try:
        send_mail(subject, text, None, [invitation.email])
    except (SMTPException, OSError) as error:
        logger.warning("The mail of invitation %s was not sent: %s", invitation.pk, type(error).__name__)
