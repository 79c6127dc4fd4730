"""What every endpoint shares: problem+json errors and pages."""

from __future__ import annotations

from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.views import exception_handler


class Pagination(LimitOffsetPagination):
    default_limit = 100
    max_limit = 1000


def handle(error: Exception, context: dict[str, object]) -> Response | None:
    return exception_handler(error, context)
