"""The Celery application; tasks are found in each app's tasks.py."""

import os
from pathlib import Path

from celery import Celery
from celery.signals import beat_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")

app = Celery("portfolio_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
@beat_init.connect
def announce(**_: object) -> None:
    """Tell whoever started this worker or beat that it is up, by the file it asked for."""
    if path := os.environ.get("READY_FILE"):
        Path(path).touch()
