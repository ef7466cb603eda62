"""Sheets of people made on the spot, and requests of signed-in people."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import openpyxl
import pytest

from portal import people_in
from portal.access import scope_of
from tests.cast import NOW

MEMBER_HEADINGS = [
    "党员编号", "姓名", "所在党支部", "党小组", "党员类别", "手机号码", "入党时间",
]  # fmt: skip
TREE_HEADINGS = ["编码", "党组织名称", "类别", "系统", "上级党组织"]


def xlsx(*rows: list[Any], merged: tuple[str, ...] = ()) -> bytes:
    """A workbook of one sheet with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for area in merged:
        book.active.merge_cells(area)
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.fixture
def member_sheet(city) -> Callable[..., people_in.Preview]:
    """Reads rows below the usual headings as the whole city's official would."""

    def read(*rows, headings=MEMBER_HEADINGS, scope=None, at=NOW, data=None, name="名册.xlsx"):
        data = data or xlsx(headings, *rows)
        return people_in.preview(data, name, people_in.MEMBERS, scope=scope, at=at)

    return read


@pytest.fixture
def tree_sheet(db) -> Callable[..., people_in.Preview]:
    def read(*rows, headings=TREE_HEADINGS, scope=None, at=NOW):
        data = xlsx(headings, *rows)
        return people_in.preview(data, "党组织.xlsx", people_in.ORGANISATIONS, scope=scope, at=at)

    return read


@pytest.fixture
def scope(city):
    return lambda name: scope_of(city.people[name], at=NOW)


@pytest.fixture
def sign_in(client, city):
    """A client signed in as somebody of the cast."""

    def enter(name):
        client.force_login(city.people[name], backend="portal.sign_in.MemberBackend")
        return client

    return enter
