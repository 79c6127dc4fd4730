"""Firms and families, and who does what in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from users.models.user import validate_currency

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models.user import User


class Role(models.TextChoices):
    """What a member may do; each role may do what those before it may."""

    EMPLOYEE = "employee", _("Employee: has expense accounts that the organisation sees; sees nothing of its books")
    VIEWER = "viewer", _("Viewer: reads the organisation's accounts and portfolios")
    MEMBER = "member", _("Member: books into them as well")
    MANAGER = "manager", _("Manager: opens, closes and shares them, sees the employees' expense accounts, invites")
    OWNER = "owner", _("Owner: changes roles and the organisation itself")

    @property
    def word(self) -> str:
        return str(self.label).split(":")[0]

    @property
    def said(self) -> str:
        """The word within a sentence."""
        return str(SAID[self])

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def and_above(self) -> list[Role]:
        return list(Role)[self.rank :]


SAID = {
    Role.EMPLOYEE: _("employee"),
    Role.VIEWER: _("viewer"),
    Role.MEMBER: _("member"),
    Role.MANAGER: _("manager"),
    Role.OWNER: _("owner"),
}


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def where(self, user: User | AnonymousUser, role: Role) -> Self:
        """The organisations in which ``user`` has ``role`` or one above it."""
        if not user.is_authenticated:
            return self.none()
        held = Membership.objects.filter(user=user, role__in=role.and_above())
        return self.filter(pk__in=held.values("organisation"))

    def with_role(self, user: User) -> Self:
        """With ``role``, what ``user`` is in each."""
        held = Membership.objects.filter(organisation=OuterRef("pk"), user=user)
        return self.annotate(role=Subquery(held.values("role")[:1]))

    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.where(user, Role.EMPLOYEE)

    def managed_by(self, user: User | AnonymousUser) -> Self:
        return self.where(user, Role.MANAGER)

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.where(user, Role.OWNER)


class Organisation(models.Model):
    """A firm, a family or a club that owns accounts and portfolios of its own."""

    name = models.CharField(max_length=100)
    base_currency = models.CharField(max_length=3, default="USD", validators=[validate_currency])
    created_at = models.DateTimeField(auto_now_add=True)
    if TYPE_CHECKING:
        role: str  # of whom ``with_role`` named

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="organisation_has_name")]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """One's own, and those of everybody in the organisations whose books one reads."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(Q(user=user) | Q(organisation__in=Organisation.objects.where(user, Role.VIEWER)))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.filter(organisation__in=Organisation.objects.managed_by(user))


class Membership(models.Model):
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "user"], name="membership_once_per_person"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]
        indexes = [models.Index(fields=["user", "role"], name="membership_user_role")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.organisation_id}"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(organisation__in=Organisation.objects.managed_by(user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.visible_to(user)

    def open(self) -> Self:
        return self.filter(accepted_at__isnull=True, withdrawn_at__isnull=True)


class Invitation(models.Model):
    """A link that was mailed to somebody; who opens it and logs in becomes a member, once."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=8, choices=Role)
    secret_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret in the link.")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_known"),
            models.CheckConstraint(
                condition=Q(accepted_at__isnull=True) | Q(withdrawn_at__isnull=True), name="invitation_ended_once"
            ),
            models.UniqueConstraint(
                "organisation",
                Lower("email"),
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organisation_id} as {self.role}"
