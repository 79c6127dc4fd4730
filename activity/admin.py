"""The audit trail, jobs and idempotency keys in the admin: to read, not to change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from activity.models import AuditEvent, IdempotencyKey, Job
from core.errors import DomainError

if TYPE_CHECKING:  # generic in its stubs only
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


VOIDED, RESTORED = _("Voided"), _("Restored")  # what ``act_on_each`` says was done


class ReadOnly:
    """Rows that the server writes, in any app: an administrator looks and filters."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class OnSite:
    """Rows that have a page on the site, in any app: a link to it in the list, and "View on site" on the row's own.

    ``site_page`` gives the address, None where the administrator would find nothing there; of itself that of the row's
    ``get_absolute_url``, as Django has it.
    """

    def site_page(self, row: Any) -> str | None:
        return str(row.get_absolute_url()) if hasattr(row, "get_absolute_url") else None

    def get_view_on_site_url(self, obj: Any = None) -> str | None:
        return None if obj is None else self.site_page(obj)

    def get_list_display(self, request: HttpRequest) -> Any:
        return [*super().get_list_display(request), "on_site"]  # type: ignore[misc]  # of the ModelAdmin beside it

    @admin.display(description=_("on the site"), empty_value="–")
    def on_site(self, row: Any) -> str | None:
        address = self.site_page(row)
        if not address:
            return None
        words = gettext("View")
        return format_html('<a href="{}" aria-label="{}: {}">{}</a>', address, words, row, words)


class SecurityOnSite(OnSite):
    """Rows about one security, which ``list_select_related`` reads with them: its page."""

    def site_page(self, row: Any) -> str | None:
        return reverse("asset-page", args=[row.asset.symbol])


def act_on_each(
    page: Any,
    request: HttpRequest,
    rows: Iterable[Any],
    act: Callable[[Any], Any],
    done: Promise,
    *,
    called: Callable[[Any], str] = str,
) -> None:
    """``act`` on one row after the other, and say what became of each; ``called`` names a row to the reader."""
    for row in rows:
        name = called(row)
        try:
            act(row)
        except DomainError as error:
            page.message_user(request, f"{name}: {error.message}", messages.ERROR)
        else:
            page.message_user(request, f"{done}: {name}", messages.SUCCESS)


def row_page(label: str, pk: str) -> str | None:
    """The admin's page of the row that ``label``, such as portfolios.trade, and its id name; None without one."""
    try:
        options = apps.get_model(label)._meta  # noqa: SLF001  Django's public name for it
        return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[pk])
    except (LookupError, ValueError, NoReverseMatch):
        return None


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, ModelAdmin):
    list_display = ["at", "actor", "action", "subject_type", "subject"]
    list_filter = ["action", "subject_type", "at"]
    list_select_related = ["actor"]
    search_fields = ["action", "subject_id", "actor__username"]
    date_hierarchy = "at"

    @admin.display(description=_("subject"), ordering="subject_id")
    def subject(self, event: AuditEvent) -> str:
        """Its id, with the way to it while it has a page in the admin."""
        address = row_page(event.subject_type, event.subject_id)
        return format_html('<a href="{}">{}</a>', address, event.subject_id) if address else event.subject_id


@admin.register(Job)
class JobAdmin(OnSite, ReadOnly, ModelAdmin):
    list_display = ["created_at", "kind", "owner", "state", "done", "total", "started_at", "finished_at", "message"]
    list_filter = ["state", "kind", "created_at", "finished_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "kind", "message", "owner__username"]
    date_hierarchy = "created_at"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        own = ExpressionWrapper(Q(owner=request.user.pk), output_field=BooleanField())
        return super().get_queryset(request).annotate(own=own)

    def site_page(self, row: Any) -> str | None:
        """The list of one's own work, or of the server's; another person's is theirs."""
        if row.owner_id is None:
            return f"{reverse('jobs')}?whose=server"
        return reverse("jobs") if row.own else None


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnly, ModelAdmin):
    list_display = ["created_at", "user", "key", "status"]
    list_filter = ["status", "created_at"]
    list_select_related = ["user"]
    search_fields = ["key", "user__username"]
    date_hierarchy = "created_at"
    fields = ["user", "key", "fingerprint", "status", "headers", "created_at"]
