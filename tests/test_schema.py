"""The OpenAPI document, Swagger UI and the API's first page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import DjangoDbBlocker

from core.testing import client_of
from tests.endpoints import endpoints
from users.models import User

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def schema(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Any:
    with django_db_blocker.unblock():
        return Client().get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"}).json()


def operations(schema: Any) -> list[tuple[str, str, Any]]:
    return [(path, method, entry) for path, item in schema["paths"].items() for method, entry in item.items()]


def test_it_is_valid_and_complete(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "manage.py",
        "spectacular",
        "--validate",
        "--fail-on-warn",
        "--file",
        str(tmp_path / "x"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_endpoint_is_in_it(schema: Any) -> None:
    hidden = {"api/", "api/schema/"}
    named = {re.sub(r"<[^>]*>", "{}", "/" + e.route) for e in endpoints() if e.route.startswith("api/")}
    documented = {re.sub(r"\{[^}]*\}", "{}", path) for path in schema["paths"]}
    assert documented == named - {f"/{route}" for route in hidden}


def test_operations_have_names_of_their_own_and_say_how_they_fail(schema: Any) -> None:
    found = operations(schema)
    names = [entry["operationId"] for _, _, entry in found]
    assert len(names) == len(set(names))
    assert not [name for name in names if re.search(r"_\d+$", name)]
    for path, method, entry in found:
        assert "application/problem+json" in entry["responses"]["default"]["content"], f"{method} {path}"


SECRET = re.compile("/auth/|/invitations/$")


def test_posts_name_the_idempotency_key_but_those_that_tell_a_secret_do_not(schema: Any) -> None:
    for path, method, entry in operations(schema):
        named = {parameter["name"] for parameter in entry.get("parameters", [])}
        assert ("Idempotency-Key" in named) == (method == "post" and not SECRET.search(path)), path


def test_authorize_takes_a_name_and_a_password(schema: Any, alice: User) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert schemes["token"] == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    address = schemes["login"]["flows"]["password"]["tokenUrl"]
    assert Client().post(address, "username=x", content_type="application/x-www-form-urlencoded").status_code == 400
    secured = [entry for path, _, entry in operations(schema) if "/auth/" not in path]
    assert all({"login": []} in entry["security"] for entry in secured)


def test_money_is_a_string_and_a_weight_a_number(schema: Any) -> None:
    fields = schema["components"]["schemas"]["Holding"]["properties"]
    assert (fields["quantity"]["type"], fields["weight"]["type"]) == ("string", "number")


def test_swagger_runs_under_the_policy_from_this_host_alone(db: None) -> None:
    page = Client().get("/docs")
    html = page.content.decode()
    assert page.status_code == 200
    assert "script-src" not in page["Content-Security-Policy"]  # so default-src 'self' holds for scripts
    assert "default-src 'self'" in page["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    sources = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert sources
    assert not [source for source in sources if "//" in source]
    scripts = [source for source in sources if not source.startswith("/static/")]
    assert all(finders.find(source.removeprefix("/static/")) for source in set(sources) - set(scripts))
    assert [Client().get(script)["Content-Type"] for script in scripts] == ["application/javascript"]
    assert Client().get("/docs/")["Location"] == "/docs"


def test_the_first_page_leads_everywhere(alice: User) -> None:
    client = client_of(alice)
    links = client.get("/api/").json()
    assert set(links) >= {"portfolios", "assets", "jobs", "profile", "docs", "schema"}
    for link in links.values():
        assert client.get(link).status_code == 200


@pytest.mark.parametrize("path", ["/api/", "/api/jobs/", "/portfolios/", "/api/assets/", "/api/users/me/"])
def test_the_browsable_api_needs_no_inline_script(path: str, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    page = client.get(path, headers={"accept": "text/html"})
    html = page.content.decode()
    assert page.status_code == 200
    assert not re.search(r"<script(?![^>]*\b(?:src=|type=\"application/json\"))", html)
    assert not re.search(r"\son\w+=", html)
    assert not re.findall(r'(?:src|<link[^>]*href)="(?:https?:)?//(?!testserver)', html)
