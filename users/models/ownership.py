"""What belongs to one person or to one organisation, and who may therefore see and change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from users.models.organisation import Organisation, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models.user import User


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
