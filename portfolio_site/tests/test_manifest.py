"""What makes the site installable: its manifest, the icons that it names, and how both are sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin

import pytest
from django.conf import settings
from django.test import Client
from PIL import Image

from portfolio_site.testing import BASE_DIR

STATIC = BASE_DIR / "static"
MANIFEST: dict[str, Any] = json.loads((STATIC / "manifest.webmanifest").read_text())


def test_it_says_what_a_browser_needs_to_install_the_site() -> None:
    assert MANIFEST["name"]
    assert 0 < len(MANIFEST["short_name"]) <= 12
    assert (MANIFEST["start_url"], MANIFEST["scope"], MANIFEST["display"]) == ("/", "/", "standalone")
    sizes = {(icon["sizes"], icon.get("purpose", "any")) for icon in MANIFEST["icons"]}
    assert sizes >= {("192x192", "any"), ("512x512", "any"), ("512x512", "maskable")}


@pytest.mark.parametrize("icon", MANIFEST["icons"], ids=lambda icon: icon["src"])
def test_its_icons_are_what_it_says(icon: dict[str, str]) -> None:
    file = STATIC / icon["src"]
    if icon["type"] == "image/svg+xml":
        assert file.read_text().startswith("<svg")
        return
    with Image.open(file) as image:
        assert image.get_format_mimetype() == icon["type"]
        assert f"{image.width}x{image.height}" == icon["sizes"]
        corner = image.convert("RGBA").getpixel((0, 0))
    transparent = isinstance(corner, tuple) and corner[3] == 0
    assert transparent == (icon.get("purpose") != "maskable")  # a phone cuts its own shape out of a full square


def test_the_icon_of_apples_phones_fills_its_square() -> None:
    with Image.open(STATIC / "icons" / "apple-touch-icon.png") as image:
        assert (image.size, image.mode) == ((180, 180), "RGB")


@pytest.mark.django_db
def test_pages_lead_to_it(client: Client) -> None:
    page = client.get("/login/")
    text = page.content.decode()
    assert f'<link rel="manifest" href="{settings.STATIC_URL}manifest.webmanifest">' in text
    assert f'<link rel="apple-touch-icon" href="{settings.STATIC_URL}icons/apple-touch-icon.png">' in text
    assert "manifest-src 'self'" in page["Content-Security-Policy"]


@pytest.mark.django_db
def test_it_and_its_icons_are_sent_with_their_types(client: Client) -> None:
    address = f"{settings.STATIC_URL}manifest.webmanifest"
    icons = [(urljoin(address, icon["src"]), icon["type"]) for icon in MANIFEST["icons"]]
    for url, kind in [(address, "application/manifest+json"), *icons]:
        sent = client.get(url)
        assert (sent.status_code, sent["Content-Type"].split(";")[0]) == (200, kind), url
        sent.close()
