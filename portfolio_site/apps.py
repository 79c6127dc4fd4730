from django.apps import AppConfig
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class PortfolioSiteConfig(AppConfig):
    name = "portfolio_site"
    verbose_name = _("Server")

    def ready(self) -> None:
        from core.web import localised

        DomainError.wording = gettext
        DomainError.numbers = localised
