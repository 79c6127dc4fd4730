"""The signing key of a local run: made once, kept under var/, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured


def local_secret(var_dir: Path, *, production: bool) -> str:
    """The key in ``var_dir/secret_key``, made on first use with mode 0600.

    Raises ImproperlyConfigured in production, where the owner sets SECRET_KEY.
    """
    if production:
        raise ImproperlyConfigured("Set SECRET_KEY (or SECRET_KEY_FILE): production does not make one up.")
    path = var_dir / "secret_key"
    var_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text().strip()
