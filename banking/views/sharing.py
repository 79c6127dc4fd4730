"""With whom an account is shared; portfolios are shared on a page like it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from banking.forms.sharing import ROLES, ShareForm
from banking.models import Account, AccountShare, ShareRole
from banking.services.sharing import change_account_share, share_account, unshare_account
from core.api import PLAIN_INTEGER
from core.errors import DomainError, Gone
from core.web import Right, bad_request, obtain
from users.models import MANAGING, User


class SharingPage(View):
    """Who else sees it. A POST says with ``action`` "share", "role" or "end"; who has a share may end it, too."""

    http_method_names = ["get", "head", "post", "options"]
    shared: Any
    template: str
    share_it: Any
    change_it: Any
    end_it: Any

    @property
    def user(self) -> User:
        return cast("User", self.request.user)

    @cached_property
    def row(self) -> Any:
        rows = self.shared.objects.with_roles(self.user).select_related("owner", "organisation")
        return obtain(rows, self.user, Right.SEE, pk=self.kwargs["pk"])

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self.shown(ShareForm())

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        self.row  # noqa: B018  a stranger's is a 404 before anything else
        actions = {"share": self.share, "role": self.change, "end": self.end}
        action = actions.get(request.POST.get("action", ""))
        try:
            return action() if action else bad_request(request)
        except Gone as error:
            raise Http404 from error
        except DomainError as error:
            messages.error(request, error.message)
            return redirect(request.path)

    def share(self) -> HttpResponse:
        row, form = self._managed(), ShareForm(self.request.POST)
        if not form.is_valid():
            return self.shown(form)
        try:
            share = type(self).share_it(row, actor=self.user, **form.cleaned_data)
        except DomainError as error:
            form.refuse(error)
            return self.shown(form)
        login = share.user.get_username()
        said = {"person": share.user.get_full_name() or login, "login": login, "role": _role(share.role)}
        messages.success(self.request, _("Shared with %(person)s (%(login)s) as %(role)s.") % said)
        return redirect(self.request.path)

    def change(self) -> HttpResponse:
        self._managed()
        share = type(self).change_it(self._share(), role=self.request.POST.get("role", ""), actor=self.user)
        messages.success(
            self.request, _("%(person)s is %(role)s now.") % {"person": share.user, "role": _role(share.role)}
        )
        return redirect(self.request.path)

    def end(self) -> HttpResponse:
        share = self._share()
        type(self).end_it(share, actor=self.user)
        if share.user == self.user:
            messages.success(self.request, _("%(name)s is not shared with you any more.") % {"name": self.row.name})
            return redirect("dashboard")
        messages.success(self.request, _("It is not shared with %(person)s any more.") % {"person": share.user})
        return redirect(self.request.path)

    def shown(self, form: ShareForm) -> HttpResponse:
        role = self.row.role_for(self.user)
        context = self.around() | {
            "row": self.row,
            "role": role,
            "may_manage": role in MANAGING,
            "shares": self.row.shares.visible_to(self.user).select_related("user", "created_by"),
            "roles": ROLES,
            "form": form,
        }
        return render(self.request, self.template, context)

    def around(self) -> dict[str, Any]:
        """What the page shows beside it."""
        return {}

    def _managed(self) -> Any:
        return obtain(self.shared.objects.all(), self.user, Right.MANAGE, pk=self.row.pk)

    def _share(self) -> Any:
        """The share that the form names, of what the page is about. Raises Http404."""
        number = self.request.POST.get("share", "")
        if not PLAIN_INTEGER.fullmatch(number):
            raise Http404
        return obtain(self.row.shares.select_related("user"), self.user, Right.SEE, pk=int(number))


def _role(role: str) -> str:
    """What somebody is who has it, within a sentence."""
    return _("editor") if role == ShareRole.EDITOR else _("viewer")


class AccountSharingPage(SharingPage):
    """``/banking/accounts/<id>/sharing/``"""

    shared, template = Account, "banking/sharing.html"

    @staticmethod
    def share_it(account: Account, **given: Any) -> AccountShare:
        return share_account(account=account, **given)

    @staticmethod
    def change_it(share: AccountShare, **given: Any) -> AccountShare:
        return change_account_share(share=share, **given)

    @staticmethod
    def end_it(share: AccountShare, **given: Any) -> None:
        unshare_account(share=share, **given)
