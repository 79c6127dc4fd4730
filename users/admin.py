"""People and their logins in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth.models import Group, Permission
from django.db.models import BooleanField, Exists, Model, OuterRef, QuerySet, Value
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from activity.admin import OnSite, ReadOnly
from users.models import OVERSEER, Invitation, Membership, Organisation, TokenFamily, User

if TYPE_CHECKING:  # generic in their stubs only
    UserModelAdmin = auth_admin.UserAdmin[User]
    GroupModelAdmin = auth_admin.GroupAdmin
    PermissionChoiceField = forms.ModelMultipleChoiceField[Permission]
    TokenModelAdmin = admin.ModelAdmin[TokenFamily]
    OrganisationModelAdmin = admin.ModelAdmin[Organisation]
    InvitationModelAdmin = admin.ModelAdmin[Invitation]
    MembershipTabularInline = admin.TabularInline[Membership, Organisation]
else:
    UserModelAdmin, GroupModelAdmin = auth_admin.UserAdmin, auth_admin.GroupAdmin
    PermissionChoiceField = forms.ModelMultipleChoiceField
    TokenModelAdmin = OrganisationModelAdmin = InvitationModelAdmin = admin.ModelAdmin
    MembershipTabularInline = admin.TabularInline

ALLOWED = {
    "add": _("Can add %(name)s"),
    "change": _("Can change %(name)s"),
    "delete": _("Can delete %(name)s"),
    "view": _("Can view %(name)s"),
}
OTHERWISE_ALLOWED = [gettext_noop("Can look at everybody's money, read only")]  # as the model of flags has it


def holder_page(row: Any) -> str | None:
    """Where who oversees the bank looks at the person or organisation that ``row`` belongs to."""
    if row.organisation_id:
        return reverse("bank-organisation", args=[row.organisation_id])
    return reverse("bank-person", args=[row.owner_id]) if row.owner_id else None


class OverseenOnSite(OnSite):
    """Rows whose page on the site is for who oversees the bank alone."""

    def overseers_page(self, row: Any) -> str | None:
        """The address of the page that who oversees the bank has of a row."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]  # of the ModelAdmin beside it
        oversees = Value(request.user.has_perm(OVERSEER), output_field=BooleanField())
        return rows.annotate(overseen_on_site=oversees)

    def site_page(self, row: Any) -> str | None:
        return self.overseers_page(row) if row.overseen_on_site else None


class OwnedOnSite(OverseenOnSite):
    """Rows of somebody: their page for whom they are visible, the holder's for who oversees the bank, else none.

    ``through`` is the way from a row to what belongs to somebody, such as "portfolio"; empty: the row itself.
    """

    through = ""

    def own_page(self, row: Any) -> str:
        """The address of the page of a row that the administrator sees on the site, too."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        path = self.through.split("__") if self.through else []
        owned: type[Model] = rows.model
        for name in path:
            owned = cast("type[Model]", owned._meta.get_field(name).related_model)  # noqa: SLF001  Django's public name
        seen = owned._default_manager.all().visible_to(request.user)  # type: ignore[attr-defined]  # noqa: SLF001
        return rows.annotate(seen_on_site=Exists(seen.order_by().filter(pk=OuterRef("__".join([*path, "pk"])))))

    def site_page(self, row: Any) -> str | None:
        return self.own_page(row) if row.seen_on_site else super().site_page(row)

    def overseers_page(self, row: Any) -> str | None:
        owned = row
        for name in self.through.split("__") if self.through else []:
            owned = getattr(owned, name)
        return holder_page(owned)


class PermissionsField(PermissionChoiceField):
    """Permissions in the reader's language; the database has them in English."""

    def label_from_instance(self, obj: Permission) -> str:
        kind = obj.content_type
        model, (action, _separator, name) = kind.model_class(), obj.codename.partition("_")
        if model is None or name != kind.model or action not in ALLOWED:
            return f"{kind} | {gettext(obj.name)}"
        return f"{kind} | {ALLOWED[action] % {'name': model._meta.verbose_name}}"  # noqa: SLF001  Django's public name


class GivesPermissions:
    """People and groups, whose pages offer permissions."""

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        if db_field.remote_field.model is Permission:
            kwargs["form_class"] = PermissionsField
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]  # of the ModelAdmin beside it


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(GivesPermissions, GroupModelAdmin):
    """Django's, with permissions in the reader's language."""


@admin.register(User)
class UserAdmin(GivesPermissions, OverseenOnSite, UserModelAdmin):
    date_hierarchy = "date_joined"
    list_display = ["username", "email", "base_currency", "time_zone", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "base_currency"]
    fieldsets = [
        *(auth_admin.UserAdmin.fieldsets or ()),
        (_("Display"), {"fields": ["base_currency", "time_zone", "locale"]}),
    ]

    def overseers_page(self, row: Any) -> str:
        return reverse("bank-person", args=[row.pk])


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnly, TokenModelAdmin):
    list_display = ["user", "created_at", "expires_at", "revoked_at"]
    list_filter = ["created_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    date_hierarchy = "created_at"
    fields = ["user", "created_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description=_("End the selected logins"), permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[TokenFamily]) -> None:
        ended = queryset.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        words = ngettext("%(number)s login was ended.", "%(number)s logins were ended.", ended)
        self.message_user(request, words % {"number": ended})


class MembershipInline(MembershipTabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Organisation)
class OrganisationAdmin(OverseenOnSite, OrganisationModelAdmin):
    list_display = ["name", "base_currency", "created_at"]
    list_filter = ["base_currency"]
    search_fields = ["name", "memberships__user__username"]
    date_hierarchy = "created_at"
    readonly_fields = ["created_at"]
    inlines = [MembershipInline]

    def overseers_page(self, row: Any) -> str:
        return reverse("bank-organisation", args=[row.pk])


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, InvitationModelAdmin):
    list_display = ["email", "organisation", "role", "created_at", "expires_at", "accepted_at", "withdrawn_at"]
    list_filter = ["role", ("accepted_at", admin.EmptyFieldListFilter), ("withdrawn_at", admin.EmptyFieldListFilter)]
    list_select_related = ["organisation"]
    search_fields = ["email", "organisation__name"]
    date_hierarchy = "created_at"
    exclude = ["secret_hash"]
