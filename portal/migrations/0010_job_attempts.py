from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0009_expected_returns"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="第几次办理"),
        ),
        migrations.AddField(
            model_name="job",
            name="pace_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="计步起点"),
        ),
        migrations.AddField(
            model_name="job",
            name="pace_done",
            field=models.PositiveIntegerField(default=0, verbose_name="计步起数"),
        ),
    ]
