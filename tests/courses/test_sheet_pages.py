"""The pages of spreadsheets: two clicks to each export; upload, preview, confirm, undo."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from courses.models import Attendance, SheetImport, StudySession
from portal.models import AuditEvent
from tests.cast import TODAY, moment
from tests.courses.test_sheets_in import both, sheet

NOW = moment(TODAY, 20)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def enter(client, city):
    def make(name):
        client.force_login(city.people[name], backend="portal.sign_in.MemberBackend")
        return client

    return make


@pytest.fixture
def desk(enter, programme):
    """The secretary's browser."""
    return enter("zhou")


def send(client, data, branch, name="签到表.xlsx"):
    file = SimpleUploadedFile(name, data)
    return client.post(reverse("sheet-upload"), {"branch": branch.pk, "file": file})


def values(response):
    page = openpyxl.load_workbook(BytesIO(response.content)).active
    return [cell.value for row in page.iter_rows() for cell in row]


def test_each_export_is_two_clicks_from_the_start_page(desk, city, schedule):
    session = schedule()

    start = desk.get(reverse("home")).content.decode()
    page = desk.get(reverse("sheets")).content.decode()

    assert f'href="{reverse("sheets")}"' in start
    for name, pk in (
        *(("sheet-session", session.pk), ("sheet-matrix", city.jia.pk)),
        ("sheet-summary", city.jia.pk),
    ):
        address = reverse(name, args=[pk])
        assert f'action="{address}' in page
        answer = desk.post(address)
        assert answer.status_code == 200
        assert answer["Content-Type"].endswith("sheet")
        assert values(answer)
    assert AuditEvent.objects.filter(event="export").count() == 3


def test_an_official_gets_the_summary_and_no_names(enter, programme, city, schedule):
    session = schedule()
    official = enter("gao")

    page = official.get(reverse("sheets")).content.decode()
    answer = official.post(reverse("sheet-summary", args=[city.county.pk]))

    assert reverse("sheet-summary", args=[city.county.pk]) in page
    assert reverse("sheet-session", args=[session.pk]) not in page
    assert "青川县甲支部" in values(answer)
    assert not {person.name for person in city.people.values()} & set(values(answer))
    assert official.post(reverse("sheet-session", args=[session.pk])).status_code == 403


def test_upload_preview_answers_confirm_and_undo(desk, city):
    sent = send(
        desk, sheet([1, "林小满", "√"], [2, "周明远", "病假"], when="2021年6月3日"), city.jia
    )
    staged = SheetImport.objects.get()
    assert sent.url == reverse("sheet-import", args=[staged.pk])

    page = desk.get(sent.url).content.decode()
    assert "活动几点开始？" in page
    assert 'name="confirm"' not in page
    assert not Attendance.objects.exists()
    answers = {"0:start": "14:30", "0:end": "16:00", "0:form": "seminar", "0:period": "reform",
               "0:occasion": "class"}  # fmt: skip
    desk.post(sent.url, {f"a:{key}": value for key, value in answers.items()})
    answer = desk.get(sent.url)
    assert 'name="confirm"' in answer.content.decode()

    seen = answer.context["preview"].fingerprint
    done = desk.post(sent.url, {"confirm": "1", "seen": seen}, follow=True)
    session = StudySession.objects.get()
    assert "已导入 1 次活动、2 条考勤。" in done.content.decode()
    assert session.state == "closed"

    again = desk.post(sent.url, {"confirm": "1", "seen": seen}, follow=True)
    assert again.status_code == 200
    assert StudySession.objects.count() == 1
    undone = desk.post(reverse("sheet-import-undo", args=[staged.pk]), follow=True)
    assert "已撤销导入" in undone.content.decode()
    session.refresh_from_db()
    assert session.state == "cancelled"


def test_confirming_an_outdated_page_is_a_conflict_that_shows_the_new_preview(desk, city, schedule):
    schedule()
    sent = send(desk, both(), city.jia)

    answer = desk.post(sent.url, {"confirm": "1", "seen": "old"})

    assert answer.status_code == 409
    assert 'name="confirm"' in answer.content.decode()
    assert not Attendance.objects.exists()


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"%PDF-1.7", "表.xlsx", "PDF"),
        (b"", "空.xlsx", "空的"),
        ("品名,数量\n笔,5\n".encode(), "用品.csv", "姓名"),
    ],
)
def test_bad_files_are_answered_with_what_is_wrong(desk, city, data, name, said):
    answer = send(desk, data, city.jia, name)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not SheetImport.objects.exists()


def test_text_of_a_sheet_is_escaped_on_the_page(desk, city, schedule):
    schedule()
    sent = send(desk, sheet([1, "林小满", "√", "<b>某人</b>"]), city.jia)

    page = desk.get(sent.url).content.decode()

    assert "<b>某人" not in page
    assert "&lt;b&gt;某人" in page


def test_mistake_04_a_branch_outside_the_scope_in_the_body_does_not_exist(desk, city):
    assert send(desk, both(), city.yi).status_code == 404
    assert not SheetImport.objects.exists()


def test_the_stranger_reaches_neither_exports_nor_imports(enter, programme, city, schedule):
    session = schedule()
    send(enter("zhou"), both(), city.jia)
    staged = SheetImport.objects.get()
    stranger = enter("zheng")

    assert stranger.get(reverse("sheet-import", args=[staged.pk])).status_code == 404
    assert stranger.post(reverse("sheet-import-undo", args=[staged.pk])).status_code == 404
    assert stranger.post(reverse("sheet-session", args=[session.pk])).status_code == 404
    assert stranger.post(reverse("sheet-scans", args=[session.pk])).status_code == 404
    assert stranger.post(reverse("sheet-matrix", args=[city.jia.pk])).status_code == 404
    assert stranger.post(reverse("sheet-summary", args=[city.jia.pk])).status_code == 404
    assert enter("lin").get(reverse("sheets")).status_code == 403


def test_looking_at_pages_writes_nothing(desk, city, schedule):
    schedule()
    sent = send(desk, both(), city.jia)
    before = (AuditEvent.objects.count(), Attendance.objects.count())

    desk.get(reverse("sheets"))
    desk.get(sent.url)

    assert (AuditEvent.objects.count(), Attendance.objects.count()) == before
    assert SheetImport.objects.get().state == "read"
