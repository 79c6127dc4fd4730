"""Keys of providers: sealed for their row, used, replaced and forgotten, and never shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from activity.models import AuditEvent
from assets.models import ProviderKey
from assets.services.keys import MalformedKey, NoKeyNeeded, enter_key, forget_key, keys, origins
from assets.services.sources import enabled
from core.fields import SealBroken, seal, unseal
from core.testing import client_of
from users.models import User

pytestmark = pytest.mark.django_db
SECRET = "pk-7f3a-very-secret"


def test_a_sealed_text_opens_for_its_row_alone(settings: Any) -> None:
    sealed = seal(SECRET, row="a:1")
    assert unseal(sealed, row="a:1") == SECRET
    assert seal(SECRET, row="a:1") != sealed, "a new nonce each time"
    assert sealed[0] == 1
    assert len(sealed) == 1 + 12 + len(SECRET) + 16
    with pytest.raises(SealBroken):
        unseal(sealed, row="a:2")


@pytest.mark.parametrize("place", [0, 1, 12, 13, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(seal(SECRET, row="a:1"))
    sealed[place] ^= 1
    with pytest.raises(SealBroken):
        unseal(bytes(sealed), row="a:1")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"x" * 12, b"\x02" * 60])
def test_what_is_no_seal(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        unseal(sealed, row="a:1")


def test_the_data_key_goes_before_the_secret_key(settings: Any) -> None:
    settings.DATA_KEY = "one"
    sealed = seal(SECRET, row="a:1")
    settings.SECRET_KEY = "another"
    assert unseal(sealed, row="a:1") == SECRET
    settings.DATA_KEY = "two"
    with pytest.raises(SealBroken):
        unseal(sealed, row="a:1")


def test_an_entered_key_is_used_and_lies_sealed(carol: User) -> None:
    assert [source.name for source in enabled()] == []
    stored = enter_key(actor=carol, provider="polygon", key=SECRET)
    assert SECRET.encode() not in bytes(ProviderKey.objects.get().sealed)
    assert SECRET not in repr(stored) + str(AuditEvent.objects.values())
    assert keys() == {"polygon": SECRET}
    assert [source.name for source in enabled()] == ["polygon"]
    before = enabled()[0].identity
    enter_key(actor=carol, provider="polygon", key="another")
    assert enabled()[0].identity != before
    forget_key(actor=carol, provider="polygon")
    assert keys() == {}
    events = AuditEvent.objects.order_by("pk").values_list("action", flat=True)
    assert list(events) == ["provider_key.entered", "provider_key.entered", "provider_key.forgotten"]


def test_the_environment_goes_before(settings: Any) -> None:
    enter_key(actor=None, provider="finnhub", key="stored")
    assert origins()["finnhub"] == "stored"
    settings.FINNHUB_API_KEY = "given"
    assert keys() == {"finnhub": "given"}
    assert origins() == {"polygon": "", "finnhub": "environment", "alpha_vantage": ""}


def test_a_key_that_cannot_be_read_is_none(settings: Any) -> None:
    enter_key(actor=None, provider="finnhub", key="stored")
    settings.DATA_KEY = "a new one"
    assert keys() == {}
    assert origins()["finnhub"] == "unreadable"


def test_a_sealed_key_is_of_no_use_in_another_row() -> None:
    enter_key(actor=None, provider="finnhub", key="stored")
    ProviderKey.objects.update(provider="polygon")
    assert keys() == {}


@pytest.mark.parametrize("key", ["", " ", "a b", "a\n", "a\x00", "é", "x" * 201])
def test_keys_that_are_none(key: str) -> None:
    with pytest.raises(MalformedKey):
        enter_key(actor=None, provider="polygon", key=key)
    assert not ProviderKey.objects.exists()


def test_a_provider_without_key() -> None:
    with pytest.raises(NoKeyNeeded):
        enter_key(actor=None, provider="ecb", key="x")


# --- over HTTP ----------------------------------------------------------------------------------------------------

KEY_URL = "/api/market/providers/polygon/key/"


def test_a_key_goes_in_and_does_not_come_out(carol: User) -> None:
    client = client_of(carol)
    answer = client.put(KEY_URL, {"key": SECRET})
    assert (answer.status_code, answer.content) == (204, b"")
    listing = client.get("/api/market/providers/")
    [polygon] = [row for row in listing.json()["results"] if row["name"] == "polygon"]
    assert (polygon["key"], polygon["state"]) == ("stored", "ready")
    assert SECRET not in listing.content.decode()
    assert client.delete(KEY_URL).status_code == 204
    assert client.delete(KEY_URL).status_code == 204
    assert keys() == {}


@pytest.mark.parametrize("body", [{}, {"key": ""}, {"key": "a b"}, {"key": None}, {"key": ["x"]}, {"key": "x", "y": 1}])
def test_bad_keys_are_refused(carol: User, body: dict[str, Any]) -> None:
    answer = client_of(carol).put(KEY_URL, body)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert not ProviderKey.objects.exists()


@pytest.mark.parametrize("provider", ["ecb", "nobody"])
def test_keys_of_nobody(carol: User, provider: str) -> None:
    for method in ("put", "delete"):
        assert getattr(client_of(carol), method)(f"/api/market/providers/{provider}/key/").status_code == 404


# --- in the admin -------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(carol: User) -> Client:
    client = Client()
    client.force_login(carol)
    return client


def test_the_admin_takes_a_key_and_does_not_show_it(admin: Client) -> None:
    url = "/admin/assets/providerkey/"
    assert admin.post(f"{url}add/", {"provider": "polygon", "key": SECRET}).status_code == 302
    assert keys() == {"polygon": SECRET}
    for page in (url, f"{url}polygon/change/", f"{url}polygon/history/"):
        answer = admin.get(page)
        assert answer.status_code == 200
        assert SECRET not in answer.content.decode()
        assert ProviderKey.objects.get().sealed.hex() not in answer.content.decode()
    assert admin.post(f"{url}polygon/change/", {"key": "another"}).status_code == 302
    assert keys() == {"polygon": "another"}
    assert admin.post(f"{url}add/", {"provider": "finnhub", "key": "a b"}).status_code == 200
    assert admin.post(f"{url}polygon/delete/", {"post": "yes"}).status_code == 302
    assert keys() == {}
