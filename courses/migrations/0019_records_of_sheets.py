"""What a sheet wrote stands session by session, no longer in one value of the import."""

import django.db.models.deletion
from django.db import migrations, models


def session_by_session(apps, schema_editor):
    """Receipts that are there go over, each in its order."""
    records = apps.get_model("courses", "SheetRecord").objects
    sheets = apps.get_model("courses", "SheetImport").objects.exclude(wrote=[])
    for sheet, wrote in sheets.values_list("pk", "wrote").iterator(chunk_size=1):
        records.bulk_create(
            records.model(
                sheet_id=sheet,
                place=place,
                session_id=told["session"],
                title=told["title"],
                day=told["day"],
                was=told["was"],
                state=told["state"],
                people=len(told["rows"]),
                rows=told["rows"],
            )
            for place, told in enumerate(wrote)
        )


def in_one_value(apps, schema_editor):
    """And back."""
    sheets = apps.get_model("courses", "SheetImport").objects
    records = apps.get_model("courses", "SheetRecord").objects.order_by("sheet", "place")
    for sheet in sheets.filter(records__isnull=False).distinct().only("pk"):
        wrote = [
            {
                "session": record.session_id,
                "title": record.title,
                "day": record.day.isoformat(),
                "was": record.was,
                "state": record.state,
                "rows": record.rows,
            }
            for record in records.filter(sheet=sheet)
        ]
        sheets.filter(pk=sheet.pk).update(wrote=wrote)


class Migration(migrations.Migration):
    dependencies = [("courses", "0018_rights_of_versions")]

    operations = [
        migrations.CreateModel(
            name="SheetRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("place", models.PositiveSmallIntegerField(verbose_name="次序")),
                ("title", models.CharField(max_length=80, verbose_name="活动名称")),
                ("day", models.DateField(verbose_name="日期")),
                ("was", models.CharField(max_length=10, verbose_name="导入前状态")),
                ("state", models.CharField(max_length=10, verbose_name="导入后状态")),
                ("people", models.PositiveIntegerField(verbose_name="改动人次")),
                ("rows", models.JSONField(verbose_name="导入前后的考勤")),
                (
                    "session",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="courses.studysession",
                        verbose_name="活动",
                    ),
                ),
                (
                    "sheet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="records",
                        to="courses.sheetimport",
                        verbose_name="表格",
                    ),
                ),
            ],
            options={
                "verbose_name": "考勤表的导入记录",
                "verbose_name_plural": "考勤表的导入记录",
                "ordering": ["sheet", "place"],
            },
        ),
        migrations.AddConstraint(
            model_name="sheetrecord",
            constraint=models.UniqueConstraint(fields=("sheet", "place"), name="sheet_record_once"),
        ),
        migrations.RunPython(session_by_session, in_one_value, elidable=True),
        migrations.RemoveField(model_name="sheetimport", name="wrote"),
    ]
