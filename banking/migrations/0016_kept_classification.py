from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("banking", "0015_lean_cash_indexes"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="cashtransaction", name="cash_derived_voided_if_replaced"),
        migrations.AddIndex(
            model_name="cashtransaction",
            index=models.Index(
                condition=models.Q(origin_id__isnull=False, replaced_by__isnull=True, voided_at__isnull=False),
                fields=["account"],
                name="cash_set_aside",
            ),
        ),
    ]
