""".env.example names every variable that the settings and docker-compose.yml read, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import environ
import pytest

from portfolio_site.testing import BASE_DIR

EXAMPLE = (BASE_DIR / ".env.example").read_text()
DOCUMENTED = re.findall(r"^#([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE)


def read_by_settings() -> set[str]:
    """The first argument of every env.…("NAME", …) call in settings.py."""
    tree = ast.parse((BASE_DIR / "portfolio_site" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    named = [call for call in calls if isinstance(call.func.value, ast.Name) and call.func.value.id == "env"]  # type: ignore[attr-defined]
    return {call.args[0].value for call in named if call.args and isinstance(call.args[0], ast.Constant)}  # type: ignore[misc]


def read_by_compose() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", (BASE_DIR / "docker-compose.yml").read_text()))


def test_reader_finds_the_settings() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "PORT", "LOG_LEVEL"} <= read_by_settings()


def test_every_variable_is_documented_once() -> None:
    assert len(DOCUMENTED) == len(set(DOCUMENTED))
    assert set(DOCUMENTED) == read_by_settings() | read_by_compose()


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_variable_is_explained_above_it(name: str) -> None:
    lines = EXAMPLE.splitlines()
    index = next(number for number, line in enumerate(lines) if line.startswith(f"#{name}="))
    above = [line for line in lines[max(0, index - 4) : index] if line.startswith("# ")]
    assert above, f"{name} stands there without a word"


def test_example_can_be_read_with_everything_uncommented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in DOCUMENTED:
        monkeypatch.delenv(name, raising=False)
    copy = tmp_path / ".env"
    copy.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", EXAMPLE, flags=re.MULTILINE))
    values: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", values)
    environ.Env.read_env(str(copy))
    assert {name: values[name] for name in ("PORT", "INGEST_AT", "PRODUCTION")} == {
        "PORT": "8000",
        "INGEST_AT": "03:00",
        "PRODUCTION": "0",
    }
    assert set(values) == set(DOCUMENTED)
