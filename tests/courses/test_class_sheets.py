"""The class's sheet goes out, is filled in offline and comes back once."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from courses import class_rolls_out, corrections, roll_call, sessions
from courses.models import Attendance, SheetImport
from courses.sheets import sheets_in
from credits import verification
from credits.models import LedgerEntry, Posting
from portal.refusals import Conflict
from tests.cast import NOW, TODAY
from tests.courses.conftest import mark_of, wish
from tests.courses.test_class_rolls import cell

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("clock")]


@pytest.fixture
def out(class_, secretary):
    def make():
        return class_rolls_out.sheet(class_, by=secretary, at=NOW).data()

    return make


def edited(data, change):
    book = openpyxl.load_workbook(BytesIO(data))
    change(book.active)
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def place(page, name, column):
    """The cell of a person in the n-th session's column."""
    row = next(r for r in range(1, page.max_row + 1) if page.cell(r, 2).value == name)
    return page.cell(row, 3 + column)


@pytest.fixture
def stage(city, secretary):
    def make(data):
        return sheets_in.stage(city.jia, data, "总表.xlsx", by=secretary, at=NOW)

    return make


def confirm(staged, by):
    seen = sheets_in.look(staged, at=NOW).fingerprint
    return sheets_in.confirm(staged, seen=seen, by=by, at=NOW)


def test_mistake_32_the_class_sheet_comes_back_unchanged(city, out, stage, class_, halves,
                                                         secretary):  # fmt: skip
    first = halves[0]
    corrections.correct(first, wish(mark_of(first, city.people["lin"]), "leave:other"), reason="核",
                        by=secretary, at=NOW)  # fmt: skip
    corrections.make_up(first, city.people["lin"], on=TODAY, by=secretary, at=NOW, reason="补学")
    roll_call.add(halves[1], city.people["zheng"], "observer", by=secretary, at=NOW)
    Attendance.objects.filter(session=halves[2], member=city.people["wu"]).update(status="not_yet")

    preview = sheets_in.look(stage(out()), at=NOW)

    assert preview.open_asks == []
    assert [p.session.pk for p in preview.plans] == [s.pk for s in halves[:3]]
    assert [c for p in preview.plans for c in p.changes] == []
    assert preview.changes_nothing


def test_member_numbers_and_keys_stand_in_the_sheet(out, class_, halves, lin):
    page = openpyxl.load_workbook(BytesIO(out())).active
    values = [[c.value for c in row] for row in page.iter_rows()]
    assert [s.key for s in halves] in [row[3:7] for row in values]
    assert any(row[1:3] == ["林小满", lin.number] for row in values)


def test_what_was_filled_in_offline_is_written_once(city, out, stage, class_, halves, secretary,
                                                    programme):  # fmt: skip
    lin, second, third = city.people["lin"], halves[1], halves[2]

    def change(page):
        place(page, "林小满", 2).value = "病假"
        place(page, "吴远舟", 3).value = "迟到"

    data = edited(out(), change)
    staged = confirm(stage(data), secretary)

    assert (cell(second, lin), cell(third, city.people["wu"])) == ("leave:sick", "late")
    assert set(staged.records.values_list("session", flat=True)) == {second.pk, third.pk}
    before = set(Posting.objects.values_list("pk", flat=True))
    again = stage(data)
    assert again == staged  # test_mistake_30
    assert confirm(again, secretary).state == "written"
    assert set(Posting.objects.values_list("pk", flat=True)) == before
    assert SheetImport.objects.count() == 1
    assert verification.verify(at=NOW).ok


def test_a_locked_column_that_differs_is_shown_and_corrected(city, out, stage, class_, halves,
                                                             secretary, programme):  # fmt: skip
    first, lin = halves[0], city.people["lin"]
    data = edited(out(), lambda page: setattr(place(page, "林小满", 1), "value", "缺席"))
    staged = stage(data)
    [plan] = [p for p in sheets_in.look(staged, at=NOW).plans if not p.does_nothing]
    assert plan.session.pk == first.pk
    assert [c.member for c in plan.changes] == [lin]

    confirm(staged, secretary)

    first.refresh_from_db()
    assert first.state == "corrected"
    assert not LedgerEntry.objects.filter(member=lin).live().exists()
    assert "导入表格" in first.changes.latest("pk").reason
    assert verification.verify(at=NOW).ok


def test_a_planned_column_filled_in_is_opened_and_credited(city, out, stage, class_, halves,
                                                                    secretary):  # fmt: skip
    last = halves[3]

    def change(page):
        for name in ("林小满", "吴远舟", "周明远"):
            place(page, name, 4).value = "√"

    confirm(stage(edited(out(), change)), secretary)

    last.refresh_from_db()
    assert last.state == "closed"
    assert {a.status for a in last.attendances.all()} == {"present"}


def test_a_mark_changed_since_the_preview_refuses_the_sheet(city, out, stage, halves, secretary):
    second, lin = halves[1], city.people["lin"]
    data = edited(out(), lambda page: setattr(place(page, "林小满", 2), "value", "迟到"))
    staged = stage(data)
    seen = sheets_in.look(staged, at=NOW).fingerprint
    roll_call.save(second, wish(mark_of(second, lin), "absent"), by=secretary, at=NOW)
    with pytest.raises(Conflict):
        sheets_in.confirm(staged, seen=seen, by=secretary, at=NOW)
    assert cell(second, lin) == "absent"


def test_a_column_moved_since_is_found_by_its_key(city, out, stage, class_, halves, secretary):
    last, data = halves[3], out()
    later = last.starts_at + timedelta(minutes=45)
    sessions.change(last, {"starts_at": later, "ends_at": later + timedelta(hours=3)},
                    seen_version=last.version, by=secretary, at=NOW)  # fmt: skip
    filled = edited(data, lambda page: setattr(place(page, "林小满", 4), "value", "√"))
    plans = sheets_in.look(stage(filled), at=NOW).plans
    assert plans[-1].session.pk == last.pk


def test_from_the_page_the_sheet_goes_out_and_comes_back(city, class_, halves):
    desk = Client()
    desk.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    sent = desk.post(reverse("class-sheet", args=[class_.pk]))
    assert "spreadsheetml" in sent["Content-Type"]
    form = {"branch": class_.organiser_id, "file": SimpleUploadedFile("总表.xlsx", sent.content)}
    text = desk.post(reverse("sheet-upload"), form, follow=True).content.decode()
    assert "完全一致" in text or "没有改动" in text
