"""What feeds announced, over HTTP: staff see it, and book or ignore it."""

from __future__ import annotations

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from assets.api.quarantine import StaffOnly
from assets.models import ActionKind, ActionProposal, ProposalState
from core.api import StrictSerializer
from portfolios.api.views import caller
from portfolios.services.proposals import accept_proposal, ignore_proposal


class ActionProposalSerializer(StrictSerializer, serializers.ModelSerializer[ActionProposal]):
    """A split (``ratio`` new units for ``per`` held ones) or a dividend (``cash`` a unit, gross) of a feed.

    With ``withdrawal`` the feed has it no more: accepted, what was booked of it is voided. ``missing_since``: the feed
    was without it once, which has to happen in two nights.
    """

    asset = serializers.CharField(source="asset.symbol", read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True, allow_null=True, default=None)

    class Meta:
        model = ActionProposal
        fields: ClassVar = [
            *("id", "asset", "provider", "external_id", "kind", "ex_date", "pay_date", "ratio", "per", "cash"),
            *("currency", "state", "withdrawal", "supersedes", "action", "problem", "accepted_at", "first_seen"),
            *("last_seen", "missing_since", "decided_by", "decided_at"),
        ]
        read_only_fields: ClassVar = fields


class ActionProposalFilter(django_filters.FilterSet):
    """``start`` and ``end`` are ex-dates, both included."""

    asset = django_filters.CharFilter("asset__symbol")
    provider = django_filters.CharFilter()
    state = django_filters.ChoiceFilter(choices=ProposalState.choices)
    withdrawal = django_filters.BooleanFilter()
    kind = django_filters.ChoiceFilter(choices=ActionKind.choices)
    start = django_filters.DateFilter("ex_date", "gte")
    end = django_filters.DateFilter("ex_date", "lte")

    class Meta:
        model = ActionProposal
        fields: ClassVar = ["asset", "provider", "state", "withdrawal", "kind", "start", "end"]


class ActionProposalViewSet(ReadOnlyModelViewSet[ActionProposal]):
    """Corporate actions as feeds announced them, each once."""

    queryset = ActionProposal.objects.none()  # for the schema
    serializer_class = ActionProposalSerializer
    permission_classes = [StaffOnly]
    filterset_class = ActionProposalFilter
    ordering_fields: ClassVar = ["ex_date", "first_seen", "last_seen", "provider", "kind", "state"]

    def get_queryset(self) -> QuerySet[ActionProposal]:
        proposals = ActionProposal.objects.visible_to(caller(self.request))
        return proposals.select_related("asset", "decided_by").order_by("-ex_date", "-pk")

    @extend_schema(request=None, responses=ActionProposalSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Book it to every holder, or have it booked on its ex-date. What it corrects is taken back with it; what it
        withdraws is voided."""
        accept_proposal(proposal=self.get_object(), actor=caller(request))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=ActionProposalSerializer)
    @action(detail=True, methods=["post"])
    def ignore(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Leave it out of the books; the same notice is not proposed again."""
        ignore_proposal(proposal=self.get_object(), actor=caller(request))
        return Response(self.get_serializer(self.get_object()).data)
