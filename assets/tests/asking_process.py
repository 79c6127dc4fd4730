"""Ask for a quote of AAPL so many times, as a process of its own: python -m assets.tests.asking_process 20"""

from __future__ import annotations

import os
import sys
from collections import Counter

import django


def main(times: int) -> None:
    """Prints how many answers, and how many refusals, there were."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")
    django.setup()
    from assets.models import Asset
    from assets.services.asking import Capability, NobodyAnswers, ask

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    outcomes: Counter[str] = Counter()
    for _ in range(times):
        try:
            outcomes[
                ask(Capability.QUOTE, Asset(symbol="AAPL"), lambda adapter, symbol: adapter.quote(symbol)).provider
            ] += 1
        except NobodyAnswers:
            outcomes["nobody"] += 1
    sys.stdout.write(f"{dict(outcomes)}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
