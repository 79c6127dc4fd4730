"""How somebody reads files of one kind of header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from users.models import User


class ImportMappingQuerySet(models.QuerySet["ImportMapping"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        return self.filter(owner=user) if user.is_authenticated else self.none()

    def editable_by(self, user: User | AnonymousUser) -> Self:
        return self.visible_to(user)


class ImportMapping(models.Model):
    """Which column is which in files whose header is this one, as its owner said last."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    header = models.CharField(max_length=64, help_text="SHA-256 of the names of the columns, in their order.")
    mapping = models.JSONField(help_text="See banking/statements/mapping.py.")
    changed_at = models.DateTimeField(auto_now=True)

    objects = ImportMappingQuerySet.as_manager()

    class Meta:
        ordering = ["-changed_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["owner", "header"], name="import_mapping_once_per_header")]

    def __str__(self) -> str:
        return f"columns of {self.header[:8]}"
