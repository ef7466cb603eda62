"""Lists of people through the pages: upload, preview, confirm once; and the way out."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from portal import jobs, worker
from portal.models import AuditEvent, Job, Member, Organization, Upload
from portal.people_in import staging
from tests.cast import NOW
from tests.portal.conftest import MEMBER_HEADINGS, TREE_HEADINGS, xlsx

pytestmark = pytest.mark.both


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(NOW)


def upload(client, *rows, address="members-in", headings=MEMBER_HEADINGS, name="名册.xlsx"):
    file = SimpleUploadedFile(name, xlsx(headings, *rows))
    return client.post(reverse(address), {"file": file})


def new_row(city, number="77000001", name="程新录"):
    return [number, name, city.jia.name, None, "正式党员", None, None]


def seen(client, url):
    """The fingerprint that the preview's button sends."""
    return client.get(url).context["preview"].fingerprint


def test_the_preview_writes_nothing_and_the_button_writes_all(sign_in, city):
    client = sign_in("zhou")
    url = upload(client, new_row(city)).url

    preview = client.get(url)

    assert "新增 1 人" in preview.content.decode()
    assert not Member.objects.filter(number="77000001").exists()

    said = client.post(url, {"seen": seen(client, url)}, follow=True)
    assert "已导入：新增 1 人。" in said.content.decode()
    assert Member.objects.get(number="77000001").branch == city.jia
    event = AuditEvent.objects.get(event=AuditEvent.Event.IMPORT)
    assert event.by == city.people["zhou"]


def test_mistake_30_confirming_a_list_twice_writes_it_once(sign_in, city):
    client = sign_in("zhou")
    url = upload(client, new_row(city)).url
    fingerprint = seen(client, url)
    client.post(url, {"seen": fingerprint})

    again = client.post(url, {"seen": fingerprint}, follow=True)

    assert "已经导入过了" in again.content.decode()
    assert "已经导入过了" in client.get(url, follow=True).content.decode()
    assert Member.objects.filter(number="77000001").count() == 1
    assert Upload.objects.get().table == {}


def test_a_register_that_changed_since_is_shown_again(sign_in, city):
    client = sign_in("zhou")
    url = upload(client, new_row(city)).url
    fingerprint = seen(client, url)
    city.enrol(city.jia, "程新录", number="77000001")

    answer = client.post(url, {"seen": fingerprint})

    assert answer.status_code == 409
    assert "刚刚有变动" in answer.content.decode()
    assert Upload.objects.get().applied_at is None


def test_what_is_wrong_is_said_with_row_and_column_and_cannot_be_confirmed(sign_in, city):
    client = sign_in("zhou")
    url = upload(
        client, new_row(city), ["77000002", "误支部", "没有这个支部", None, "正式党员"]
    ).url

    preview = client.get(url)
    text = preview.content.decode()

    assert "所在党支部" in text
    assert "没有这个支部" in text
    assert "确认导入</button>" not in text
    refused = client.post(url, {"seen": seen(client, url)})
    assert refused.status_code == 422
    assert not Member.objects.filter(number="77000001").exists()


def test_no_file_and_no_sheet_are_refused_in_words(sign_in):
    client = sign_in("zhou")

    nothing = client.post(reverse("members-in"))
    letter = client.post(
        reverse("members-in"), {"file": SimpleUploadedFile("名册.docx", b"PK\x03\x04 no sheet")}
    )

    assert (nothing.status_code, letter.status_code) == (422, 422)
    assert "请先选择要上传的文件" in nothing.content.decode()
    assert "note bad" in letter.content.decode()
    assert not Upload.objects.exists()


def test_a_secretary_cannot_enter_people_into_another_branch(sign_in, city):
    client = sign_in("zhou")
    row = new_row(city)
    row[2] = city.bing.name
    url = upload(client, row).url

    client.post(url, {"seen": seen(client, url)})

    assert not Member.objects.filter(number="77000001").exists()


def test_many_rows_are_written_by_a_worker(sign_in, city, monkeypatch):
    monkeypatch.setattr(staging, "MANY", 1)
    client = sign_in("zhou")
    url = upload(client, new_row(city), new_row(city, "77000002", "程又录")).url

    answer = client.post(url, {"seen": seen(client, url)})

    job = Job.objects.get()
    assert answer.url == reverse("job-detail", args=[job.pk])
    assert not Member.objects.filter(number="77000001").exists()


def test_cancelled_while_they_are_written_it_says_that_they_are(sign_in, city, monkeypatch):
    monkeypatch.setattr(staging, "MANY", 1)
    client = sign_in("zhou")
    url = upload(client, new_row(city), new_row(city, "77000002", "程又录")).url
    client.post(url, {"seen": seen(client, url)})
    confirm = staging.confirm

    def cancelled(*args, **kwargs):
        Job.objects.update(cancel_asked=True)
        return confirm(*args, **kwargs)

    monkeypatch.setattr(staging, "confirm", cancelled)
    job = Job.objects.get()
    jobs.run(job.pk)

    job.refresh_from_db()
    assert Member.objects.filter(number="77000001").exists()
    assert job.state == Job.State.DONE
    assert job.message.endswith("事项已经办完。已导入：新增 2 人。")


def test_what_nobody_confirms_is_forgotten_the_next_day(sign_in, city):
    upload(sign_in("zhou"), new_row(city))

    staging.expire(at=NOW + timedelta(hours=23))
    assert Upload.objects.exists()
    worker.run_periodic(at=NOW + timedelta(hours=25))

    assert not Upload.objects.exists()


def test_a_tree_is_imported_by_its_own_page(sign_in, city):
    client = sign_in("shi")
    row = ["JIA-9", "青川县第九党支部", "党支部", None, city.county.name]
    url = upload(client, row, address="organizations-in", headings=TREE_HEADINGS).url

    client.post(url, {"seen": seen(client, url)})

    assert Organization.objects.get(code="JIA-9").parent == city.county


def test_the_export_is_what_the_list_shows_and_comes_back_unchanged(sign_in, city):
    client = sign_in("zhou")
    name = city.people["lin"].name

    answer = client.post(reverse("members-out"), {"q": name})

    rows = list(openpyxl.load_workbook(BytesIO(answer.content)).active.iter_rows(values_only=True))
    people = [row[1] for row in rows if row[1] and row[1] != "姓名"]
    assert people == [name]
    event = AuditEvent.objects.get(event=AuditEvent.Event.EXPORT)
    assert event.detail == {"filter": f"查找：{name}", "rows": 1}
    file = SimpleUploadedFile("名册.xlsx", answer.content)
    url = client.post(reverse("members-in"), {"file": file}).url
    assert client.get(url).context["preview"].changing == []
