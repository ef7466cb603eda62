"""Rooms and doors: imports run one way, verbs know no HTTP, the arithmetic knows no database."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.architecture.code import APPS, ROOT, imported, is_page, modules

HTTP = (
    "django.http",
    "django.shortcuts",
    "django.views",
    "django.contrib.messages",
    "django.urls",
    "portal.rendering",
    "portal.gate",
)
# Besides views: who may see what, how a page or a file is answered, the read-only admin.
KNOW_HTTP = {
    "portal/gate.py",
    "portal/rendering.py",
    "portal/replica.py",
    "portal/spreadsheets.py",
    "portal/giving.py",
    "portal/admin.py",
    "portal/admin_site.py",
    "portal/templatetags/portal.py",
    "credits/admin.py",
    "courses/admin.py",
    "courses/badges.py",
    *(f"{app}/urls.py" for app in APPS),
    "portal/site_urls.py",
}


def lint(folder):
    words = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_run_from_courses_to_credits_to_portal():
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 kept, 0 broken" in done.stdout


def test_the_contract_of_imports_can_break(tmp_path):
    for app in APPS:
        (tmp_path / app).mkdir()
        (tmp_path / app / "__init__.py").touch()
    (tmp_path / "portal" / "wrong.py").write_text("import credits\n")
    settings = (ROOT / "pyproject.toml").read_text().partition("[tool.importlinter]")
    (tmp_path / "pyproject.toml").write_text(settings[1] + settings[2])

    done = lint(tmp_path)

    assert done.returncode == 1
    assert "portal.wrong -> credits" in done.stdout


def test_apps_below_never_name_one_above():
    """The same as a plain read of the files: also imports inside functions."""
    above = {"portal": ("credits", "courses"), "credits": ("courses",)}
    strays = [
        (path, name)
        for path, tree in modules().items()
        for name in imported(tree)
        if name.split(".")[0] in above.get(path.split("/")[0], ())
    ]
    assert strays == []


def test_verbs_know_no_http():
    strays = [
        (path, name)
        for path, tree in modules().items()
        if not is_page(path) and path not in KNOW_HTTP
        for name in imported(tree)
        if name.startswith(HTTP)
    ]
    assert strays == []


def test_the_list_of_those_that_know_http_names_no_module_in_vain():
    knowing = {path for path, tree in modules().items() for n in imported(tree) if n[:6] == "django"
               if n.startswith((*HTTP, "django.contrib.admin", "django.template"))}  # fmt: skip
    assert {path for path in KNOW_HTTP if path in modules()} - knowing == set()


def test_rules_are_pure():
    """Rule sets and their arithmetic: no Django, no clock, no file, no other module of ours."""
    plain = {"__future__", "collections", "dataclasses", "datetime", "functools", "typing"}
    sets = imported(modules()["credits/rule_sets.py"])
    assert {name.split(".")[0] for name in sets} <= plain
    arithmetic = imported(modules()["credits/rules.py"])
    ours = {name for name in arithmetic if name.split(".")[0] not in plain}
    assert ours == {"credits.rule_sets", "credits.rule_sets.Rules"}


def test_the_child_that_opens_uploads_starts_fast():
    """A process for each upload: neither Django nor anything else of ours is loaded for it."""
    own = "portal.workbook_child"
    strays = [
        (path, name)
        for path, tree in modules().items()
        if path.startswith(own.replace(".", "/"))
        for name in imported(tree)
        if name.split(".")[0] in ("django", *APPS) and not name.startswith(own)
    ]
    assert strays == []
    assert f"{own}/long_sheets.py".replace(".", "/", 1) in modules()


def test_no_module_is_called_after_nothing():
    """No utils, no helpers, no common: a module is named after its verb or noun."""
    nameless = {"utils", "helpers", "common", "misc", "base", "services", "signals", "handlers"}
    parts = {part.removesuffix(".py") for path in modules() for part in path.split("/")}
    assert parts & nameless == set()


def test_the_only_signal_is_that_of_migrations():
    connected = [
        (path, name)
        for path, tree in modules().items()
        for name in imported(tree)
        if ".signals" in name or "django.dispatch" in name
    ]
    assert {name for _, name in connected} <= {
        "django.db.models.signals",
        "django.db.models.signals.post_migrate",
        *(n for p, n in connected if p in ("portal/apps.py", "portal/admin.py")),
    }
    assert not any(name.endswith((".post_save", ".pre_save")) for _, name in connected)


def test_models_write_nothing_in_save():
    """No save() override: bulk writers walk around it."""
    overrides = [
        (path, node.name)
        for path, tree in modules().items()
        if "/models/" in path
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in {"save", "delete"}
    ]
    assert overrides == []
