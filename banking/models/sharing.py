"""Who else sees an account or books into it; the same for portfolios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from users.models import Role, allowed

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class ShareRole(models.TextChoices):
    """What a person may do with one account or portfolio of somebody else."""

    VIEWER = "viewer", _("Sees it")
    EDITOR = "editor", _("Sees it and books into it")


class ShareQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of what one manages, and one's own share in somebody's."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(allowed(user, Role.MANAGER, f"{self.model.shared}__") | Q(user=user))

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return (
            self.filter(allowed(user, Role.MANAGER, f"{self.model.shared}__")) if user.is_authenticated else self.none()
        )


class Share(models.Model):
    """Lets one more person see what the field ``shared`` names, or book into it."""

    shared: str

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.CharField(max_length=6, choices=ShareRole, default=ShareRole.VIEWER)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ShareQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{getattr(self, f'{self.shared}_id')} for {self.user_id}"


class AccountShare(Share):
    """Lets one more person see an account, or book into it."""

    shared = "account"

    account = models.ForeignKey("banking.Account", models.CASCADE, related_name="shares")

    class Meta(Share.Meta):
        constraints = [
            models.UniqueConstraint(fields=["account", "user"], name="account_shared_once"),
            models.CheckConstraint(condition=Q(role__in=ShareRole.values), name="account_share_role_known"),
        ]
