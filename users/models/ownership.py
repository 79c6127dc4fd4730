"""What belongs to one person or to one organisation, and who may therefore see and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery

from users.models.organisation import Membership, Organisation, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models.user import User

# What a person is to a row, by organisation or by share, from the least to the most.
STANDINGS = ("viewer", "member", "editor", "manager", "owner")
BOOKING, MANAGING = STANDINGS[1:], STANDINGS[3:]


class OwnedQuerySet(models.QuerySet[Any]):
    """Rows with ``owner`` (a person) or ``organisation``: exactly one of the two."""

    def of(self, owner: User | Organisation) -> Self:
        """What belongs to this person or organisation itself."""
        return self.filter(**owned_by(owner))

    def belonging_with(self, row: Any) -> Self:
        """What belongs to the same person or organisation as ``row``."""
        return self.filter(owner=row.owner_id, organisation=row.organisation_id)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(self.allowed(user, Role.VIEWER)) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        """Those into which ``user`` may book."""
        return self.filter(self.allowed(user, Role.MEMBER)) if user.is_authenticated else self.none()

    def managed_by(self, user: User | AnonymousUser) -> Self:
        """Those that ``user`` may share, close, delete and set up."""
        return self.filter(self.allowed(user, Role.MANAGER)) if user.is_authenticated else self.none()

    def with_roles(self, user: User) -> Self:
        """With what ``Owned.role_for(user)`` needs, so that it asks nothing more."""
        held = Membership.objects.filter(organisation=OuterRef("organisation"), user=user)
        shares = self.model._meta.get_field("shares")  # noqa: SLF001  Django documents it
        given = shares.related_model.objects.filter(**{shares.field.name: OuterRef("pk")}, user=user)
        return self.annotate(
            member_role=Subquery(held.values("role")[:1]), share_role=Subquery(given.values("role")[:1])
        )

    @staticmethod
    def allowed(user: User | AnonymousUser, role: Role) -> Q:
        return allowed(user, role)


class Owned(models.Model):
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        abstract = True

    @property
    def holder(self) -> User | Organisation:
        """The person or organisation that it belongs to."""
        if self.owner:
            return self.owner
        if self.organisation:
            return self.organisation
        raise ValueError("It belongs to nobody yet.")

    def role_for(self, user: User) -> str:
        """What ``user`` is to it: one of STANDINGS, the higher one of two; "" for somebody who does not see it.

        One query, unless the row was read ``with_roles``.
        """
        if self.owner_id == user.pk:
            return "owner"
        row: Any = self
        if not hasattr(self, "member_role"):
            rows: Any = type(self)._default_manager  # noqa: SLF001  Django documents it
            row = rows.filter(pk=self.pk).with_roles(user).first()
        known = [role for role in (row and row.member_role, row and row.share_role) if role in STANDINGS]
        return max(known, key=STANDINGS.index, default="")

    def belongs_with(self, other: Owned) -> bool:
        """Whether both belong to the same person or organisation."""
        return (self.owner_id, self.organisation_id) == (other.owner_id, other.organisation_id)


def allowed(user: User | AnonymousUser, role: Role, path: str = "") -> Q:
    """What belongs to ``user``, or to an organisation where they have ``role``. ``path`` leads there: "account__"."""
    firms = Organisation.objects.where(user, role)
    return Q(**{f"{path}owner": user}) | Q(**{f"{path}organisation__in": firms})


def owned_by(holder: User | Organisation) -> dict[str, Any]:
    """The two columns of what belongs to ``holder``."""
    firm = isinstance(holder, Organisation)
    return {"owner": None if firm else holder, "organisation": holder if firm else None}


def one_owner(name: str) -> models.CheckConstraint:
    """Exactly one of owner and organisation."""
    person, firm = Q(owner__isnull=False), Q(organisation__isnull=False)
    return models.CheckConstraint(condition=(person & ~firm) | (firm & ~person), name=name)
