"""Views and templates: every view is marked, no inline code, no foreign address, no orphan."""

from __future__ import annotations

import ast
import importlib
import inspect
import re

import pytest
from django.urls import URLPattern, get_resolver

from tests.architecture.code import APPS, ROOT, modules

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_STATIC = [
    p for p in (ROOT / "static").rglob("*")
    if p.is_file() and "vendor" not in p.parts and p.suffix != ".png"
]  # fmt: skip
FOUND_BY_DJANGO = {
    "403.html", "404.html", "500.html", "400.html", "403_csrf.html", "admin/base_site.html"
}  # fmt: skip
NAMESPACES = re.compile(r"""xmlns(:\w+)?=["']http://www\.w3\.org/[\w/]+["']""")


def views():
    """Every public function of a view module that takes a request."""
    for path in modules():
        if "/views/" in path and not path.endswith("__init__.py"):
            module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
            for name, function in inspect.getmembers(module, inspect.isfunction):
                own = function.__module__ == module.__name__
                first = next(iter(inspect.signature(inspect.unwrap(function)).parameters), "")
                if own and not name.startswith("_") and first == "request":
                    yield f"{path}:{name}", function


def routed():
    """The view functions behind our own addresses."""
    waiting, found = list(get_resolver().url_patterns), set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, URLPattern):
            module = getattr(item.callback, "__module__", "")
            if module.split(".")[0] in APPS and ".views." in module:
                found.add(item.callback)
        else:
            waiting += item.url_patterns
    return found


def test_every_routed_view_is_marked_with_a_capability_or_as_public():
    marked = {v for v in routed() if hasattr(v, "capability") or hasattr(v, "public")}
    assert len(routed()) > 60
    assert {f"{v.__module__}.{v.__name__}" for v in routed() - marked} == set()


def test_every_view_of_a_view_module_has_an_address():
    """A function that takes a request and stands at no address is dead, or a helper with a
    public name."""
    addresses = {inspect.unwrap(view) for view in routed()}
    helpers = {"credits/views/shown.py:programme_of", "credits/views/rankings.py:choice_of",
               "credits/views/figures.py:glance", "courses/views/roll_page.py:wishes_of",
               "courses/views/roll_page.py:session_of", "courses/views/roll_page.py:show",
               "credits/views/statement.py:statement_of", "credits/views/shown.py:governed",
               "credits/views/archive.py:begin", "credits/views/bulletins.py:shown",
               "credits/views/bulletins.py:not_permitted", "credits/views/bulletins.py:written",
               "portal/views/sign_in.py:locked_out",
               "courses/views/online/lesson_desk.py:lesson_of",
               "courses/views/online/lesson_desk.py:actor_of",
               "courses/views/online/groups.py:run_by",
               "portal/views/kept_forms.py:keep", "portal/views/kept_forms.py:take",
               "portal/views/kept_forms.py:back", "portal/views/kept_forms.py:refused"}  # fmt: skip
    strays = {name for name, view in views() if inspect.unwrap(view) not in addresses}
    assert strays - helpers == set()


def test_every_view_says_which_methods_it_takes():
    """A GET changes nothing because what changes is POST, and says so."""
    without = []
    for path, tree in modules().items():
        if "/views/" not in path:
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                marks = " ".join(ast.unparse(d) for d in node.decorator_list)
                if "gate." in marks and "require_" not in marks:
                    without.append(f"{path}: {node.name}")
    assert without == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_templates_hold_no_inline_script_or_style(path):
    text = path.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "<style" not in text
    assert not re.search(r"\sstyle=", text)
    assert not re.search(r"\son[a-z]+=", text)
    assert "javascript:" not in text


@pytest.mark.parametrize(
    "path", [*TEMPLATES, *OWN_STATIC], ids=lambda p: p.relative_to(ROOT).as_posix()
)
def test_nothing_is_fetched_from_elsewhere(path):
    text = NAMESPACES.sub("", path.read_text())
    assert not re.search(r"https?://", text)
    assert not re.search(r"""["'(]//[a-z0-9]""", text)


def test_every_template_is_used():
    code = "\n".join((ROOT / path).read_text() for path in modules())
    markup = "\n".join(path.read_text() for path in TEMPLATES)
    names = {path.relative_to(ROOT / "templates").as_posix() for path in TEMPLATES}
    orphans = {n for n in names - FOUND_BY_DJANGO if f'"{n}"' not in code + markup}
    assert orphans == set()


def test_every_template_that_code_names_is_there():
    code = "\n".join((ROOT / path).read_text() for path in modules())
    named = set(re.findall(r'"((?:portal|credits|courses)/[\w/]+\.html)"', code))
    assert {name for name in named if not (ROOT / "templates" / name).exists()} == set()
