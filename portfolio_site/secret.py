"""The signing key of a local run: made once, kept under var/, readable by its owner only."""

from __future__ import annotations

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def local_secret(var_dir: Path, *, production: bool) -> str:
    """The key in ``var_dir/secret_key``, made on first use with mode 0600.

    Raises ImproperlyConfigured in production, where the owner sets SECRET_KEY.
    """
    if production:
        raise ImproperlyConfigured("Set SECRET_KEY (or SECRET_KEY_FILE): production does not make one up.")
    path = var_dir / "secret_key"
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database will lie there, too
    if not path.exists():
        _publish(path, secrets.token_urlsafe(50))
    return path.read_text().strip()


def _publish(path: Path, key: str) -> None:
    """Put the key in its place whole; of processes that start together the first one's key stays."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret_key")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(key)
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
