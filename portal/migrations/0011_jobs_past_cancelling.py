from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0010_job_attempts"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="too_late",
            field=models.BooleanField(default=False, verbose_name="已不能取消"),
        ),
    ]
