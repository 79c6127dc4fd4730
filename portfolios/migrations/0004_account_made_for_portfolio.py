from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0003_methods_picks_and_actions"),
    ]

    operations = [
        migrations.AddField(
            model_name="portfolioaccount",
            name="made_for",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="The account was made for the portfolio and may be deleted with it.",
            ),
        ),
    ]
