"""People and their logins in the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from activity.admin import ReadOnly
from users.models import Invitation, Membership, Organisation, TokenFamily, User

if TYPE_CHECKING:  # generic in their stubs only
    UserModelAdmin = auth_admin.UserAdmin[User]
    TokenModelAdmin = admin.ModelAdmin[TokenFamily]
    OrganisationModelAdmin = admin.ModelAdmin[Organisation]
    InvitationModelAdmin = admin.ModelAdmin[Invitation]
    MembershipTabularInline = admin.TabularInline[Membership, Organisation]
else:
    UserModelAdmin = auth_admin.UserAdmin
    TokenModelAdmin = OrganisationModelAdmin = InvitationModelAdmin = admin.ModelAdmin
    MembershipTabularInline = admin.TabularInline


@admin.register(User)
class UserAdmin(UserModelAdmin):
    list_display = ["username", "email", "base_currency", "time_zone", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "is_superuser", "base_currency"]
    fieldsets = [
        *(auth_admin.UserAdmin.fieldsets or ()),
        ("Display", {"fields": ["base_currency", "time_zone", "locale"]}),
    ]


@admin.register(TokenFamily)
class TokenFamilyAdmin(ReadOnly, TokenModelAdmin):
    list_display = ["user", "created_at", "expires_at", "revoked_at"]
    list_filter = ["created_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    fields = ["user", "created_at", "expires_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description="End the selected logins", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[TokenFamily]) -> None:
        ended = queryset.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
        self.message_user(request, f"{ended} logins were ended.")


class MembershipInline(MembershipTabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ["user"]


@admin.register(Organisation)
class OrganisationAdmin(OrganisationModelAdmin):
    list_display = ["name", "base_currency", "created_at"]
    search_fields = ["name"]
    readonly_fields = ["created_at"]
    inlines = [MembershipInline]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly, InvitationModelAdmin):
    list_display = ["email", "organisation", "role", "created_at", "expires_at", "accepted_at", "withdrawn_at"]
    list_select_related = ["organisation"]
    search_fields = ["email", "organisation__name"]
    exclude = ["secret_hash"]
