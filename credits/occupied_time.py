"""No two live entries of one member occupy the same time: the rule in the database.

PostgreSQL holds it with an exclusion constraint (btree_gist), SQLite with triggers; neither can
stand in the model's Meta (an ExclusionConstraint there stops SQLite's migrate).
"""

NAME = "credited_time_overlap"


def create(vendor: str) -> list[str]:
    """Statements that put the rule in place."""
    if vendor == "postgresql":
        return [
            "CREATE EXTENSION IF NOT EXISTS btree_gist",
            f"ALTER TABLE credits_creditedtime ADD CONSTRAINT {NAME} EXCLUDE USING gist "
            "(programme_id WITH =, member_id WITH =, tstzrange(starts_at, ends_at) WITH &&)",
        ]
    return [
        f"CREATE TRIGGER {NAME}_{verb.lower()} BEFORE {verb} ON credits_creditedtime "
        "WHEN EXISTS (SELECT 1 FROM credits_creditedtime c "
        "WHERE c.programme_id = NEW.programme_id AND c.member_id = NEW.member_id "
        "AND c.starts_at < NEW.ends_at AND c.ends_at > NEW.starts_at AND c.id IS NOT NEW.id) "
        "BEGIN SELECT RAISE(ABORT, 'credited times of one member overlap'); END"
        for verb in ("INSERT", "UPDATE")
    ]


def drop(vendor: str) -> list[str]:
    """Statements that take it away."""
    if vendor == "postgresql":
        return [f"ALTER TABLE IF EXISTS credits_creditedtime DROP CONSTRAINT IF EXISTS {NAME}"]
    return [f"DROP TRIGGER IF EXISTS {NAME}_{verb}" for verb in ("insert", "update")]
