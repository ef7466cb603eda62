"""The access matrix: every address × method × role × inside or outside the scope.

The rows are generated from the URL configuration: a new page without a capability, or one that
tests/access/policy.py does not know, fails here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Q
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.access import Scope
from tests.access import policy
from tests.access.world import World

pytestmark = pytest.mark.both
SIGNING = {"sign-in", "sign-out", "sign-out-everywhere"}
# What a request may write although it changes nothing: sessions, counted failures, refused scans.
FLEETING = {"django_session", "axes_accessattempt", "axes_accessfailurelog", "courses_scan"}


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    """Every address of the portal (the admin's have a test of their own)."""
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLPattern):
            yield entry
        elif entry.namespace != "admin":
            yield from patterns(entry)


NAMES = sorted({p.name for p in patterns() if p.name})


def address(name: str, ids: dict[str, Any]) -> str:
    pattern = next(p for p in patterns() if p.name == name)
    wanted = pattern.pattern.converters
    return reverse(name, kwargs={key: ids[key] for key in wanted})


def clients(laid: World) -> Iterator[tuple[str, Client]]:
    for role, person in laid.people.items():
        client = Client(raise_request_exception=False)
        if person is not None:
            client.force_login(person, backend="portal.sign_in.MemberBackend")
        yield role, client


def fingerprint() -> str:
    """Of all rows that a refused or a reading request must leave as they were."""
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for model in apps.get_models():
            table = model._meta.db_table
            if table in FLEETING:
                continue
            order = connection.ops.quote_name(str(model._meta.pk.column))
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)} ORDER BY {order}")
            digest.update(repr((table, cursor.fetchall())).encode())
    return digest.hexdigest()


def test_every_page_names_its_capability_and_stands_in_the_policy():
    for pattern in patterns():
        assert pattern.name, f"{pattern} has no name"
        capability = getattr(pattern.callback, "capability", None)
        reason = getattr(pattern.callback, "public", None)
        assert capability or reason, f"{pattern.name}: neither gate.required nor gate.public"
        assert pattern.name in policy.PAGES, f"{pattern.name} is missing in tests/access/policy.py"
        listed = policy.PAGES[pattern.name]
        assert (listed.reach == "public") == bool(reason), pattern.name
        if capability:
            assert listed.capability == capability.value, pattern.name
    assert set(policy.PAGES) == set(NAMES), set(policy.PAGES) ^ set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_matrix(name: str, laid: World):
    """Let in whom the policy lets in; everybody else gets nothing and changes nothing."""
    visitors = list(clients(laid))
    before = fingerprint()
    for role, client in visitors:
        for inside in (True, False):
            url = address(name, laid.inside if inside else laid.outside)
            for method in ("get", "post"):
                case = f"{role} {method} {url} ({'inside' if inside else 'outside'})"
                with transaction.atomic():
                    response = getattr(client, method)(url, {})
                    transaction.set_rollback(True)
                allowed = policy.may(name, role, inside=inside, method=method)
                status = response.status_code
                if status == 405:
                    continue
                assert status < 500, f"{case}: {status}"
                if name in SIGNING:
                    continue  # they lead to the sign-in page or from it
                if allowed:
                    assert status in (200, 302, 409, 422), f"{case}: {status}"
                    assert "/sign-in/" not in response.headers.get("Location", ""), case
                elif role == "anonymous":
                    assert status == 302, f"{case}: {status}"
                    assert "/sign-in/" in response.headers["Location"], case
                else:
                    assert status in (403, 404), f"{case}: {status}"
            if not policy.may(name, role, inside=inside, method="post"):
                with transaction.atomic():
                    client.post(url, BODY)
                    assert fingerprint() == before, f"{role} changed something by {name}"
                    transaction.set_rollback(True)


@pytest.mark.parametrize("name", sorted(set(NAMES) - SIGNING))
def test_mistake_18_a_get_leaves_every_table_as_it_was(name: str, laid: World):
    """Sessions, failures counted and refused scans apart."""
    visitors = list(clients(laid))
    before = fingerprint()
    for role, client in visitors:
        for inside in (True, False):
            if policy.may(name, role, inside=inside, method="get"):
                ids = laid.inside if inside else laid.outside
                client.get(address(name, ids), {"q": "林", "page": "2"})
    assert fingerprint() == before, f"looking at {name} changed something"


# A body that would do something almost anywhere, were it let through.
BODY = {
    "reason": "理由", "act": "approve", "title": "标题", "name": "名", "number": "99999999",
    "day": "2021-06-03", "on": "2021-06-03", "status": "present", "confirmed": "1", "close": "1",
    "not_yet_becomes": "absent", "seen_version": "1", "version": "1", "how": "left",
    "level": "off", "document": "文件", "digits": "123456",
}  # fmt: skip


def test_no_page_answers_to_other_methods(laid: World):
    """PUT, PATCH and DELETE do nothing anywhere, for nobody."""
    visitors = dict(clients(laid))  # signing in writes
    before = fingerprint()
    for role in ("anonymous", "secretary", "administrator"):
        client = visitors[role]
        for name in NAMES:
            for method in ("put", "patch", "delete"):
                status = getattr(client, method)(address(name, laid.inside)).status_code
                assert status in (302, 403, 404, 405), f"{role} {method} {name}: {status}"
        assert fingerprint() == before, role


def test_the_matrix_can_fail(laid: World, monkeypatch: pytest.MonkeyPatch):
    """With the scope switched off, the matrix notices."""
    monkeypatch.setattr(Scope, "condition", lambda *_: Q())
    with pytest.raises(AssertionError):
        test_matrix("session-paper", laid)


MODELS = {f"{m._meta.app_label}_{m._meta.model_name}": m for m in admin.site._registry}
ADMIN = sorted(MODELS)


@pytest.mark.parametrize("model", ADMIN)
def test_admin_is_for_administrators_and_reads_only(model: str, laid: World):
    writable = {"courses_course", "courses_material"}
    visitors = list(clients(laid))
    before = fingerprint()
    for role, client in visitors:
        listed = client.get(reverse(f"admin:{model}_changelist")).status_code
        added = client.post(reverse(f"admin:{model}_add"), {}).status_code
        if role == "administrator":
            assert listed == 200 or not model.startswith(("portal", "credits", "courses"))
            assert added == (200 if model in writable else 403), model
        else:
            assert listed in (302, 403), f"{role}: {listed}"
            assert added in (302, 403), f"{role}: {added}"
        row = MODELS[model]._default_manager.order_by("pk").first()
        if row is None or (role == "administrator" and model in writable):
            continue
        for act in ("change", "delete"):
            url = reverse(f"admin:{model}_{act}", args=[row.pk])
            status = client.post(url, {"post": "yes"}).status_code
            assert status == (403 if role == "administrator" else status), f"{act} {model}"
            assert status in (302, 403), f"{role} {act} {model}: {status}"
    assert fingerprint() == before
