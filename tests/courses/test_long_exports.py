"""Long spreadsheets: written into a file by a worker, with a page that survives a reload."""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest
import time_machine
from django.urls import reverse

from courses import roll_call
from portal import exporting, jobs, reaping
from portal.models import Appointment, AuditEvent, Job
from tests.cast import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture(autouse=True)
def _files(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture
def addresses(city, programme, schedule, secretary, class_):
    """Whose, and where, every spreadsheet is asked for."""
    held = schedule()
    roll_call.open_(held, by=secretary, at=held.starts_at)
    roll_call.close(held, {}, by=secretary, at=held.ends_at)
    jia, county = [city.jia.pk], [city.county.pk]
    return {
        "session": ("zhou", reverse("sheet-session", args=[held.pk])),
        "scans": ("zhou", reverse("sheet-scans", args=[held.pk])),
        "matrix": ("zhou", reverse("sheet-matrix", args=jia)),
        "summary": ("gao", reverse("sheet-summary", args=county)),
        "class": ("zhou", reverse("class-sheet", args=[class_.pk])),
        "claims": ("zhou", reverse("claim-sheet-out", args=jia)),
        "ranking": ("gao", reverse("ranking-export") + "?level=branch&cohort=county"),
        "members": ("shi", reverse("members-out")),
        "organizations": ("shi", reverse("organizations-out")),
    }


def cells(data):
    book = openpyxl.load_workbook(BytesIO(data))
    return [[cell.value for cell in row] for row in book.active.iter_rows()]


def ask(client, city, whose, address):
    """Ask for a spreadsheet; what was answered."""
    client.force_login(city.people[whose], backend="portal.sign_in.MemberBackend")
    with time_machine.travel(NOW, tick=False):
        return client.post(address)


def fetched(client, job):
    address = reverse("job-detail", args=[job.pk])
    for _ in range(2):  # the page of the result survives a reload
        text = client.get(address).content.decode()
        assert "下载文件" in text
        assert "一天之内可以下载" in text
    return b"".join(client.get(reverse("job-file", args=[job.pk])).streaming_content)


KINDS = ("session", "scans", "matrix", "summary", "class", "claims", "ranking", "members",
         "organizations")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_long_one_is_the_same_file_from_a_worker_and_stands_in_the_audit_trail_once(
    kind, addresses, client, city, monkeypatch
):
    whose, address = addresses[kind]
    short = ask(client, city, whose, address)
    assert short.status_code == 200, short.content.decode()[:300]
    events = AuditEvent.objects.filter(event="export").count()

    monkeypatch.setattr(exporting, "LONG", -1)
    answer = ask(client, city, whose, address)
    job = Job.objects.get()
    assert answer.url == reverse("job-detail", args=[job.pk])
    assert AuditEvent.objects.filter(event="export").count() == events  # nothing was given yet
    with time_machine.travel(NOW, tick=False):
        jobs.run(job.pk)
        job.refresh_from_db()
        assert job.state == "done", job.message
        assert cells(fetched(client, job)) == cells(short.content)
    assert AuditEvent.objects.filter(event="export").count() == events + 1


def test_whoever_lost_the_right_meanwhile_gets_nothing(addresses, client, city, monkeypatch):
    monkeypatch.setattr(exporting, "LONG", -1)
    whose, address = addresses["session"]
    ask(client, city, whose, address)
    Appointment.objects.filter(member=city.people["zhou"]).delete()

    job = Job.objects.get()
    jobs.run(job.pk)

    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", exporting.NotGiven.message)
    assert jobs.file_of(job) is None


def test_a_worker_that_dies_over_it_writes_it_anew(addresses, client, city, monkeypatch):
    monkeypatch.setattr(exporting, "LONG", -1)
    whose, address = addresses["members"]
    ask(client, city, whose, address)
    job = Job.objects.get()

    def dies(book):
        yield 1
        raise SystemExit

    monkeypatch.setattr(
        "portal.people_out._write_members", lambda book, people, name, *, at: dies(book)
    )
    with pytest.raises(SystemExit):
        jobs.run(job.pk)
    monkeypatch.undo()

    job.refresh_from_db()
    assert job.state == "running"
    reaping.reap(at=job.heartbeat + 2 * jobs.SILENCE)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done"
    assert jobs.file_of(job) is not None
