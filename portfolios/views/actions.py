"""Corporate actions for staff: the list, a form for each kind with its preview, voiding and restoring."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views import View

from assets.models import ActionKind, CorporateAction
from core.errors import DomainError, NotReady
from portfolios.forms import ActionFilterForm, ActionForm
from portfolios.forms.action import EXPLAINED
from portfolios.retelling import told
from portfolios.services.action_preview import ActionPreview, enter_action, preview_action
from portfolios.services.actions import holders_of, restore_action, void_action
from portfolios.wording import action_words
from users.models import User

PER_PAGE = 50
KINDS = [(kind.value, kind.label, EXPLAINED[kind]) for kind in ActionKind]


class ActionListPage(View):
    """``/corporate-actions/``: the newest ex-date first, narrowed by ``?asset=&kind=&start=&end=&voided=``."""

    def get(self, request: HttpRequest) -> HttpResponse:
        form = ActionFilterForm(request.GET)
        found = narrowed(form) if form.is_valid() else CorporateAction.objects.none()
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        kept = request.GET.copy()
        kept.pop("page", None)
        context = {"form": form, "page": page, "query": kept.urlencode(), "filtered": form.has_changed()}
        return render(request, "portfolios/actions.html", context)


def narrowed(form: ActionFilterForm) -> QuerySet[CorporateAction]:
    wanted, found = form.cleaned_data, CorporateAction.objects.all()
    found = found if wanted["voided"] else found.standing()
    if text := wanted["asset"]:
        found = found.filter(
            Q(asset__symbol__iexact=text) | Q(asset__name__icontains=text) | Q(asset__isin__iexact=text)
        )
    for name, lookup in (("kind", "kind"), ("start", "ex_date__gte"), ("end", "ex_date__lte")):
        if wanted[name]:
            found = found.filter(**{lookup: wanted[name]})
    return found.select_related("asset", "target", "created_by", "voided_by").order_by("-ex_date", "-pk")


class ActionEntryPage(View):
    """``/corporate-actions/new/``: the kinds to choose from, or with ``?kind=`` the form of one."""

    template = "portfolios/action_entry.html"

    def form(self, request: HttpRequest, data: Any = None) -> ActionForm:
        kind = request.GET.get("kind", "")
        if kind not in ActionKind.values:
            raise Http404
        asset = request.GET.get("asset", "")[:200]
        return ActionForm(data, user=cast("User", request.user), kind=ActionKind(kind), asset=asset)

    def get(self, request: HttpRequest) -> HttpResponse:
        if "kind" not in request.GET:
            return render(request, "portfolios/action_kinds.html", {"kinds": KINDS})
        return self.shown(request, self.form(request))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request, request.POST)
        if not form.is_valid():
            return self.shown(request, form)
        if request.POST.get("action") == "preview":
            return self.shown(request, form, attempted(form))
        try:
            action, first = enter_action(actor=cast("User", request.user), key=form.once_key, **form.terms())
        except (DomainError, NotReady) as error:
            refuse(form, error)
            return self.shown(request, form)
        if action.voided_at and not first:
            text = gettext("This was applied before and voided since: %(sentence)s. Nothing was applied now.") % {
                "sentence": action_words(action)
            }
            messages.warning(request, text, extra_tags=f"action-redo-{action.pk}")
        else:
            messages.success(
                request,
                gettext("Applied: %(sentence)s.") % {"sentence": action_words(action)},
                extra_tags=f"action-undo-{action.pk}",
            )
        return redirect("action-page-list")

    def shown(self, request: HttpRequest, form: ActionForm, preview: ActionPreview | None = None) -> HttpResponse:
        return render(request, self.template, {"form": form, "preview": preview, "kind": form.kind})


class ActionPreviewPart(ActionEntryPage):
    """What htmx asks for while the form is written."""

    http_method_names = ["post", "options"]
    template = "portfolios/_action_live.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form(request, request.POST)
        return self.shown(request, form, attempted(form) if form.is_valid() else None)


def attempted(form: ActionForm) -> ActionPreview | None:
    """The preview of a valid form; None where it is refused, which the form then says."""
    try:
        return preview_action(**form.terms())
    except DomainError as error:
        form.refuse(error)
        return None


def refuse(form: ActionForm, error: DomainError | NotReady) -> None:
    if isinstance(error, DomainError):
        form.refuse(error)
    else:
        form.add_error(None, gettext("%(error)s Nothing was stored; try again.") % {"error": told(error)})


class ActionVoidPage(View):
    """Void an action: asked with GET, done with POST."""

    verb, done, tag, restores = _("Void"), _("Voided"), "action-redo", False
    http_method_names = ["get", "post", "options"]

    def action(self, pk: int) -> CorporateAction:
        return get_object_or_404(CorporateAction.objects.select_related("asset", "target"), pk=pk)

    def act(self, action: CorporateAction, actor: User) -> None:
        void_action(action=action, actor=actor)

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        action = self.action(pk)
        context = {"action": action, "verb": self.verb, "restores": self.restores} | {
            "holders": len(holders_of([action.asset_id]))
        }
        return render(request, "portfolios/action_confirm.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        action = self.action(pk)
        try:
            self.act(action, cast("User", request.user))
        except DomainError as error:
            messages.error(request, error.message)
        except NotReady as error:
            messages.error(request, gettext("%(error)s Nothing was stored; try again.") % {"error": told(error)})
        else:
            messages.success(request, f"{self.done}: {action_words(action)}.", extra_tags=f"{self.tag}-{action.pk}")
        return redirect("action-page-list")


class ActionRestorePage(ActionVoidPage):
    """Take the void of an action back."""

    verb, done, tag, restores = _("Restore"), _("Applied again"), "action-undo", True

    def act(self, action: CorporateAction, actor: User) -> None:
        restore_action(action=action, actor=actor)
