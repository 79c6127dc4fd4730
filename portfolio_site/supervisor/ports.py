"""Is a port free? Asked before anything is started, so that the answer can name the setting."""

from __future__ import annotations

import errno
import os
import socket


class PortTaken(Exception):
    """The port cannot be had; the message says which setting moves it."""


def require_free(host: str, port: int, setting: str) -> None:
    """Raises PortTaken when nothing could listen on ``host:port``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as problem:
        raise PortTaken(_explain(problem, host, port, setting)) from problem


def _explain(problem: OSError, host: str, port: int, setting: str) -> str:
    if problem.errno == errno.EADDRINUSE:
        reason = f"Port {port} on {host} is taken by another program."
    elif problem.errno == errno.EACCES:
        reason = f"Port {port} needs rights that this user does not have."
    else:
        reason = f"Cannot listen on {host}:{port}: {problem.strerror or os.strerror(problem.errno or 0)}."
    return f"{reason} Stop that program, or choose another port: {setting}={port + 1} in .env or in the environment."
