"""One `manage.py run` per installation: the lock is a file under var/ that the kernel frees with the process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class AlreadyRunning(Exception):
    """Another `manage.py run` holds the lock; the message says what it wrote there."""


@contextmanager
def only_one(path: Path, note: str) -> Iterator[None]:
    """Hold the lock for the block and leave ``note`` in it. Raises AlreadyRunning with the holder's note."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the database will lie there, too
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(file.read().strip()) from None
        file.truncate(0)
        file.write(f"{note} (process {os.getpid()})\n")
        file.flush()
        yield
