"""Tickets: a word that opens one WebSocket for a program that has a token and no session."""

from __future__ import annotations

from secrets import token_urlsafe

from django.core import signing
from django.core.cache import cache
from rest_framework_simplejwt.utils import get_md5_hash_password

from users.models import User

LIFE = 30  # seconds
SALT = "users.tickets"


def new_ticket(user: User) -> str:
    """A ticket that opens one connection within LIFE seconds."""
    return signing.dumps([user.pk, get_md5_hash_password(user.password), token_urlsafe(9)], salt=SALT)


def redeem(ticket: str) -> User | None:
    """Whose ticket it is; None when it is forged, too old, or was used before."""
    try:
        user_id, digest, nonce = signing.loads(ticket, salt=SALT, max_age=LIFE)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or get_md5_hash_password(user.password) != digest:
        return None
    return user if cache.add(f"ticket:{nonce}", 1, LIFE * 2) else None
