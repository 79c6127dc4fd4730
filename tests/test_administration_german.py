"""The administration to somebody who reads German: no word on it is left in English.

Its pages are looked through for texts of the catalogue that are shown in English, and what has its name in an
admin's code (columns, filters, actions, headings) for names that are the same in both languages and have no words.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import override
from pytest_django import DjangoDbBlocker

from activity.services import record
from analytics.services import recompute
from assets.models import Asset
from assets.tests.factories import make_asset, make_bars
from banking.models import Account, CashTransaction, Section, Transfer
from banking.services.transactions import book_cash
from banking.services.transfers import book_transfer
from core.testing import make_user
from portfolio_site.catalogue import catalogues, read
from portfolios.services.actions import apply_action
from portfolios.services.methods import change_method
from portfolios.services.payments import match_payment
from portfolios.tests.factories import buy, make_portfolio
from tests.test_administration import OURS, PAGES, by_model, list_of
from tests.world import grow, make_world
from users.models import User

GERMAN = [(each.id, str(each.string)) for each in read(catalogues()[0]) if isinstance(each.id, str) and each.id]
WORDS = {capfirst(words) for _, words in GERMAN}
ENGLISH = {capfirst(text) for text, _ in GERMAN} - WORDS  # not those that are alike, such as Name
# Rows of the test's world that are called like texts: accounts, securities' prices, factors and what they are of.
CALLED = {"Growth", "Deposit", "Card", "Market", "Size", "Travel", "simulated", "own", "import"}
FACTORS = {"All shares, weighted by value, over the risk-free rate (Mkt−RF).", "Small companies over big ones (SMB)."}
# Django's home is "Start" in German; what stands for its pictures of a glass, a tick and a cross is in no catalogue.
DJANGOS_OWN = {"Start", "Search", "True", "False"}


class Said(HTMLParser):
    """What a page says: its texts, and the attributes that are read to people."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self.silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in ("script", "style")
        values = dict(attrs)
        names = ["title", "aria-label", "placeholder", "alt", *(["value"] if values.get("type") == "submit" else [])]
        self.texts |= {text.strip() for name in names if (text := values.get(name))}

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.texts.add(" ".join(data.split()).removesuffix(":").removeprefix("› "))


def addresses(model: Any) -> Iterator[str]:
    """The pages of a model: its list, the form for a new row and, of its first row, what it is and its deletion."""
    yield list_of(model)
    base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield reverse(f"{base}_add")
    if row := model.objects.order_by("pk").first():
        yield from (reverse(f"{base}_{page}", args=[row.pk]) for page in ("change", "delete"))


@pytest.fixture(scope="module")
def pages(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Any:
    """What the pages of each model say to an administrator who reads German, by address."""
    with django_db_blocker.unblock(), transaction.atomic():
        world = make_world(make_user("alice"))
        User.objects.filter(pk=world.staff.pk).update(locale="de")
        client = Client()
        client.force_login(world.staff)
        grow(world, 0, 1)
        recompute([world.portfolio.pk])
        record(actor=world.owner, action="test", subject=world.portfolio)
        answers = {model: {url: client.get(url) for url in addresses(model)} for model in [*PAGES, Group]}
        transaction.set_rollback(True)
    return {
        model: {url: Said(answer.content.decode()).texts for url, answer in found.items() if answer.status_code == 200}
        for model, found in answers.items()
    }


@pytest.mark.django_db
@pytest.mark.parametrize("model", [*PAGES, Group], ids=lambda model: model._meta.label)
def test_no_text_is_left_in_english(model: Any, pages: Any) -> None:
    assert pages[model]
    for url, texts in pages[model].items():
        english = {text for text in texts if capfirst(text) in ENGLISH}
        assert english - CALLED - FACTORS - DJANGOS_OWN == set(), url


def test_the_walk_sees_english() -> None:
    said = Said('<th>Booked on</th><input type="submit" value="Save"><script>Name</script><b>› Konto:</b>').texts
    assert said >= {"Booked on", "Save", "Konto"}
    assert "Name" not in said
    assert {"Booked on", "Save"} <= ENGLISH
    assert not {"Name", "Portfolio"} & ENGLISH


def named(model: Any) -> Iterator[str]:
    """What an admin's own code names, in the language that is active."""
    page, request = PAGES[model], RequestFactory().get("/")
    request.user = User(is_superuser=True, is_active=True, is_staff=True)
    yield from (str(label_for_field(name, model, page)) for name in page.get_list_display(request))
    actions = page.get_actions(request).values()
    yield from (str(words) % {"verbose_name_plural": model._meta.verbose_name_plural} for *_, words in actions)
    for each in page.get_list_filter(request):
        if isinstance(each, type) and issubclass(each, admin.SimpleListFilter):
            yield str(each.title)
    yield from (str(heading) for heading, _options in page.fieldsets or () if heading)
    yield from (str(inline(model, admin.site).verbose_name_plural) for inline in page.inlines)
    if page.search_help_text:
        yield str(page.search_help_text)


@by_model
def test_what_an_admin_names_has_words(model: Any) -> None:
    with override("en"):
        english = list(named(model))
    with override("de"):
        german = list(named(model))
    same = {text for text, words in zip(english, german, strict=True) if text == words}
    assert {text for text in same if capfirst(text) not in WORDS} == set()


def test_apps_have_names() -> None:
    with override("de"):
        names = {label: str(apps.get_app_config(label).verbose_name) for label in OURS}
    assert names["users"] == "Personen"
    assert {label for label, name in names.items() if name in ENGLISH} == set()


@pytest.mark.django_db
def test_numbers_and_days_are_written_as_in_german(client: Client, carol: User, alice: User) -> None:
    User.objects.filter(pk=carol.pk).update(locale="de")
    client.force_login(carol)
    asset = make_asset("ACME")
    make_bars(asset, {date(2024, 5, 31): "125.674"})
    page = client.get(reverse("admin:assets_asset_change", args=[asset.pk])).content.decode()
    assert "125,674" in page
    assert "31. Mai 2024" in page
    account = Account.objects.create(owner=alice, name="Euros", currency="EUR")
    paid: dict[str, Any] = {"amount": Decimal("1234.5"), "booked_on": date(2024, 5, 31), "section": Section.INCOME}
    book_cash(account=account, actor=alice, **paid)
    assert "1.234,50" in client.get(list_of(Account)).content.decode()
    make_bars(asset, {date(2024, 6, 3): "12345.5"})
    assert "12.345,5" in client.get(list_of(Asset)).content.decode()


def answers(client: Client, fact: Any, *names: str) -> list[str]:
    """What actions on one row answer, the one after the other."""
    sent = [{"action": name, "_selected_action": [fact.pk]} for name in names]
    shown = [client.post(list_of(type(fact)), data, follow=True).context["messages"] for data in sent]
    return [str(message) for told in shown for message in told]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("made", "called"),
    [
        ("row", "-1.234,5 am 31.05.2024"),
        ("transfer", "-1.000 am 31.05.2024, angekommen als 1.000 am 31.05.2024"),
        ("trade", "Kauf 1.000,5 ACME am 02.01.2024"),
        ("change", "Last in, first out (LIFO) ab 02.02.2024"),
        ("action", "Bardividende von ACME, 04.03.2024"),
        ("match", "2.001 am 04.03.2024 für Bardividende von ACME, 04.03.2024"),
    ],
)
def test_what_is_voided_and_restored_is_called_in_german(
    client: Client, carol: User, alice: User, made: str, called: str
) -> None:
    fact = {"row": paid, "transfer": moved}.get(made, lambda owner: owned(owner, made))(alice)
    User.objects.filter(pk=carol.pk).update(locale="de")
    client.force_login(carol)
    assert answers(client, fact, "void", "restore") == [f"Storniert: {called}", f"Wiederhergestellt: {called}"]
    client.logout()
    User.objects.filter(pk=carol.pk).update(locale="en")
    client.force_login(carol)
    [void, refused] = answers(client, fact, "void", "void")
    name = void.removeprefix("Voided: ")
    assert " 2024" in name
    assert name != called
    assert refused.startswith(f"{name}: ")


def paid(owner: User) -> CashTransaction:
    account = Account.objects.create(owner=owner, name="Euros", currency="EUR")
    terms: dict[str, Any] = {"amount": Decimal("-1234.5"), "section": Section.EXPENSE}
    return book_cash(account=account, actor=owner, booked_on=date(2024, 5, 31), **terms)


def moved(owner: User) -> Transfer:
    source, target = (Account.objects.create(owner=owner, name=name, currency="EUR") for name in ("Here", "There"))
    day = date(2024, 5, 31)
    return book_transfer(source=source, target=target, amount=Decimal(1000), booked_on=day, actor=owner)


def owned(owner: User, made: str) -> Any:
    """A trade, a change of the method, a dividend, or that a row is its payment."""
    asset, portfolio = make_asset("ACME"), make_portfolio(owner, cash="tracked")
    trade = buy(portfolio, asset, "1000.5", 1, "2024-01-02")
    if made == "trade":
        return trade
    if made == "change":
        return change_method(portfolio=portfolio, method="lifo", day=date(2024, 2, 2), actor=owner)
    day = date(2024, 3, 4)
    action = apply_action(asset=asset, actor=None, kind="cash_dividend", ex_date=day, cash=Decimal(2))
    if made == "action":
        return action
    terms: dict[str, Any] = {"amount": Decimal(2001), "section": Section.INCOME, "asset": asset, "actor": None}
    row = book_cash(account=portfolio.portfolio_accounts.get().account, booked_on=day, **terms)
    return match_payment(portfolio=portfolio, action=action, row=row, actor=owner)


@pytest.mark.parametrize(
    ("field", "example"),
    [
        ("analytics.ScenarioShock.size", "-0,3"),
        ("banking.TermDeposit.rate", "0,03"),
        ("assets.Bond.coupon", "0,05"),
        ("portfolios.Portfolio.rebalance_threshold", "0,05"),
        ("assets.Asset.price_factor", "0,01"),
    ],
)
def test_helps_show_numbers_as_german_inputs_take_them(field: str, example: str) -> None:
    model, _, name = field.rpartition(".")
    with override("de"):
        assert example in str(apps.get_model(model)._meta.get_field(name).help_text)


@pytest.mark.django_db
@pytest.mark.parametrize(("locale", "shown"), [("de", "Alle %s ausw\\u00e4hlen"), ("en", "")])
def test_scripts_have_words(client: Client, carol: User, locale: str, shown: str) -> None:
    User.objects.filter(pk=carol.pk).update(locale=locale)
    client.force_login(carol)
    script = client.get(reverse("admin:jsi18n")).content.decode()
    assert ('"Choose all %s": ' in script) == bool(shown)
    assert shown in script
    assert ("Verf\\u00fcgbare %s" in script) == bool(shown)  # Django's own


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("locale", "account", "bank"),
    [
        ("de", "Banking | Konto | Darf Konto hinzufügen", "Darf das Geld aller ansehen, nur lesend"),
        ("en", "Banking | account | Can add account", "Can look at everybody&#x27;s money, read only"),
    ],
)
def test_permissions_are_offered_in_the_readers_language(
    client: Client, carol: User, locale: str, account: str, bank: str
) -> None:
    User.objects.filter(pk=carol.pk).update(locale=locale)
    client.force_login(carol)
    for address in (reverse("admin:auth_group_add"), reverse("admin:users_user_change", args=[carol.pk])):
        page = client.get(address).content.decode()
        assert account in page
        assert bank in page
        assert ("Can " in page) == (locale == "en")
