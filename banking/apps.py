from django.apps import AppConfig


class BankingConfig(AppConfig):
    name = "banking"
    verbose_name = "Banking"

    def ready(self) -> None:
        from banking.services.sharing import close_to_leaver
        from users.services.organisations import left

        left.connect(close_to_leaver, dispatch_uid="banking.close_to_leaver")
