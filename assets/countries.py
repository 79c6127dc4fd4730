"""The country of a company or of who numbered its security, and its name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

# The numbering agency gives these prefixes to what no single country's agency numbers (ISO 6166, annex).
ELSEWHERE = {"EU": "European Union", "XS": "International (XS)"}
# As providers spell what the list names otherwise.
SPELLED = {"USA": "US", "UK": "GB", "UNITED KINGDOM": "GB", "SOUTH KOREA": "KR", "CZECHIA": "CZ"}


def country_of(isin: str) -> str:
    """The name of the country whose agency numbered the security, as a rule the issuer's seat; "" if none is known."""
    code = isin[:2]
    return country_names().get(code) or ELSEWHERE.get(code, "")


def country_named(written: str) -> str:
    """The name of a country as providers write it: some the name, some its code of two letters; "" for nothing."""
    name = written.strip()
    code = SPELLED.get(name.upper(), name.upper())
    return country_names().get(code, name)


@cache
def country_names() -> dict[str, str]:
    """ISO 3166 codes of two letters to names, from the list that comes with the database of time zones."""
    lines = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8").splitlines()
    pairs = (line.partition("\t") for line in lines if line and not line.startswith("#"))
    return {code: name for code, _, name in pairs}
