"""The audit trail, jobs and idempotency keys in the admin: to read, not to change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from activity.models import AuditEvent, IdempotencyKey, Job

if TYPE_CHECKING:  # generic in its stubs only
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class ReadOnly:
    """Rows that the server writes, in any app: an administrator looks and filters."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "actor", "action", "subject_type", "subject_id"]
    list_filter = ["action", "subject_type", "at"]
    list_select_related = ["actor"]
    search_fields = ["action", "subject_id", "actor__username"]
    date_hierarchy = "at"


@admin.register(Job)
class JobAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "kind", "owner", "state", "done", "total", "started_at", "finished_at"]
    list_filter = ["state", "kind", "created_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "kind", "message", "owner__username"]


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "user", "key", "status"]
    list_filter = ["status", "created_at"]
    list_select_related = ["user"]
    search_fields = ["key", "user__username"]
    fields = ["user", "key", "fingerprint", "status", "headers", "created_at"]
