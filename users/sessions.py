"""Sessions in the database, as Django keeps them; what cannot be a session's key is never looked for."""

from __future__ import annotations

import re

from django.contrib.sessions.backends import db

# A cookie may hold anything, null characters too, which PostgreSQL refuses to compare with.
KEY = re.compile(r"[a-z0-9]{8,40}")


class SessionStore(db.SessionStore):
    """For pages, the API and sockets alike: a malformed key is no session."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key and KEY.fullmatch(key))
