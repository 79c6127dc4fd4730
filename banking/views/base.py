"""What every page of banking begins with: who asks, and the accounts that they see, book into and manage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.http import HttpRequest
from django.utils.decorators import method_decorator

from banking.models import Account
from banking.models.account import AccountQuerySet
from core.errors import DomainError
from core.web import Right, login_needed, obtain
from users.models import User

private: Any = method_decorator(cast("Any", login_needed), name="dispatch")


def caller(request: HttpRequest) -> User:
    """Who asks; behind ``login_needed`` that is somebody."""
    return cast("User", request.user)


def visible(request: HttpRequest) -> AccountQuerySet:
    """The accounts that the caller sees."""
    return _whole(Account.objects.visible_to(caller(request)))


def editable(request: HttpRequest) -> AccountQuerySet:
    """The accounts that the caller may book into."""
    return _whole(Account.objects.editable_by(caller(request)))


def managed(request: HttpRequest) -> AccountQuerySet:
    """The accounts that the caller may change, share and close."""
    return _whole(Account.objects.managed_by(caller(request)))


def account_for(request: HttpRequest, right: Right, pk: int) -> Account:
    """The account with this id; a 404 for what the caller does not see, a 403 for what they have no such right to."""
    found: Account = obtain(_whole(Account.objects.all()), caller(request), right, pk=pk)
    return found


def tried(form: forms.Form, change: Callable[[], Any]) -> Any:
    """What ``change`` gives, or None with its refusal beside the input that it names."""
    try:
        return change()
    except DomainError as error:
        form.add_error(error.field if error.field in form.fields else None, error.message)
    return None


def _whole(accounts: AccountQuerySet) -> AccountQuerySet:
    """With those that they belong to, so that naming them asks nothing more."""
    return accounts.select_related("owner", "organisation", "employer")
