from django.apps import AppConfig
from django.core.checks import register
from django.utils.translation import gettext_lazy as _


class AssetsConfig(AppConfig):
    name = "assets"
    verbose_name = _("Securities and prices")

    def ready(self) -> None:
        from assets.checks import check_providers  # models are not there before

        register(check_providers, "market")
