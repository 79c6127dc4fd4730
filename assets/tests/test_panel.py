"""The panel shows what the database holds, whoever publishes it and whatever happened to its files."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connection
from pytest_django import DjangoAssertNumQueries, Settings

from assets.models import Asset, HistoricValue, PriceClock
from assets.panel import Panel, open_panel
from core.testing import PATIENCE

MONDAY = date(2024, 1, 1)
pytestmark = pytest.mark.django_db


def an_asset(symbol: str) -> Asset:
    return Asset.objects.create(symbol=symbol, name=symbol, currency="USD")


def write(asset: Asset, closes: Iterable[object], start: date = MONDAY, *, adjusted: str | None = None) -> int:
    """Bars on consecutive days, under a new reading of the clock; a bar that stands is restated."""
    version = PriceClock.tick()
    for offset, close in enumerate(closes):
        HistoricValue.objects.update_or_create(
            asset=asset,
            day=start + timedelta(days=offset),
            defaults={
                "close": Decimal(str(close)),
                "adjusted_close": adjusted and Decimal(adjusted),
                "source": "test",
                "version": version,
            },
        )
    return version


def same(left: Panel, right: Panel) -> bool:
    pairs = ((getattr(left, name), getattr(right, name)) for name in ("days", "asset_ids", "closes", "adjusted"))
    return left.version == right.version and all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def rebuilt(settings: Settings, tmp_path: Path) -> Panel:
    """What a process without any panel builds."""
    published = settings.PANEL_DIR
    settings.PANEL_DIR = tmp_path / "from nothing"
    try:
        return open_panel()
    finally:
        settings.PANEL_DIR = published


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if path.is_dir())


def test_no_bars_at_all_is_an_empty_panel() -> None:
    panel = open_panel()

    assert panel.closes.shape == (0, 0)
    assert list(panel.rows(np.array([5]))) == [-1]


def test_a_cell_is_the_close_of_its_asset_and_day_and_nan_without_a_bar() -> None:
    first, second = an_asset("A"), an_asset("B")
    write(first, ["10.5", "11"])
    write(second, ["0.0000000001"], MONDAY + timedelta(days=2))

    panel = open_panel()

    assert panel.version == PriceClock.read()
    assert panel.days.astype(str).tolist() == ["2024-01-01", "2024-01-02", "2024-01-03"]
    assert panel.asset_ids.tolist() == [first.pk, second.pk]
    np.testing.assert_array_equal(panel.closes, [[10.5, 11, np.nan], [np.nan, np.nan, 1e-10]])
    assert list(panel.rows(np.array([second.pk, -7, first.pk, 10**9]))) == [1, -1, 0, -1]


def test_the_adjusted_close_is_the_close_where_the_source_gave_none() -> None:
    asset = an_asset("A")
    write(asset, [10])
    write(asset, [11], MONDAY + timedelta(days=1), adjusted="5.5")

    np.testing.assert_array_equal(open_panel().adjusted, [[10, 5.5]])


def test_an_open_panel_is_mapped_and_cannot_be_written() -> None:
    write(an_asset("A"), [10])

    panel = open_panel()

    assert isinstance(panel.closes, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        panel.closes[0, 0] = 1


def test_a_panel_that_is_up_to_date_costs_one_query_and_publishes_nothing(
    settings: Settings, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    write(an_asset("A"), [10])
    open_panel()
    before = files(settings.PANEL_DIR)

    with django_assert_num_queries(1):
        open_panel()

    assert files(settings.PANEL_DIR) == before


@pytest.mark.parametrize(
    ("closes", "start"),
    [
        pytest.param([12, 13], MONDAY + timedelta(days=2), id="new days"),
        pytest.param([8, 9], MONDAY - timedelta(days=5), id="days before the first"),
        pytest.param([99], MONDAY, id="a restated day"),
        pytest.param([99, 98, 97, 96], MONDAY - timedelta(days=1), id="restated and new"),
    ],
)
def test_what_changed_is_written_over_the_published_panel(
    closes: list[int], start: date, settings: Settings, tmp_path: Path
) -> None:
    known, late = an_asset("A"), an_asset("B")
    write(known, [10, 11])
    open_panel()

    write(late, closes, start)
    write(known, closes, start)

    assert same(open_panel(), rebuilt(settings, tmp_path))


def test_only_what_changed_is_read() -> None:
    asset = an_asset("A")
    write(asset, [10, 11])
    open_panel()
    write(asset, [12], MONDAY + timedelta(days=2))
    # Written past the clock: a panel that is appended to does not look at it again.
    HistoricValue.objects.filter(day=MONDAY).update(close=Decimal(77))

    assert open_panel().closes[0].tolist() == [10, 11, 12]


def test_a_deleted_bar_is_noticed_with_the_next_change(settings: Settings, tmp_path: Path) -> None:
    asset = an_asset("A")
    write(asset, [10, 11, 12])
    open_panel()

    HistoricValue.objects.filter(day=MONDAY).delete()
    write(asset, [13], MONDAY + timedelta(days=3))

    assert same(open_panel(), rebuilt(settings, tmp_path))
    assert open_panel().closes[0].tolist() == [11, 12, 13]


def damage_nothing_left(directory: Path) -> None:
    for path in directory.iterdir():
        path.unlink()


def damage_cut_short(directory: Path) -> None:
    os.truncate(directory / "closes.npy", (directory / "closes.npy").stat().st_size - 9)


def damage_empty_file(directory: Path) -> None:
    (directory / "days.npy").write_bytes(b"")


def damage_garbage(directory: Path) -> None:
    (directory / "adjusted.npy").write_bytes(b"\x93NUMPY\x01\x00 garbage")


def damage_other_shape(directory: Path) -> None:
    np.save(directory / "closes.npy", np.zeros((1, 1)))


def damage_no_description(directory: Path) -> None:
    (directory / "about.json").write_text("[]")


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing_left,
        damage_cut_short,
        damage_empty_file,
        damage_garbage,
        damage_other_shape,
        damage_no_description,
    ],
)
def test_a_broken_panel_is_rebuilt(damage: Callable[[Path], None], settings: Settings) -> None:
    write(an_asset("A"), [10, 11])
    open_panel()
    [published] = files(settings.PANEL_DIR)
    damage(published)

    assert open_panel().closes.tolist() == [[10, 11]]
    assert published not in files(settings.PANEL_DIR)


def test_the_panel_of_another_database_is_not_used(settings: Settings) -> None:
    write(an_asset("A"), [10, 11])
    open_panel()
    [published] = files(settings.PANEL_DIR)
    about = (published / "about.json").read_text()
    (published / "about.json").write_text(about.replace(str(connection.settings_dict["NAME"]), "elsewhere"))
    HistoricValue.objects.update(close=Decimal(5))

    assert open_panel().closes.tolist() == [[5, 5]]


def test_a_panel_from_the_future_of_a_restored_database_is_not_used() -> None:
    write(an_asset("A"), [10])
    open_panel()
    HistoricValue.objects.update(close=Decimal(5), version=0)
    PriceClock.objects.update(version=0)

    assert open_panel().closes.tolist() == [[5]]


def test_a_restored_database_does_not_meet_its_lost_future_again(settings: Settings, tmp_path: Path) -> None:
    """It reaches the versions of the panels once more, with other bars."""
    asset = an_asset("A")
    write(asset, [1])
    for close in (2, 3, 4):
        write(asset, [close])
        open_panel()
    HistoricValue.objects.update(close=Decimal(1), version=1)
    PriceClock.objects.update(version=1)

    assert open_panel().closes.tolist() == [[1]]
    assert [path.name.split("-")[1] for path in files(settings.PANEL_DIR)] == [f"{1:020d}"]
    for close in (12, 13, 14):
        write(asset, [close])
    assert open_panel().closes.tolist() == [[14]]
    assert same(open_panel(), rebuilt(settings, tmp_path))


def test_two_panels_stay_and_an_open_one_outlives_its_files(settings: Settings) -> None:
    asset = an_asset("A")
    write(asset, [1])
    oldest = open_panel()
    for close in range(2, 6):
        write(asset, [close])
        open_panel()

    assert len(files(settings.PANEL_DIR)) == 2
    assert oldest.closes.tolist() == [[1]]


def test_what_a_killed_process_left_is_removed_once_it_is_old(settings: Settings) -> None:
    left, fresh = (settings.PANEL_DIR / f"panel-7-{name}.tmp" for name in ("left", "fresh"))
    for path in (left, fresh):
        path.mkdir(parents=True)
    os.utime(left, (0, 0))
    write(an_asset("A"), [10])

    open_panel()

    assert not left.exists()
    assert fresh.exists()


def test_a_directory_that_cannot_be_written_costs_no_answer(settings: Settings, tmp_path: Path) -> None:
    write(an_asset("A"), [10])
    (tmp_path / "a file").touch()
    settings.PANEL_DIR = tmp_path / "a file" / "panel"

    assert open_panel().closes.tolist() == [[10]]


# A process that opens the panel again and again and finds fault with any that is not whole: the writer sets every
# close of a version to one number, so a mixture shows.
READER = """
import sys, numpy as np
from pathlib import Path
from assets import panel
from django.conf import settings
settings.PANEL_DIR = Path(sys.argv[1])
seen = set()
while True:
    last = (settings.PANEL_DIR / "stop").exists()
    found = panel._newest("test")
    if found is not None:
        numbers = set(np.unique(found.closes).tolist() + np.unique(found.adjusted).tolist())
        assert numbers == {float(found.version)}, (found.version, numbers)
        seen.add(found.version)
        (settings.PANEL_DIR / "ready").touch()
    if last:
        break
print(len(seen))
"""


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.01)


def publish_many(directory: str, versions: list[int]) -> None:
    from django.conf import settings

    from assets import panel

    settings.PANEL_DIR = Path(directory)
    days = np.arange(200).astype("datetime64[D]")
    for version in versions:
        closes = np.full((100, 200), float(version))
        panel._publish(Panel(version, days, np.arange(100), closes, closes), "test")


@pytest.mark.processes
def test_readers_in_other_processes_never_see_half_a_panel(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import django; django.setup()\n" + READER, str(tmp_path)]
    context = multiprocessing.get_context("fork")

    def writing(versions: Iterable[int]) -> Any:
        writer = context.Process(target=publish_many, args=(str(tmp_path), list(versions)))
        writer.start()
        return writer

    writing([1]).join()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        wait_for(tmp_path / "ready")
        writers = [writing(range(first, 120, 2)) for first in (2, 3)]
        for writer in writers:
            writer.join()
        (tmp_path / "stop").touch()
        output, _ = reader.communicate(timeout=PATIENCE)

    assert reader.returncode == 0
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert int(output) > 1
    assert len(files(tmp_path)) == 2
