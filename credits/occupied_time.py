"""No two live entries of one member occupy the same time: the rule in the database.

PostgreSQL holds it with an exclusion constraint (btree_gist) on each partition, which is the same
as one for all, for times are compared within one programme; SQLite holds it with triggers. Neither
can stand in the model's Meta (an ExclusionConstraint there stops SQLite's migrate).

The triggers look at one time alone: the times that are there do not overlap one another, so that
of those which begin before a new one ends, the last to begin is the last to end.
"""

TABLE = "credits_creditedtime"
NAME = "credited_time_no_overlap"
FORMER = "credited_time_overlap"  # which looked at all of a member's times


def names(vendor: str, table: str) -> list[str]:
    """What must be in the database; an index's name is unique in its schema, so that each
    partition's constraint has its own."""
    if vendor == "postgresql":
        return [f"{table}_overlap"]
    return [f"{NAME}_insert", f"{NAME}_update"]


def create(vendor: str, table: str) -> list[str]:
    """Statements that put the rule in place."""
    if vendor == "postgresql":
        return [
            "CREATE EXTENSION IF NOT EXISTS btree_gist",
            f'ALTER TABLE "{table}" ADD CONSTRAINT "{table}_overlap" EXCLUDE USING gist '
            "(programme_id WITH =, member_id WITH =, tstzrange(starts_at, ends_at) WITH &&)",
        ]
    return [
        f"CREATE TRIGGER {NAME}_{verb.lower()} BEFORE {verb} ON {table} "
        f"WHEN (SELECT c.ends_at FROM {table} c "
        "WHERE c.programme_id = NEW.programme_id AND c.member_id = NEW.member_id "
        "AND c.starts_at < NEW.ends_at AND c.id IS NOT NEW.id "
        "ORDER BY c.starts_at DESC LIMIT 1) > NEW.starts_at "
        "BEGIN SELECT RAISE(ABORT, 'credited times of one member overlap'); END"
        for verb in ("INSERT", "UPDATE")
    ]


def drop(vendor: str, table: str) -> list[str]:
    """Statements that take it away."""
    if vendor == "postgresql":
        return [f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS "{table}_overlap"']
    both = [f"{name}_{verb}" for name in (NAME, FORMER) for verb in ("insert", "update")]
    return [f"DROP TRIGGER IF EXISTS {name}" for name in both]
