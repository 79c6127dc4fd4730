"""Workers on several machines: each keeps a panel of its own, and each is right whatever the others do."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from assets.models import PriceClock
from assets.providers.base import Bar
from assets.services.history import store_bars
from assets.tests.factories import make_asset
from core.testing import PATIENCE

# A machine that opens its panel again and again. Every write sets every close to the reading of the clock that it
# makes, so a panel that mixes two readings shows. It may show a newer one than its name, since the clock is read first.
MACHINE = """
import json, sys
from pathlib import Path
import django
django.setup()
import numpy as np
from assets.panel import open_panel
folder, seen = Path(sys.argv[1]), set()
folder.mkdir(parents=True, exist_ok=True)
while True:
    last = (folder / "stop").exists()
    panel = open_panel()
    numbers = set(np.unique(panel.closes).tolist())
    assert len(numbers) == 1 and min(numbers) >= panel.version, (panel.version, numbers)
    seen.add(panel.version)
    (folder / "ready").touch()
    if last:
        assert numbers == {float(panel.version)}, (panel.version, numbers)
        break
print(json.dumps({"seen": len(seen), "version": panel.version, "shape": panel.closes.shape}))
"""


def machine(folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    (folder / "ready").unlink(missing_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", MACHINE, str(folder)],
        env=environment | {"VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "portfolio_site.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, f"no {path}"
        time.sleep(0.02)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_each_machine_keeps_its_own_panel_right(process_environment: dict[str, str], tmp_path: Path) -> None:
    assets = [make_asset(f"A{number}") for number in range(3)]

    def write(days: int) -> None:
        """One asset after the other would be a mixture: one write for all."""
        close = Decimal(PriceClock.read() + 1)
        dates = [date(2024, 1, 1 + day) for day in range(days)]
        store_bars([(asset.pk, Bar(asset.symbol, day, close)) for asset in assets for day in dates], source="test")

    write(1)
    folders = [tmp_path / name for name in ("one", "two")]
    running = [machine(folder, process_environment) for folder in folders]
    for folder in folders:
        wait_for(folder / "ready")
    for round_ in range(30):
        write(1 + round_ // 2)
        time.sleep(0.05)
        if round_ == 15:
            running[1].kill()  # a machine that dies, and comes back with what it had
            running[1].communicate()
            running[1] = machine(folders[1], process_environment)
    wait_for(folders[1] / "ready")
    for folder in folders:
        (folder / "stop").touch()
    told = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert [(one["version"], one["shape"]) for one in told] == [(PriceClock.read(), [3, 15])] * 2
    assert told[0]["seen"] > 1
    assert all(len(list((folder / "panel").glob("panel-*"))) <= 3 for folder in folders)
