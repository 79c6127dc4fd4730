
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0004_backtests'),
        ('assets', '0008_live'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Scenario',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('description', models.CharField(blank=True, max_length=500)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='scenarios', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.CreateModel(
            name='ScenarioShock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('target', models.CharField(choices=[('all', 'all'), ('sector', 'sector'), ('currency', 'currency'), ('asset', 'asset')], max_length=8)),
                ('key', models.CharField(blank=True, help_text="A sector's name or a currency's code.", max_length=100)),
                ('size', models.FloatField(help_text='A fraction: -0.3 is a loss of 30 %.')),
                ('asset', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='assets.asset')),
                ('scenario', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shocks', to='analytics.scenario')),
            ],
            options={
                'ordering': ['scenario', 'position'],
            },
        ),
        migrations.CreateModel(
            name='StressWindow',
            fields=[
                ('key', models.SlugField(max_length=40, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=100)),
                ('start', models.DateField()),
                ('end', models.DateField()),
                ('description', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'ordering': ['start'],
                'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='stress_window_has_length')],
            },
        ),
        migrations.AddConstraint(
            model_name='scenario',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='scenario_name_once_per_owner'),
        ),
        migrations.AddConstraint(
            model_name='scenario',
            constraint=models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='scenario_has_name'),
        ),
        migrations.AddConstraint(
            model_name='scenarioshock',
            constraint=models.UniqueConstraint(fields=('scenario', 'position'), name='scenario_shock_position_once'),
        ),
        migrations.AddConstraint(
            model_name='scenarioshock',
            constraint=models.CheckConstraint(condition=models.Q(('target__in', ['all', 'sector', 'currency', 'asset'])), name='scenario_shock_target_known'),
        ),
        migrations.AddConstraint(
            model_name='scenarioshock',
            constraint=models.CheckConstraint(condition=models.Q(('size__gte', -1), ('size__lte', 10)), name='scenario_shock_size_in_range'),
        ),
        migrations.AddConstraint(
            model_name='scenarioshock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asset__isnull', False), ('key', ''), ('target', 'asset')), models.Q(('asset__isnull', True), ('key', ''), ('target', 'all')), models.Q(('asset__isnull', True), ('target__in', ['sector', 'currency']), models.Q(('key', ''), _negated=True)), _connector='OR'), name='scenario_shock_names_its_target'),
        ),
    ]
