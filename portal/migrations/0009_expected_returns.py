from django.db import migrations, models
from django.db.models import F, Q


def hand_on(apps, schema_editor):
    """Open stays with hosts that were merged into another are the other's: until now a merger left
    them behind. Who is at home there by now is hosted by nobody."""
    stays = apps.get_model("portal", "MobileStay").objects.exclude(host__merged_into=None)
    for stay in stays.filter(until=None).select_related("member"):
        heir = stay.host
        while heir.merged_into:
            heir = heir.merged_into
        stay.host, stay.host_name = heir, heir.name
        if stay.member.branch_id == heir.pk:
            stay.host, stay.host_name, stay.reported_on = None, "", None
        stay.save(update_fields=["host", "host_name", "reported_on"])


class Migration(migrations.Migration):
    dependencies = [
        ("portal", "0008_moves_and_second_questions"),
    ]

    operations = [
        migrations.AddField(
            model_name="mobilestay",
            name="expected_until",
            field=models.DateField(blank=True, null=True, verbose_name="预计返回"),
        ),
        migrations.AddConstraint(
            model_name="mobilestay",
            constraint=models.CheckConstraint(
                condition=Q(
                    ("expected_until", None), ("expected_until__gte", F("since")), _connector="OR"
                ),
                name="mobile_stay_expected_after_since",
            ),
        ),
        migrations.RunPython(hand_on, migrations.RunPython.noop),
    ]
