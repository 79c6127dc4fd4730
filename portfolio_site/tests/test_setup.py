"""scripts/setup.sh: the demo's public logins are on by default only while nobody else can reach the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portfolio_site.secret import local_secret
from portfolio_site.testing import BASE_DIR

DECIDING = {"DEMO", "HOST", "PRODUCTION", "ENV_FILE"}


def demo_default(clone: Path, **environment: str) -> str:
    """What `make run` sets DEMO to in ``clone``."""
    (clone / "scripts").mkdir()
    script = shutil.copy(BASE_DIR / "scripts" / "setup.sh", clone / "scripts")
    inherited = {name: value for name, value in os.environ.items() if name not in DECIDING}
    answer = subprocess.run(
        [script, "demo-default"], env={**inherited, **environment}, capture_output=True, text=True, check=True
    )
    return answer.stdout.strip()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "1"),
        ({"HOST": "localhost"}, "1"),
        ({"HOST": "0.0.0.0"}, "0"),
        ({"HOST": "0.0.0.0", "DEMO": "1"}, "1"),
        ({"DEMO": "0"}, "0"),
        ({"PRODUCTION": "1"}, "0"),
    ],
)
def test_the_environment_decides(tmp_path: Path, environment: dict[str, str], expected: str) -> None:
    assert demo_default(tmp_path, **environment) == expected


@pytest.mark.parametrize("name", [".env", "other.env"])
@pytest.mark.parametrize(
    ("line", "expected"), [("HOST=0.0.0.0", "0"), ('export HOST="::"', "0"), ("HOST=", "1"), ("DEMO=0", "0")]
)
def test_the_file_of_settings_decides(tmp_path: Path, name: str, line: str, expected: str) -> None:
    (tmp_path / name).write_text(f"{line}\n")
    chosen = {} if name == ".env" else {"ENV_FILE": name}
    assert demo_default(tmp_path, **chosen) == expected


def test_an_empty_host_is_loopback() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "from portfolio_site import settings; print(settings.HOST)"],
        cwd=BASE_DIR,
        env={**os.environ, "HOST": "", "ENV_FILE": os.devnull, "SECRET_KEY": "of this test"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == "127.0.0.1"


def test_the_folder_of_the_database_is_for_its_owner_only(tmp_path: Path) -> None:
    local_secret(tmp_path / "var", production=False)
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
