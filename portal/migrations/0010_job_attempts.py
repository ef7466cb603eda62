from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0008_moves_and_second_questions"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="attempt",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="第几次办理"),
        ),
    ]
