"""Writes about people: logins and profiles, organisations, their members and invitations."""

from users.services.logins import TokenUsedTwice, change_profile, end_login, open_login, rotate_login

__all__ = ["TokenUsedTwice", "change_profile", "end_login", "open_login", "rotate_login"]
