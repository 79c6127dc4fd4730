"""Corporate actions on pages for staff: each kind's form and preview, the list, voiding and restoring."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from assets.models import ActionKind, Asset, CorporateAction
from assets.services.actions import ALLOWED
from assets.tests.factories import make_asset, make_bars, make_rate
from core.errors import DomainError
from portfolios.models import Entitlement, Investment, Portfolio
from portfolios.services.action_preview import preview_action
from portfolios.services.actions import apply_action
from portfolios.tests.factories import buy, exact, make_portfolio, sell
from users.models import User

LIST, NEW, PREVIEW = "/corporate-actions/", "/corporate-actions/new/", "/corporate-actions/preview/"
DAY = "2024-03-01"
BODY = {"asset": "AAPL", "ex_date": DAY}
TERMS: dict[str, dict[str, str]] = {
    "split": {"ratio": "2"},
    "reverse_split": {"ratio": "1", "per": "4", "cash_in_lieu": "100"},
    "stock_dividend": {"ratio": "5", "per": "100"},
    "spin_off": {"ratio": "1", "per": "2", "target": "CHILD", "basis_share": "0.25"},
    "merger": {"ratio": "1", "per": "2", "target": "CHILD", "cash": "10", "target_price": "180"},
    "symbol_change": {"new_symbol": "NEWS"},
    "return_of_capital": {"cash": "3"},
    "cash_dividend": {"cash": "0.24", "withholding_rate": "0.15", "pay_date": "2024-03-15"},
}


@pytest.fixture
def apple(db: None) -> Asset:
    asset = make_asset("AAPL")
    make_bars(asset, {date(2024, 1, 2): 100, date(2024, 2, 29): 120})
    return asset


@pytest.fixture
def portfolio(alice: User, apple: Asset) -> Portfolio:
    make_asset("CHILD")
    portfolio = make_portfolio(alice)
    buy(portfolio, apple, 10, 100, "2024-01-10")
    return portfolio


@pytest.fixture
def browser(client: Client, carol: User) -> Client:
    client.force_login(carol)
    return client


def error_beside(html: str, name: str) -> str:
    found = re.search(rf'<div class="field-error" id="error-{name}"[^>]*>(.*?)</div>', html, re.DOTALL)
    assert found, f"no place for what is wrong with {name}"
    return re.sub(r"<[^>]+>", " ", found[1]).strip()


# --- who ----------------------------------------------------------------------------------------------------------


def test_pages_for_staff_are_refused_to_others(client: Client, alice: User, portfolio: Portfolio) -> None:
    apple = Asset.objects.get(symbol="AAPL")
    action = apply_action(asset=apple, kind="split", ex_date=date(2024, 3, 1), ratio=Decimal(2), actor=None)
    urls = [LIST, NEW, f"{NEW}?kind=split", PREVIEW, f"{LIST}{action.pk}/void/", f"{LIST}{action.pk}/restore/"]
    assert all(client.get(url)["Location"].startswith("/login/") for url in urls)
    client.force_login(alice)
    for url in urls:
        assert (client.get(url).status_code, client.post(url, BODY).status_code) == (403, 403)
    assert CorporateAction.objects.standing().count() == 1


def test_only_staff_see_the_way_there(client: Client, alice: User, carol: User, portfolio: Portfolio) -> None:
    client.force_login(alice)
    assert LIST not in client.get("/").content.decode()
    client.force_login(carol)
    assert LIST in client.get("/").content.decode()


def test_forms_need_their_token(carol: User, portfolio: Portfolio) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(carol)
    assert strict.post(f"{NEW}?kind=split", BODY | TERMS["split"]).status_code == 403
    assert not CorporateAction.objects.exists()


# --- booking ------------------------------------------------------------------------------------------------------


def test_the_kinds_are_explained(browser: Client, db: None) -> None:
    html = browser.get(NEW).content.decode()
    assert all(f'href="?kind={kind.value}">{kind.label}</a>' in html for kind in ActionKind)


@pytest.mark.parametrize("kind", ActionKind.values)
def test_each_kind_has_its_own_fields_and_is_applied_once(browser: Client, portfolio: Portfolio, kind: str) -> None:
    form = browser.get(f"{NEW}?kind={kind}&asset=AAPL").context["form"]
    assert set(form.fields) - {"asset", "ex_date", "note", "key"} == ALLOWED[kind]
    body = BODY | TERMS[kind] | {"key": str(form["key"].value()), "note": "said so"}
    answer = browser.post(f"{NEW}?kind={kind}", body)
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    html = browser.get(LIST).content.decode()
    again = browser.post(f"{NEW}?kind={kind}", body).status_code
    assert again == (200 if kind == "symbol_change" else 302)  # by then no security has the old symbol
    action = CorporateAction.objects.get()
    assert (action.kind, action.note, action.created_by) == (kind, "said so", User.objects.get(username="carol"))
    for name, text in TERMS[kind].items():
        value = getattr(action, name)
        assert value == Decimal(text) if isinstance(value, Decimal) else str(value) == text
    assert f'action="{LIST}{action.pk}/void/"' in html  # the message's way back
    assert "said so" in html


def test_a_dividend_is_voided_and_restored_after_a_question(browser: Client, portfolio: Portfolio) -> None:
    sent = BODY | TERMS["cash_dividend"] | {"key": "0b1f3c52-6b2c-4f9e-9c50-3f5be2a1a0aa"}
    browser.post(f"{NEW}?kind=cash_dividend", sent)
    action = CorporateAction.objects.get()
    assert Entitlement.objects.count() == 1
    html = browser.get(f"{LIST}{action.pk}/void/").content.decode()
    assert "The books of 1 portfolio that traded the security" in html
    html = browser.post(f"{LIST}{action.pk}/void/", follow=True).content.decode()
    assert "Voided: Cash dividend of AAPL, 1 Mar 2024." in html
    assert not Entitlement.objects.exists()
    assert "This action is voided already." in browser.post(f"{LIST}{action.pk}/void/", follow=True).content.decode()
    html = browser.post(f"{NEW}?kind=cash_dividend", sent, follow=True).content.decode()
    assert "This was applied before and voided since: Cash dividend of AAPL, 1 Mar 2024." in html
    assert (f'action="{LIST}{action.pk}/restore/"' in html, "Applied:" in html) == (True, False)
    assert browser.get(f"{LIST}{action.pk}/restore/").status_code == 200
    browser.post(f"{LIST}{action.pk}/restore/")
    assert Entitlement.objects.count() == 1
    assert browser.get(f"{LIST}987654321/void/").status_code == 404


def test_voiding_what_a_later_sale_needs_says_why(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    browser.post(f"{NEW}?kind=split", BODY | TERMS["split"])
    sell(portfolio, apple, 20, 60, "2024-03-04")
    action = CorporateAction.objects.get()
    html = browser.post(f"{LIST}{action.pk}/void/", follow=True).content.decode()
    assert "would then sell more than is held: 10." in html
    assert Investment.objects.get(asset=apple).quantity == 0


REFUSED: list[tuple[str, dict[str, str], str, str]] = [
    ("split", {"ratio": "0"}, "ratio", "This must be a number of more than 0"),
    ("split", {"ratio": "0.5"}, "ratio", "A split gives more units than there were"),
    ("split", {"ratio": "NaN"}, "ratio", "Write a plain number"),
    ("split", {"per": "0"}, "per", "This must be a number of more than 0"),
    ("reverse_split", {"ratio": "9"}, "ratio", "a reverse split fewer"),
    ("split", {"asset": "NOSUCH"}, "asset", "There is no security"),
    ("split", {"ex_date": "2999-01-01"}, "ex_date", "An action is booked from its ex-date on."),
    ("split", {"ex_date": "2023-01-01"}, "ex_date", "The first price of AAPL is of 2024-01-02."),
    ("split", {"ex_date": "1.3.2024"}, "ex_date", "Enter a valid date."),
    ("split", {"currency": "XXX"}, "currency", "not the ISO 4217 code"),
    ("split", {"pay_date": "2024-02-01"}, "pay_date", "The pay-date lies before the ex-date."),
    ("split", {"note": "a\x00b"}, "note", "Null characters are not allowed."),
    ("spin_off", {"target": "AAPL"}, "target", "The target must be another asset."),
    ("spin_off", {"target": "NOSUCH"}, "target", "There is no security"),
    ("spin_off", {"basis_share": "1"}, "basis_share", "This must be a fraction from 0 to below 1."),
    ("merger", {"target_price": "", "ratio": "1"}, "target_price", "This kind of action needs this."),
    ("symbol_change", {"new_symbol": "CHILD"}, "new_symbol", "Another asset has the symbol CHILD."),
    ("symbol_change", {"new_symbol": "a b"}, "new_symbol", "A symbol has capitals, digits"),
    ("cash_dividend", {"withholding_rate": "1.5"}, "withholding_rate", "This must be a fraction"),
    ("cash_dividend", {"cash": "0"}, "cash", "This must be a number of more than 0"),
]


@pytest.mark.parametrize(("kind", "changes", "name", "message"), REFUSED, ids=str)
def test_each_refusal_stands_beside_its_field(
    browser: Client, portfolio: Portfolio, kind: str, changes: dict[str, str], name: str, message: str
) -> None:
    body = BODY | TERMS[kind] | changes
    for url in (NEW, PREVIEW):
        answer = browser.post(f"{url}?kind={kind}", body)
        assert answer.status_code == 200
        if url == PREVIEW and "needs this" in message:
            assert "Still needed: Its price." in answer.content.decode()
        else:
            assert message in error_beside(answer.content.decode(), name)
    assert not CorporateAction.objects.exists()


@pytest.mark.parametrize(
    ("basis", "words"),
    [("total_return", "include splits and dividends"), ("split_adjusted", "are adjusted for splits")],
)
def test_what_prices_include_already_is_refused(browser: Client, portfolio: Portfolio, basis: str, words: str) -> None:
    make_asset("TOTAL", price_basis=basis)
    html = browser.post(f"{NEW}?kind=split", BODY | TERMS["split"] | {"asset": "TOTAL"}).content.decode()
    assert f"The prices of TOTAL {words}: this is in them already." in error_beside(html, "general")


@pytest.mark.parametrize("query", ["kind=", "kind=gift", "kind=" + "9" * 400])
def test_an_unknown_kind_is_no_page(browser: Client, db: None, query: str) -> None:
    assert browser.get(f"{NEW}?{query}").status_code == 404
    assert browser.post(f"{PREVIEW}?{query}", BODY).status_code == 404


@pytest.mark.parametrize("kind", ActionKind.values)
def test_bad_input_is_never_a_failure(browser: Client, portfolio: Portfolio, kind: str) -> None:
    for name in (*BODY, *sorted(ALLOWED[kind]), "note", "key"):
        for value in ("\x00", "1e999999999", "9" * 5000, "-1", "٢", "<script>", "\u202e", "9999-12-31"):
            with_it = BODY | TERMS[kind] | {name: value}
            assert browser.post(f"{PREVIEW}?kind={kind}", with_it).status_code == 200, (name, value)


# --- the preview --------------------------------------------------------------------------------------------------


def test_a_split_leaves_the_value_as_it_was(browser: Client, portfolio: Portfolio, bob: User, apple: Asset) -> None:
    other = make_portfolio(bob)
    buy(other, apple, 5, 100, "2024-01-10")
    sold_out = make_portfolio(bob, "Sold")
    buy(sold_out, apple, 5, 100, "2024-01-10")
    sell(sold_out, apple, 5, 100, "2024-02-10")

    html = browser.post(f"{PREVIEW}?kind=split", BODY | TERMS["split"]).content.decode()

    assert "2 for 1: 2 holders at the close before 1 Mar 2024." in html
    assert "15 → 30" in html
    assert "120.00 → 60.00 USD" in html
    assert html.count("1,800.00 USD") == 2
    assert not CorporateAction.objects.exists()


EFFECTS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    # quantity after, units of the target, cash, withheld, value after; before: 10 units at 120
    ("split", {"ratio": 2}, (20, 0, 0, 0, 1200)),
    ("stock_dividend", {"ratio": 5, "per": 100}, ("10.5", 0, 0, 0, 1200)),
    ("reverse_split", {"ratio": 1, "per": 4, "cash_in_lieu": 480}, (2, 0, 240, 0, 1200)),
    ("spin_off", {"ratio": 1, "per": 2, "basis_share": "0.25"}, (10, 5, 0, 0, 1200)),
    ("merger", {"ratio": 1, "per": 2, "cash": 10, "target_price": 220}, (0, 5, 100, 0, 1200)),
    ("merger", {"cash": 125}, (0, 0, 1250, 0, 1250)),
    ("return_of_capital", {"cash": 3}, (10, 0, 30, 0, 1200)),
    ("cash_dividend", {"cash": "0.24", "withholding_rate": "0.15"}, (10, 0, "2.40", "0.36", 1200)),
    ("symbol_change", {"new_symbol": "NEWS"}, (10, 0, 0, 0, 1200)),
]


@pytest.mark.parametrize(("kind", "terms", "effect"), EFFECTS, ids=str)
def test_what_is_foreseen_is_what_happens(
    portfolio: Portfolio, apple: Asset, kind: str, terms: dict[str, Any], effect: tuple[Any, ...]
) -> None:
    given: dict[str, Any] = {name: value if name == "new_symbol" else Decimal(value) for name, value in terms.items()}
    child = Asset.objects.get(symbol="CHILD")
    if kind == "spin_off" or "target_price" in terms:
        given["target"] = child

    seen = preview_action(asset=apple, kind=kind, ex_date=date(2024, 3, 1), **given)
    action = apply_action(asset=apple, kind=kind, ex_date=date(2024, 3, 1), actor=None, **given)

    shown = (seen.quantity_after, seen.target_units, seen.cash, seen.withheld, seen.value_after)
    assert shown == exact(*effect)
    assert (seen.holders, seen.quantity_before, seen.value_before) == (1, *exact(10, 1200))
    held = {row.asset_id: row.quantity for row in Investment.objects.all()}
    assert (held[apple.pk], held.get(child.pk, Decimal(0))) == (seen.quantity_after, seen.target_units)
    due = Entitlement.objects.filter(action=action).first()
    assert (seen.cash, seen.withheld) == ((due.gross, due.withholding) if due else exact(0, 0))


def test_the_preview_names_the_sale_that_the_action_would_break(portfolio: Portfolio, apple: Asset) -> None:
    sale = sell(portfolio, apple, 10, 120, "2024-03-04")
    terms: dict[str, Any] = {"asset": apple, "kind": "reverse_split", "ex_date": date(2024, 3, 1), "ratio": Decimal(1)}
    terms |= {"per": Decimal(2)}
    messages = []
    for attempt in (lambda: preview_action(**terms), lambda: apply_action(actor=None, **terms)):
        with pytest.raises(DomainError, match=rf"trade {sale.pk}") as refused:
            attempt()
        messages.append(refused.value.message)
    assert messages[0] == messages[1]


def test_without_a_price_or_a_rate_there_is_no_value(portfolio: Portfolio, apple: Asset) -> None:
    child = make_asset("KIND", currency="EUR")
    make_bars(child, {date(2024, 2, 28): 50})
    terms: dict[str, Any] = {"asset": apple, "kind": "merger", "ex_date": date(2024, 3, 1), "target": child}
    terms |= {"ratio": Decimal(1)}
    make_rate("EURUSD", {date(2024, 2, 28): "1.1"})
    assert preview_action(**terms).value_after == 550
    unpriced = make_asset("FRESH")
    assert preview_action(**terms | {"target": unpriced}).value_after is None
    fresh = preview_action(asset=unpriced, kind="split", ex_date=date(2024, 3, 1), ratio=Decimal(2))
    assert (fresh.holders, fresh.price, fresh.value_before, fresh.value_after) == (0, None, None, None)


def test_pence_of_the_asset_and_of_the_target(browser: Client, portfolio: Portfolio, alice: User) -> None:
    """A close of 300 pence is 3 pounds a unit; the price of the target that a merger states is in pounds."""
    pence: dict[str, Any] = {"currency": "GBP", "price_factor": Decimal("0.01")}
    share, target = make_asset("HSBA", **pence), make_asset("BARC", **pence)
    make_rate("GBPUSD", {date(2024, 1, 2): "1.25"})
    make_bars(share, {date(2024, 2, 29): 620})
    make_bars(target, {date(2024, 2, 29): 300})
    buy(portfolio, share, 10, 600, "2024-01-10")
    terms: dict[str, Any] = {"asset": share, "kind": "merger", "ex_date": date(2024, 3, 1), "target": target}
    terms |= {"ratio": Decimal(2)}
    assert preview_action(**terms).value_after == 60
    cash = {"cash": Decimal(1), "currency": "GBP", "target_price": Decimal("2.5")}
    assert preview_action(**terms | cash).value_after == 60  # 20 × 2.50, and 10 of cash
    html = browser.post(f"{PREVIEW}?kind=split", {"asset": "HSBA", "ex_date": DAY, "ratio": "2"}).content.decode()
    assert "620.00 → 310.00 GBX" in html
    assert html.count("62.00 GBP") == 2


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_is_narrowed_and_paged(browser: Client, portfolio: Portfolio, apple: Asset) -> None:
    other = make_asset("OTHER", name="Other Works")
    for number in range(1, 61):
        cash = Decimal(number) / 100
        apply_action(asset=other, kind="cash_dividend", ex_date=date(2024, 1, 1 + number % 28), cash=cash, actor=None)
    split = apply_action(asset=apple, kind="split", ex_date=date(2024, 3, 1), ratio=Decimal(2), actor=None)
    browser.post(f"{LIST}{split.pk}/void/")
    browser.get(LIST)  # reads the message

    def shown(query: str) -> int:
        return browser.get(f"{LIST}?{query}").content.decode().count('scope="row"')

    assert (shown(""), shown("page=2"), shown("page=99"), shown("page=x")) == (50, 10, 10, 50)
    assert (shown("asset=aapl"), shown("asset=aapl&voided=on"), shown("kind=split&voided=on")) == (0, 1, 1)
    assert (shown("asset=works&start=2024-01-02&end=2024-01-03"), shown("kind=spin_off")) == (6, 0)
    assert "kind=cash_dividend&amp;page=2" in browser.get(f"{LIST}?kind=cash_dividend").content.decode()
    html = browser.get(f"{LIST}?start=1.1.2024&kind=gift&asset={'x' * 300}").content.decode()
    assert error_beside(html, "start") == "Enter a valid date."
    assert "Select a valid choice" in error_beside(html, "kind")
    assert "at most 200 characters" in error_beside(html, "asset")
