import django.db.models.deletion
from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery


def settle(apps, schema_editor):
    """What is set up goes on to the account that had the IBAN or alias by then: the owner's own one, else who receives."""
    Account, Schedule = apps.get_model("banking", "Account"), apps.get_model("banking", "Schedule")
    same = {"iban": OuterRef("target_iban"), "created_at__lte": OuterRef("created_at")}
    of_owner = Q(owner=OuterRef("source__owner")) | Q(organisation=OuterRef("source__organisation"))
    known = Schedule.objects.exclude(target_iban="")
    for found in (Account.objects.filter(of_owner, **same), Account.objects.filter(receives=True, **same)):
        for pk, account in known.filter(inside=None).values_list("pk", Subquery(found.values("pk")[:1])):
            if account is not None:
                Schedule.objects.filter(pk=pk).update(inside=account)


class Migration(migrations.Migration):

    dependencies = [
        ("banking", "0013_import_names_go"),
    ]

    operations = [
        migrations.AddField(
            model_name="schedule",
            name="inside",
            field=models.ForeignKey(
                blank=True,
                help_text="The account of this server that had the IBAN or alias when it was set up; empty: outside.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="banking.account",
            ),
        ),
        migrations.RunPython(settle, migrations.RunPython.noop),
    ]
