"""Signed tokens: their claims, made and read. Whether a login still stands is in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import RefreshToken
from rest_framework_simplejwt.utils import get_md5_hash_password

from users.models import User

FAMILY = "family"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A refresh token with the access token made from it, and what its row has to say."""

    refresh: str
    access: str
    family: UUID
    jti: str
    expires_at: datetime

    def as_answer(self) -> dict[str, Any]:
        """The answer of RFC 6749, section 5.1."""
        lifetime: timedelta = api_settings.ACCESS_TOKEN_LIFETIME
        return {
            "access_token": self.access,
            "refresh_token": self.refresh,
            "token_type": "bearer",
            "expires_in": int(lifetime.total_seconds()),
        }


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says, its signature and time having been checked."""

    family: UUID
    user_id: int
    jti: str
    password_digest: str

    def fits(self, user: User) -> bool:
        """Whether ``user`` may still log in and has the password that the token was given for."""
        return user.is_active and self.password_digest == get_md5_hash_password(user.password)


def new_pair(user: User, family: UUID | None = None) -> TokenPair:
    """Tokens for ``user``: of a new login, or the next ones of ``family``."""
    family = family or uuid4()
    refresh = RefreshToken.for_user(user)
    refresh[FAMILY] = str(family)
    expires_at = datetime.fromtimestamp(refresh["exp"], UTC)
    return TokenPair(str(refresh), str(refresh.access_token), family, str(refresh["jti"]), expires_at)


def read_refresh(token: str) -> RefreshClaims | None:
    """The claims of a refresh token of this server; None if it is forged, expired or of another kind."""
    try:
        claims = RefreshToken(token)  # type: ignore[arg-type]
        return RefreshClaims(
            family=UUID(claims[FAMILY]),
            user_id=int(claims[api_settings.USER_ID_CLAIM]),
            jti=str(claims["jti"]),
            password_digest=str(claims.get(api_settings.REVOKE_TOKEN_CLAIM)),
        )
    except (TokenError, KeyError, ValueError):
        return None
