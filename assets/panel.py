"""The price panel: every daily close as one matrix on disk, opened memory-mapped by every process.

The database is the truth; a panel is a copy of it that is fast to read. Each one is a directory under
``settings.PANEL_DIR``, named for the price clock it shows, written aside and renamed, so that a reader sees a whole
panel or none. What is missing, broken or of another database is rebuilt: the answer is right, only slower.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import F, FloatField
from django.db.models.functions import Cast, Coalesce
from numpy.typing import NDArray

from assets.models import HistoricValue, PriceClock
from core.arrays import EpochDay, records

log = logging.getLogger(__name__)

FORMAT = 1
KEPT = 2  # the newest, and the one before it that a reader may be opening right now
ABANDONED_AFTER = 3600.0  # seconds after which an unfinished directory belongs to a process that is gone
PREFIX = "panel-"

_BAR = np.dtype([("asset", np.int64), ("day", np.int64), ("close", np.float64), ("adjusted", np.float64)])


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Daily closes of N assets over T days, as of one reading of the price clock.

    ``days`` (T,) and ``asset_ids`` (N,) ascend. ``closes`` and ``adjusted`` are (N, T), in each asset's currency, NaN
    where there is no bar. ``adjusted`` is the adjusted close, or the close where its source gave none. Read-only.
    """

    version: int
    days: NDArray[np.datetime64]
    asset_ids: NDArray[np.int64]
    closes: NDArray[np.float64]
    adjusted: NDArray[np.float64]

    def rows(self, asset_ids: NDArray[np.int64]) -> NDArray[np.intp]:
        """The row of each asset, −1 for one that has no bar at all."""
        places = np.searchsorted(self.asset_ids, asset_ids)
        places[places == len(self.asset_ids)] = 0
        known = self.asset_ids[places] == asset_ids if len(self.asset_ids) else np.zeros(len(asset_ids), bool)
        return np.where(known, places, -1)


class _Broken(Exception):
    """The files of a published panel are damaged or of another format."""


def open_panel() -> Panel:
    """The panel of all prices that are committed now, brought up to date first if it lags. One query when it does not.

    Several processes may do this at once: each publishes a whole panel, and the newest is read.
    """
    identity = _database_identity(connection.settings_dict["NAME"])
    version = PriceClock.read()
    published = _newest(identity)
    if published and published.version > version and PriceClock.read() < published.version:
        _remove_newer_than(version)  # the database went back in time: it was restored or replaced
        published = None
    if published and published.version >= version:
        return published
    return _publish(_brought_to(version, published), identity)


# --- from the database --------------------------------------------------------------------------------------------


@cache
def _database_identity(name: str) -> str:
    """What tells this database from another of the same name: the instant at which its tables were made."""
    applied = MigrationRecorder(connection).migration_qs.filter(app="assets").order_by("id")
    return f"{name} {applied.values_list('applied', flat=True).first()}"


def _brought_to(version: int, published: Panel | None) -> Panel:
    """A panel of ``version``: the published one with what changed since, or a new one if that does not add up."""
    if published:
        panel = _merged(published, _bars(since=published.version), version)
        if np.isfinite(panel.closes).sum() == HistoricValue.objects.filter(version__lte=version).count():
            return panel
        log.warning("price panel %s does not hold the bars of the database; rebuilding it", published.version)
    return _merged(_empty(), _bars(since=-1), version)


def _bars(since: int) -> NDArray[np.void]:
    """The bars written after a reading of the clock, as records. Decimals become floats in the database."""
    rows = HistoricValue.objects.filter(version__gt=since) if since >= 0 else HistoricValue.objects.all()
    close = Cast("close", FloatField())
    adjusted = Coalesce(Cast("adjusted_close", FloatField()), close)
    columns = rows.order_by().values_list("asset_id", EpochDay(F("day")), close, adjusted)
    return records(columns, _BAR)


def _empty() -> Panel:
    nothing = np.empty((0, 0))
    return Panel(-1, np.empty(0, "datetime64[D]"), np.empty(0, np.int64), nothing, nothing)


def _merged(old: Panel, bars: NDArray[np.void], version: int) -> Panel:
    """The old panel with the bars written over it; days and assets are inserted where they belong."""
    changed_days = bars["day"].astype("datetime64[D]")
    days = np.union1d(old.days, changed_days)
    asset_ids = np.union1d(old.asset_ids, bars["asset"])
    cells = np.searchsorted(asset_ids, bars["asset"]), np.searchsorted(days, changed_days)
    kept = np.ix_(np.searchsorted(asset_ids, old.asset_ids), np.searchsorted(days, old.days))
    matrices = []
    for before, column in ((old.closes, "close"), (old.adjusted, "adjusted")):
        matrix = np.full((len(asset_ids), len(days)), np.nan)
        matrix[kept] = before
        matrix[cells] = bars[column]
        matrices.append(matrix)
    return Panel(version, days, asset_ids, *matrices)


# --- on disk ------------------------------------------------------------------------------------------------------


def _published() -> list[Path]:
    """Directories of published panels, the newest first."""
    found = settings.PANEL_DIR.glob(f"{PREFIX}*") if settings.PANEL_DIR.is_dir() else iter(())
    return sorted((path for path in found if not path.name.endswith(".tmp")), reverse=True)


def _newest(identity: str) -> Panel | None:
    """The newest published panel of this database that is whole; what is broken is removed."""
    for directory in _published():
        try:
            panel = _read(directory, identity)
        except (_Broken, OSError, ValueError, EOFError, KeyError, TypeError) as error:
            if directory.exists():  # else another process has just cleaned it up
                log.warning("removing the price panel %s, which cannot be read: %s", directory.name, error)
                shutil.rmtree(directory, ignore_errors=True)
        else:
            return panel
    return None


def _read(directory: Path, identity: str) -> Panel:
    about = json.loads((directory / "about.json").read_text())
    if (about["format"], about["database"]) != (FORMAT, identity):
        raise _Broken("it is of another database or format")
    days, asset_ids = np.load(directory / "days.npy"), np.load(directory / "asset_ids.npy")
    closes, adjusted = (np.load(directory / f"{name}.npy", mmap_mode="r") for name in ("closes", "adjusted"))
    if not closes.shape == adjusted.shape == (len(asset_ids), len(days)):
        raise _Broken("its files do not fit each other")
    return Panel(int(about["version"]), days, asset_ids, closes, adjusted)


def _publish(panel: Panel, identity: str) -> Panel:
    """Write the panel aside, rename it, and read it back mapped. A disk that refuses costs speed, not the answer."""
    name = f"{PREFIX}{panel.version:020d}-{uuid4().hex[:12]}"
    aside = settings.PANEL_DIR / f"{name}.tmp"
    try:
        aside.mkdir(parents=True)
        _write(panel, identity, aside)
        directory = aside.rename(settings.PANEL_DIR / name)
        _sync(settings.PANEL_DIR)
        _clean_up()
    except OSError as error:
        log.warning("the price panel cannot be kept in %s: %s", settings.PANEL_DIR, error)
        shutil.rmtree(aside, ignore_errors=True)
        return panel
    try:
        return _read(directory, identity)
    except FileNotFoundError:
        return panel  # two newer ones are there already, and this one was cleaned up


def _write(panel: Panel, identity: str, directory: Path) -> None:
    """Every file, on the disk before the rename: after a power cut a published panel is whole."""
    for name in ("days", "asset_ids", "closes", "adjusted"):
        with (directory / f"{name}.npy").open("wb") as file:
            np.save(file, getattr(panel, name))
            file.flush()
            os.fsync(file.fileno())
    about = {"format": FORMAT, "version": panel.version, "database": identity}
    (directory / "about.json").write_text(json.dumps(about))
    _sync(directory / "about.json")
    _sync(directory)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _clean_up() -> None:
    """Remove all but the newest panels and what killed processes left. Open mappings of a removed file stay valid."""
    for path in [*_published()[KEPT:], *_abandoned()]:
        shutil.rmtree(path, ignore_errors=True)


def _remove_newer_than(version: int) -> None:
    """Panels of a future that the database has lost: it will reach their versions again, with other bars."""
    for path in _published():
        if path.name > f"{PREFIX}{version:020d}~":
            shutil.rmtree(path, ignore_errors=True)


def _abandoned() -> Iterator[Path]:
    for path in settings.PANEL_DIR.glob(f"{PREFIX}*.tmp"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                yield path
