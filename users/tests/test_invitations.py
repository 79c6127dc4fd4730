"""Invitations: the mail, the link that works once, and all ways in which it does not."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from activity.models import AuditEvent, IdempotencyKey
from core.testing import client_of, make_user
from users.models import Invitation, Membership, Organisation, Role, User
from users.services.invitations import (
    MOST_A_DAY,
    BadAddress,
    InvitationExpired,
    InvitationUnknown,
    InvitationUsed,
    InvitationWithdrawn,
    MemberAlready,
    NotYoursToWithdraw,
    TooManyInvitations,
    accept,
    decline,
    invite,
    opened,
    withdraw,
)
from users.services.organisations import RoleOutOfReach, create_organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm(alice: User) -> Organisation:
    return create_organisation(name="Acme", actor=alice)


def secret_for(firm: Organisation, actor: User, role: str = "member", email: str = "bob@work.example") -> str:
    return invite(organisation=firm, email=email, role=role, actor=actor, link=str).link


def test_the_mail_goes_out_with_the_commit_and_holds_the_only_secret(
    firm: Organisation, alice: User, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        sent = invite(
            organisation=firm,
            email=" bob@work.example ",
            role="member",
            actor=alice,
            link=lambda secret: f"/x/{secret}",
        )
        assert not mail.outbox
    [message] = mail.outbox
    assert (message.to, message.subject) == (["bob@work.example"], "Invitation to Acme")
    assert sent.link in message.body
    secret = sent.link.removeprefix("/x/")
    assert secret not in str(list(Invitation.objects.values())) + str(list(AuditEvent.objects.values()))
    assert sent.invitation.expires_at - timezone.now() > timedelta(days=6, hours=23)


def test_a_mail_server_that_fails_is_logged_without_the_link(
    firm: Organisation,
    alice: User,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1"
    settings.EMAIL_PORT = 1  # nobody listens there
    with caplog.at_level(logging.WARNING), django_capture_on_commit_callbacks(execute=True):
        secret = secret_for(firm, alice)
    assert "was not sent" in caplog.text
    assert secret not in caplog.text
    assert opened(secret).email == "bob@work.example"


def test_it_is_accepted_once_by_whoever_has_the_link(firm: Organisation, alice: User, bob: User) -> None:
    secret = secret_for(firm, alice)
    member = accept(secret=secret, user=bob)
    assert (member.user, member.role) == (bob, Role.MEMBER)
    for somebody in (bob, make_user("carl")):
        with pytest.raises(InvitationUsed):
            accept(secret=secret, user=somebody)
    invitation = Invitation.objects.get()
    assert (invitation.accepted_by, invitation.withdrawn_at) == (bob, None)


def test_who_belongs_there_already_does_not_use_it_up(firm: Organisation, alice: User, bob: User) -> None:
    secret = secret_for(firm, alice)
    with pytest.raises(MemberAlready):
        accept(secret=secret, user=alice)
    assert accept(secret=secret, user=bob).role == Role.MEMBER


@pytest.mark.django_db(transaction=True)
def test_of_many_who_open_it_at_once_one_joins() -> None:
    alice = make_user("alice")
    firm = create_organisation(name="Acme", actor=alice)
    secret = secret_for(firm, alice)
    people = [make_user(f"person{number}") for number in range(5)]

    def attempt(user: User) -> bool:
        try:
            accept(secret=secret, user=user)
        except InvitationUsed:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(5) as pool:
        assert sum(pool.map(attempt, people)) == 1
    assert firm.memberships.count() == 2


def test_links_that_open_nothing(firm: Organisation, alice: User, bob: User) -> None:
    first = secret_for(firm, alice)
    second = secret_for(firm, alice, email="BOB@work.example")
    with pytest.raises(InvitationWithdrawn):  # by the second
        accept(secret=first, user=bob)
    with pytest.raises(InvitationExpired):
        accept(secret=second, user=bob, now=timezone.now() + timedelta(days=7, seconds=1))
    decline(secret=second, user=bob)
    with pytest.raises(InvitationWithdrawn):
        accept(secret=second, user=bob)
    with pytest.raises(InvitationUnknown):
        accept(secret="nothing", user=bob)
    assert firm.memberships.count() == 1


def test_withdrawing(firm: Organisation, alice: User, bob: User) -> None:
    manager = Membership.objects.create(organisation=firm, user=bob, role=Role.MANAGER)
    secret_for(firm, alice, role="owner")
    invitation = Invitation.objects.get()
    with pytest.raises(NotYoursToWithdraw):
        withdraw(invitation=invitation, actor=manager.user)
    for _ in range(2):
        withdraw(invitation=invitation, actor=alice)
    assert AuditEvent.objects.filter(action="invitation.withdrawn").count() == 1
    used = secret_for(firm, alice)
    accept(secret=used, user=make_user("carl"))
    with pytest.raises(InvitationUsed):
        withdraw(invitation=Invitation.objects.first() or invitation, actor=alice)


@pytest.mark.parametrize("email", ["", "x", "a@b\n@c.org", "a@b.org\nBcc: c@d.org", "x" * 300 + "@example.org"])
def test_what_is_no_address(email: str, firm: Organisation, alice: User) -> None:
    with pytest.raises(BadAddress):
        secret_for(firm, alice, email=email)
    assert not Invitation.objects.exists()


def test_managers_invite_those_below_them_and_nobody_without_end(firm: Organisation, alice: User, bob: User) -> None:
    Membership.objects.create(organisation=firm, user=bob, role=Role.MANAGER)
    for role in ("manager", "owner"):
        with pytest.raises(RoleOutOfReach):
            secret_for(firm, bob, role=role)
    for number in range(MOST_A_DAY):
        secret_for(firm, bob, email=f"p{number}@example.org")
    with pytest.raises(TooManyInvitations):
        secret_for(firm, bob)
    secret_for(firm, alice)


def test_an_idempotency_key_does_not_keep_the_link(firm: Organisation, alice: User) -> None:
    url, body = f"/api/organisations/{firm.pk}/invitations/", {"email": "bob@work.example", "role": "viewer"}
    answer = client_of(alice).post(url, body, headers={"idempotency-key": "k1"})
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    assert "/invitations/" in answer.json()["link"]
    assert "link" not in client_of(alice).get(url).json()["results"][0]
    assert not IdempotencyKey.objects.exists()


def test_the_page_shows_the_link_once_and_leads_its_reader_in(firm: Organisation, alice: User, bob: User) -> None:
    browser, people = Client(), f"/organisation/{firm.pk}/people/"
    browser.force_login(alice)
    shown = browser.post(people, {"action": "invite", "email": "bob@work.example", "role": "viewer"})
    link = shown.context["sent"].link
    assert link in shown.content.decode()
    assert link not in browser.get(people).content.decode()
    path = link.removeprefix("http://testserver")
    assert Client().get(path)["Location"].startswith("/login/?next=/invitations/")
    browser.force_login(bob)
    page = browser.get(path)
    assert b"bob@work.example" in page.content
    assert (page["Referrer-Policy"], page["Cache-Control"]) == ("no-referrer", "no-store")
    assert browser.post(path, {"action": "accept"})["Location"] == people
    assert firm.memberships.get(user=bob).role == Role.VIEWER
    again = browser.get(path)
    assert (again.status_code, b"works once" in again.content) == (410, True)
    assert browser.get("/invitations/nothing/").status_code == 404
