from django.apps import AppConfig
from django.core.checks import register


class AssetsConfig(AppConfig):
    name = "assets"
    verbose_name = "Securities and prices"

    def ready(self) -> None:
        from assets.checks import check_providers  # models are not there before

        register(check_providers, "market")
