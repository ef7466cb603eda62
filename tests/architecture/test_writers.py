"""The ledger has one writer: who may name its tables in a writing call, and who may speak SQL."""

from __future__ import annotations

import ast

from tests.architecture.code import calls, imported, modules

RAW_SQL = {
    "portal/driver.py",  # hands statements to SQLite itself
    "portal/set_wise.py",  # one statement for many rows, on both engines
    "portal/prepared.py",  # the statements of querysets, written once
    "credits/ledger_sql.py",  # the statements of the ledger's hot path
    "credits/occupied_time.py",  # the overlap rule in the database
    "credits/partitions.py",  # a programme's partitions, on PostgreSQL
    "credits/newcomers.py",  # standings of a batch of newcomers
    # verification, which reads whole tables row by row without models
    "credits/verification/crew.py",
    "credits/verification/outcomes.py",
    "credits/verification/reading.py",
    "credits/verification/walk.py",
    "portal/people_in/long_sql.py",  # a long list written from its staging
    "portal/triggers.py",  # what holds invariants in the database
    "credits/stores.py",  # backup and restore, which know both engines' own tools
    "portal/worker.py",  # notices a lost connection
    "portal/together.py",  # queries of the ORM, put together for PostgreSQL
    "portal/replica.py",  # asks two servers how far they are
}
PROTECTED = ("Posting", "LedgerEntry", "LedgerBook", "CreditTotal", "Standing", "BranchStanding",
             "BranchMonth", "CreditedTime", "CreditedContent", "UnitWeek")  # fmt: skip
WRITERS = {
    "credits/chain.py",  # postings, entries, what they occupy, heads
    "credits/ledger.py",
    "credits/ledger_sql.py",
    "credits/standings.py",
    "credits/roll.py",
    "credits/rebuilding.py",
    "credits/weeks.py",
}
WRITES = {"create", "bulk_create", "get_or_create", "update_or_create", "update", "delete",
          "bulk_update", "insert", "upsert", "update_by_id", "add", "save", "acreate",
          "aupdate"}  # fmt: skip


def test_raw_sql_stands_in_named_modules_only():
    speaking = {
        path
        for path, tree in modules().items()
        if any(
            name.endswith((".cursor", ".raw", ".extra", ".executescript"))
            or name in {"driver.fetch", "driver.run_many"}
            or name.split(".")[-1] == "RawSQL"
            for name, _ in calls(tree)
        )
        or {"sqlite3", "psycopg"} & {n.split(".")[0] for n in imported(tree)}
    }
    assert speaking - RAW_SQL == set()
    assert {"portal/set_wise.py", "portal/triggers.py"} <= speaking


def test_only_the_ledgers_own_modules_write_its_tables():
    strays = []
    for path, tree in modules().items():
        if path in WRITERS:
            continue
        for name, call in calls(tree):
            verb = name.split(".")[-1]
            if verb not in WRITES:
                continue
            text = ast.unparse(call)
            named = [m for m in PROTECTED if f"{m}.objects" in text or text.startswith(f"{m}(")]
            first = ast.unparse(call.args[0]) if call.args else ""
            if named or first in PROTECTED:
                strays.append(f"{path}:{call.lineno}: {text[:80]}")
    assert strays == []


def test_only_the_ledgers_own_modules_make_its_rows():
    """Instances of ledger models are made nowhere else, saved or not."""
    made = [
        f"{path}:{call.lineno}"
        for path, tree in modules().items()
        if path not in WRITERS
        for name, call in calls(tree)
        if name.split(".")[-1] in PROTECTED
    ]
    assert made == []


def test_nobody_but_the_ledger_uses_its_statements():
    """Others may hold a programme's state and ask whether there is a session, nothing else."""
    harmless = {"ledger_sql.share_programme", "ledger_sql.has_plain_session"}
    for path, tree in modules().items():
        if "credits.ledger_sql" not in imported(tree) or path in WRITERS | {"credits/conflicts.py"}:
            continue
        used = {name for name, _ in calls(tree) if name.startswith("ledger_sql.")}
        assert used <= harmless, path
