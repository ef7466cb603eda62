"""On PostgreSQL a line's partition says that its programme is there, so that no line asks again.

The keys of the partitioned tables to the programme go: each new row checked its own at the commit,
a quarter of loading a city, and all writers locked the one row of their programme for it. A
partition is made with its programme's row locked, and a trigger, put in place after migrate
(`credits.partitions`), refuses to take a programme away that has one. SQLite, which has no
partitions, keeps its keys, so Django's state does not change.
"""

from django.db import migrations

TABLES = [
    "credits_posting",
    "credits_ledgerentry",
    "credits_creditedtime",
    "credits_creditedcontent",
]


def drop(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass "
                "AND contype = 'f' AND confrelid = 'credits_programme'::regclass",
                [table],
            )
            for (name,) in cursor.fetchall():
                cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


def put_back(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    with schema_editor.connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_programme_id_fk FOREIGN KEY "
                "(programme_id) REFERENCES credits_programme DEFERRABLE INITIALLY DEFERRED"
            )


class Migration(migrations.Migration):
    dependencies = [("credits", "0010_discussions")]

    operations = [migrations.RunPython(drop, put_back, elidable=False)]
