"""Writes about people: logins and profiles, organisations, their members and invitations."""

from users.services.logins import (
    TokenUsedTwice,
    change_password,
    change_profile,
    end_login,
    end_logins,
    open_login,
    rotate_login,
)

__all__ = [
    "TokenUsedTwice",
    "change_password",
    "change_profile",
    "end_login",
    "end_logins",
    "open_login",
    "rotate_login",
]
