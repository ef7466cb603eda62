"""A right to distribute a lesson is for the version that was looked at when it was recorded."""

from django.db import migrations, models
from django.db.models import F


def of_what_stands_there(apps, schema_editor):
    """Rights that are there were recorded for what readers see, as far as anybody can tell."""
    rights = apps.get_model("courses", "ReadingRight").objects.exclude(lesson=None)
    lessons = apps.get_model("courses", "Lesson").objects.filter(pk=models.OuterRef("lesson"))
    rights.update(version=models.Subquery(lessons.values(number=F("version"))[:1]))


class Migration(migrations.Migration):
    dependencies = [("courses", "0017_what_ends_with_the_books")]

    operations = [
        migrations.AddField(
            model_name="readingright",
            name="version",
            field=models.PositiveSmallIntegerField(default=0, verbose_name="版本"),
        ),
        migrations.RunPython(of_what_stands_there, migrations.RunPython.noop, elidable=True),
    ]
