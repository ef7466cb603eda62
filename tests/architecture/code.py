"""The project's own modules as syntax trees, and small questions about them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("portal", "credits", "courses")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the three apps but migrations, by its path from the root."""
    paths = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py"))
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for path in paths
        if "migrations" not in path.parts
    }


def imported(tree: ast.AST) -> set[str]:
    """Dotted names that a module imports, at its top or inside."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the dotted text of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def is_page(path: str) -> bool:
    """Whether a module is a view, a middleware, a context processor, a command or background work,
    or begins a process: the places that know requests and clocks."""
    return "/views/" in path or "/management/commands/" in path
