"""What the demo earns: dividends, coupons and interest that follow from its facts; an older demo gets them, too."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from analytics.queries.bonds import bond_report, terms_of
from assets.models import ActionProposal, Asset, AssetType, CorporateAction, PriceClock, ProposalState
from assets.services.sources import simulated_series
from banking.models import TermDeposit
from portfolio_site import demo, demo_income
from portfolios.models import Entitlement, Portfolio, Trade
from portfolios.queries.income import earnings, income
from portfolios.services.actions import void_action
from users.models import User

pytestmark = pytest.mark.django_db
LAST_DAY = date(2022, 12, 28)
CENT = Decimal("0.01")


@pytest.fixture
def loaded(settings: Any) -> None:
    settings.DEMO = True
    call_command("demo", verbosity=0)


@pytest.fixture
def older(settings: Any, tmp_path: Path) -> None:
    """A demo as it was before it earned anything: without the sample securities and what is theirs."""
    settings.DEMO = True
    shutil.copytree(demo.FIXTURES, tmp_path / "fixtures")
    for name in ("assets.json", "demo.json"):
        path = tmp_path / "fixtures" / name
        path.write_text(json.dumps(_older(json.loads(path.read_text()))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "FIXTURES", tmp_path / "fixtures")
        call_command("demo", verbosity=0)


def _older(content: Any) -> Any:
    if isinstance(content, list):
        return [row for row in content if not row["symbol"].endswith(".SIM")]
    portfolios = [row for row in content["portfolios"] if row["name"] != "Steady income"]
    return content | {"portfolios": portfolios, "deposits": []}


def steady() -> Portfolio:
    return Portfolio.objects.get(name="Steady income", owner__username="demo")


@pytest.mark.usefixtures("loaded")
class TestLoaded:
    def test_it_earns_what_its_facts_say_and_its_books_are_right(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = income(steady(), date(2022, 1, 1), date(2022, 12, 31))
        withheld = [row.withheld for row in earnings(steady(), date(2022, 1, 1), LAST_DAY).rows if row.withheld]
        paying = set(CorporateAction.objects.values_list("asset__symbol", flat=True))

        assert {row.symbol: row.amount.quantize(CENT) for row in found.assets} == {
            "WATER.SIM": Decimal("814.80"),  # 0.42 × (3 × 500 + 440)
            "FOODS.SIM": Decimal("187.50"),  # 1.25 × 150
            "BOND.SIM": Decimal("888.33"),  # 1 % of 25,000 and of 3 × 20,000; 69 of 360 days of 4 % of 5,000 sold
            "": Decimal("109.30"),  # of the cash
        }
        assert withheld == [Decimal("28.13")]  # 15 % of 187.50
        assert paying == {"WATER.SIM", "FOODS.SIM", "BOND.SIM"}
        assert not income(Portfolio.objects.get(name="Family growth"), None, LAST_DAY).total  # in its prices already

        call_command("verify_books")
        assert "The books are right" in capsys.readouterr().out

    def test_a_dividend_that_was_voided_stays_so(self) -> None:
        action = CorporateAction.objects.filter(asset__symbol="WATER.SIM").latest("ex_date")
        void_action(action=action, actor=None)
        before = CorporateAction.objects.count()

        call_command("demo", verbosity=0)

        assert CorporateAction.objects.count() == before
        assert not Entitlement.objects.filter(action=action).exists()


@pytest.mark.usefixtures("older")
class TestOlder:
    def test_it_gets_what_it_lacks_once(self) -> None:
        trades = set(Trade.objects.values_list("pk", flat=True))
        assert not TermDeposit.objects.exists()

        call_command("demo", verbosity=0)

        new = Trade.objects.exclude(pk__in=trades)
        assert set(new.values_list("portfolio", flat=True)) == {steady().pk}
        assert income(steady(), date(2022, 1, 1), LAST_DAY).total.quantize(CENT) == Decimal("1999.93")
        coupons = ActionProposal.objects.filter(asset__symbol="BOND.SIM").order_by("ex_date")
        applied = [row.ex_date for row in coupons if row.state == ProposalState.APPLIED]
        assert (applied[0], applied[-1], len(applied)) == (date(2019, 6, 15), date(2022, 12, 15), 15)
        assert {row.state for row in coupons if row.ex_date > LAST_DAY} == {ProposalState.PROPOSED}
        paid, running = TermDeposit.objects.whole().order_by("started_on")
        assert [row.amount for row in (paid.interest,) if row] == [Decimal("29.42")]  # 5,000 × 1.2 % × 179 / 365
        assert (running.state, running.principal) == ("running", Decimal(10000))

        clock = PriceClock.read()
        call_command("demo", verbosity=0)
        assert (TermDeposit.objects.count(), PriceClock.read()) == (2, clock)


class TestBond:
    def test_it_is_issued_at_par_and_yields_what_was_simulated(self) -> None:
        demo.load_assets()
        [row] = [row for row in json.loads((demo.FIXTURES / "assets.json").read_text()) if "bond" in row]
        asset = Asset.objects.get(symbol=row["symbol"])
        demo_income.load_facts([row], {asset.symbol: asset})
        issued = terms_of(asset).issued
        yields = simulated_series(asset.symbol, issued, LAST_DAY, anchor=(issued, Decimal(4)))

        bars = list(demo_income.priced(terms_of(asset), yields))

        assert asset.type == AssetType.BOND
        assert bars[0].close == Decimal("100.0000")  # a yield of 4 % for a coupon of 4 %
        assert [bar.day for bar in bars] == [bar.day for bar in yields]
        for bar, told in list(zip(bars, yields, strict=True))[::100]:
            figures = bond_report(asset, terms_of(asset), bar.day, bar.close).figures
            assert figures.yield_to_maturity == pytest.approx(float(told.close) / 100, abs=1e-6)

    def test_without_bonds_nothing_is_proposed(self) -> None:
        person = User.objects.create_user("somebody")

        assert demo_income.load_coupons([], LAST_DAY, person, datetime(2024, 1, 1, tzinfo=UTC)) == 0
        assert not ActionProposal.objects.exists()
