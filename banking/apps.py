from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = _("Banking")

    def ready(self) -> None:
        from banking.services.sharing import close_to_leaver
        from users.services.organisations import left

        left.connect(close_to_leaver, dispatch_uid="banking.close_to_leaver")
