"""Parts of the page of one security, as tests look for them."""

from __future__ import annotations

import json
import re
from typing import Any


def section(page: str, name: str) -> str:
    return page.split(f'aria-labelledby="{name}"', 1)[1].split("</section>", 1)[0] if name in page else ""


def chart_of(page: str) -> Any:
    found = re.search(r'<script id="price-data" type="application/json">(.*?)</script>', page)
    assert found
    return json.loads(found.group(1))
