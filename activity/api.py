"""Jobs over HTTP: how far long work is."""

from __future__ import annotations

from typing import ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.viewsets import ReadOnlyModelViewSet

from activity.models import Job
from core.api import StrictSerializer


class JobSerializer(StrictSerializer, serializers.ModelSerializer[Job]):
    result = serializers.DictField(read_only=True)

    class Meta:
        model = Job
        fields: ClassVar = [
            *("id", "kind", "state", "done", "total", "message", "result"),
            *("created_at", "started_at", "finished_at"),
        ]
        read_only_fields: ClassVar = fields


class JobViewSet(ReadOnlyModelViewSet[Job]):
    """The caller's long-running jobs, newest first."""

    queryset = Job.objects.none()  # for the schema: the type of the id
    serializer_class = JobSerializer
    filterset_fields: ClassVar = ["kind", "state"]
    ordering_fields: ClassVar = ["created_at", "state", "kind"]

    def get_queryset(self) -> QuerySet[Job]:
        return Job.objects.visible_to(self.request.user)
