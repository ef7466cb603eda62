"""Nothing but views, middleware, context processors, commands and jobs reads the clock."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.code import calls, is_page, modules

# The middleware that stamps each request, and background work with its heartbeat.
READ_THE_CLOCK = {"portal/gate.py", "portal/jobs.py", "portal/progress.py", "portal/worker.py"}
ALWAYS = ("timezone.now", "datetime.now", "datetime.utcnow", "datetime.today", "date.today",
          "timezone.localtime", "timezone.localdate", "localdate", "localtime", "time.time",
          "time.localtime", "Now")  # fmt: skip
WITH_ARGUMENT = ("localdate", "localtime")  # of a moment that was handed in


def readings(tree: ast.AST) -> list[str]:
    """Where a module reads the clock."""
    found = []
    for name, call in calls(tree):
        if not any(name == one or name.endswith(f".{one}") for one in ALWAYS):
            continue
        if name.endswith(WITH_ARGUMENT) and "time.local" not in name.replace("timezone", ""):
            handed_in = [a for a in call.args if not isinstance(a, ast.Constant)]
            if handed_in or any(k.arg == "value" for k in call.keywords):
                continue
        found.append(f"line {call.lineno}: {name}()")
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword):
            if node.arg in {"auto_now", "auto_now_add", "db_default"}:
                found.append(f"line {node.value.lineno}: {node.arg}")
            if node.arg == "default" and ast.unparse(node.value).endswith(("now", "today")):
                found.append(f"line {node.value.lineno}: default=now")
    return found


def test_nothing_else_reads_the_clock():
    strays = {
        path: found
        for path, tree in modules().items()
        if not is_page(path) and path not in READ_THE_CLOCK and (found := readings(tree))
    }
    assert strays == {}


@pytest.mark.parametrize(
    "line",
    [
        "timezone.now()",
        "x = datetime.now(UTC)",
        "date.today()",
        "timezone.localdate()",
        "timezone.localtime(timezone=UTC)",
        "models.DateTimeField(auto_now=True)",
        "models.DateTimeField(default=timezone.now)",
        "filter(at__lt=Now())",
    ],
)
def test_each_way_of_reading_it_is_found(line):
    assert readings(ast.parse(line)) != []


def test_a_moment_that_was_handed_in_may_be_turned_into_a_day():
    assert readings(ast.parse("timezone.localdate(at); timezone.localtime(value=at)")) == []


def test_no_sql_asks_the_database_for_the_time():
    said = [
        (path, node.value)
        for path, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if any(w in node.value.upper() for w in ("NOW()", "CURRENT_TIMESTAMP", "DATETIME('NOW"))
        and "docstring" not in path
    ]
    assert [s for s in said if "``" not in s[1]] == []


def test_every_verb_takes_its_moment_as_at():
    """Public functions that write (they are atomic) take `at=`, by keyword only."""
    without = []
    for path, tree in modules().items():
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            atomic = any("atomic" in ast.unparse(d) for d in node.decorator_list)
            if atomic and "at" not in [a.arg for a in node.args.kwonlyargs]:
                without.append(f"{path}: {node.name}")
    assert without == [
        "courses/online/reflections.py: discard",  # only its author ever saw the draft
        "courses/sheets/sheets_in.py: answer",  # keeps what was answered beside a staged upload
        "courses/walk_ins.py: ask",  # its moment is that of the scan
    ]
