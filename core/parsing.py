"""JSON that means one thing: the parser of every endpoint."""

from __future__ import annotations

from rest_framework.parsers import JSONParser


class StrictJSONParser(JSONParser):
    strict = True
