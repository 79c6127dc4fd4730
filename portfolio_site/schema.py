"""What the OpenAPI document says of every operation alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from activity.middleware import SECRET_ANSWERS
from core.problems import CONTENT_TYPE

Endpoint = tuple[str, str, str, Callable[..., Any]]
BARE = "/api/dashboard/"
METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, for people."},
        "code": {"type": "string", "description": "What is wrong, for programs: such as “short_sale”."},
        "errors": {
            "type": "object",
            "description": "Messages by field; nested fields are dotted, such as “investments.0.asset”.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same request sent again with the same key gets the first answer and changes nothing.",
}


def canonical_paths(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Leave out the short path of the portfolios: it is the same endpoints again. The dashboard's need no slash."""
    canonical = [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/")]
    return [(path.rstrip("/") if path.startswith(BARE) else path, *rest) for path, *rest in canonical]  # type: ignore[misc]


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation can answer with a problem."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for _path, _method, operation in _operations(result):
        operation["responses"]["default"] = {"description": "Refused or failed.", "content": content}
    return result


def describe_idempotency(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every POST but those whose answer is a secret takes an Idempotency-Key."""
    for path, method, operation in _operations(result):
        if method == "post" and not SECRET_ANSWERS.match(path):
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result


def _operations(result: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in result["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]
