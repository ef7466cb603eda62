"""Long member lists: checked by a worker into staging, written in one transaction, resumed."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from credits.models import BranchStanding, Standing
from portal import jobs, members, mending, reaping
from portal.audit import Actor
from portal.models import AuditEvent, Job, Member, Membership, SearchTerm, StagedLine, Upload
from portal.people_in import long_lists, long_sql
from portal.progress import Progress
from tests.cast import NOW
from tests.portal.conftest import MEMBER_HEADINGS, xlsx
from tests.portal.test_dead_jobs import reap_later

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def person(number, name="席照川", branch="青川县甲支部", **changes):
    row = dict(zip(MEMBER_HEADINGS, [number, name, branch, "一组", "正式党员", "19900980000",
                                     "2001-07-01"], strict=True)) | changes  # fmt: skip
    return [row[heading] for heading in MEMBER_HEADINGS]


@pytest.fixture(autouse=True)
def _nothing_expires(settings):
    settings.PERIODIC_WORK = []  # the worker's clock is not the city's


@pytest.fixture
def shi(city):
    return Actor(city.people["shi"], "official")


@pytest.fixture
def check(shi, monkeypatch):
    """Stages rows as a long list of the city's official and lets a worker check them."""
    monkeypatch.setattr(long_lists, "CHUNK", 2)
    monkeypatch.setattr(long_lists, "INDEXED", 2)

    def run(*rows, headings=MEMBER_HEADINGS):
        job = long_lists.stage(
            xlsx(headings, *rows), "全市.xlsx", by=shi, at=NOW, address=lambda pk: f"/{pk}/"
        )
        work()
        job.refresh_from_db()
        return job, Upload.objects.last()

    return run


@pytest.fixture
def write(shi):
    def run(upload):
        job = long_lists.write_later(upload, by=shi, at=NOW, back_url="/")
        work()
        job.refresh_from_db()
        return job

    return run


def work():
    call_command("work", once=True, stdout=io.StringIO())


def test_a_long_list_is_checked_then_written_with_everything_that_hangs_on_it(
    city, programme, check, write
):
    due = BranchStanding.objects.get(branch=city.jia).due
    rows = [person(f"770000{n}", f"席照{'川清明'[n % 3]}") for n in range(11, 16)]

    checked, upload = check(*rows)

    assert (checked.state, checked.message) == (
        Job.State.DONE, "核对完毕，共读到 5 人。请看过预览再确认导入。",
    )  # fmt: skip
    assert bytes(upload.file) == b""
    assert not Member.objects.filter(number="77000011").exists()

    written = write(upload)

    assert (written.state, written.message) == (Job.State.DONE, "已导入：新增 5 人。")
    made = Member.objects.get(number="77000011")
    assert (made.branch, made.phone, made.is_active) == (city.jia, "19900980000", True)
    assert not made.has_usable_password()
    assert made.memberships.get().group == "一组"
    assert set(made.search_terms.values_list("text", flat=True)) == {"席照明", "77000011", "xzm"}
    assert BranchStanding.objects.get(branch=city.jia).due == due + 5
    assert Standing.objects.get(programme=programme, member=made).target == 2400
    event = AuditEvent.objects.get(event="membership", subject="导入名册：入册 5 人")
    assert event.organization == city.jia
    assert not StagedLine.objects.exists()


def test_what_is_wrong_is_named_by_row_and_column_and_nothing_can_be_written(shi, check):
    _, upload = check(
        person("77000011"),
        person("77000012", branch="青川县丁支部"),
        person("77000013", 手机号码="12"),
        person("77000011", "席照明"),
    )

    errors = [(row, column) for row, column, *_ in upload.said["errors"]]
    assert errors == [(3, "所在党支部"), (4, "手机号码"), (5, "党员编号")]
    assert "与第 2 行的编号重复" in upload.said["errors"][2][3]
    with pytest.raises(long_lists.NotImportable):
        long_lists.write_later(upload, by=shi, at=NOW, back_url="/")


def test_people_in_the_register_are_mended_and_transferred_through_the_verbs(
    city, programme, check, write, lin, wu
):
    _, upload = check(
        person(lin.number, "林小满", "青川县乙支部"),
        person(wu.number, "吴远舟", wu.branch.name, 手机号码="19900980077"),
        person("77000011"),
    )
    assert upload.said["counts"] == {"transfer": 1, "update": 1, "create": 1}

    assert write(upload).state == Job.State.DONE

    lin.refresh_from_db()
    wu.refresh_from_db()
    assert lin.branch == city.yi
    assert wu.phone == "19900980077"
    assert Standing.objects.get(programme=programme, member=lin).branch == city.yi


def test_a_list_whose_people_changed_since_the_check_is_written_not_at_all(
    city, programme, check, write, wu
):
    _, upload = check(
        person(wu.number, "吴远舟", wu.branch.name, 手机号码="19900980077"), person("77000011")
    )
    mending.mend(wu, {"phone": "19900980066"}, by=city.by, at=NOW)

    job = write(upload)

    assert job.state == Job.State.FAILED
    assert "有变动" in job.message
    assert not Member.objects.filter(number="77000011").exists()


def test_a_number_taken_since_the_check_is_said_and_nothing_is_written(
    city, programme, check, write
):
    _, upload = check(person("77000011"), person("77000012"))
    members.enrol(members.Enrolment("77000012", "席别人", city.jia, NOW.date()), by=city.by, at=NOW)

    job = write(upload)

    assert job.state == Job.State.FAILED
    assert "77000012 已经入册" in job.message
    assert not Member.objects.filter(number="77000011").exists()


def test_namesakes_and_people_who_are_missing_are_said_before_confirming(city, check, lin, zhou):
    _, upload = check(
        person("77000011", "林小满", city.jia.name), person(lin.number, "林小满", city.jia.name)
    )

    said = "".join(upload.said["warnings"])
    assert f"已有林小满（编号 {lin.number}）" in said
    assert "青川县甲支部在册的 1 人不在表里（周明远）" in said


def test_a_writing_that_was_killed_goes_on_where_it_was(shi, programme, check, write, monkeypatch):
    _, upload = check(*[person(f"770000{n}") for n in range(11, 16)])

    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    job = long_lists.write_later(upload, by=shi, at=NOW, back_url="/")
    with monkeypatch.context() as patch:
        patch.setattr(long_lists, "_index", die)
        with pytest.raises(Killed):
            jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.RUNNING
    assert not SearchTerm.objects.filter(text="77000011").exists()

    Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(minutes=2))
    reaping.reap(at=timezone.now())
    work()

    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.DONE, "已导入：新增 5 人。")
    assert Member.objects.filter(number__startswith="770000").count() == 5
    assert SearchTerm.objects.filter(text="77000015").count() == 1
    assert Membership.objects.filter(member__number="77000011").count() == 1


def test_a_writing_cancelled_behind_its_transaction_goes_on_and_says_so(
    programme, check, write, monkeypatch
):
    _, upload = check(*[person(f"770000{n}") for n in range(11, 14)])
    index = long_lists._index

    def cancelled(upload):
        Job.objects.filter(state=Job.State.RUNNING).update(cancel_asked=True)
        return index(upload)

    monkeypatch.setattr(long_lists, "_index", cancelled)

    job = write(upload)

    assert job.state == Job.State.DONE
    assert job.message == "要求取消时已来不及，事项已经办完。已导入：新增 3 人。"
    assert SearchTerm.objects.filter(text="77000013").count() == 1


def test_a_check_whose_worker_died_at_its_very_end_leads_to_the_preview(check):
    job, upload = check(person("77000011"))
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING, finished_at=None, message="")

    jobs.run(job.pk)

    job.refresh_from_db()
    assert (job.state, job.message) == (Job.State.DONE, upload.said["message"])


def test_a_check_that_is_cancelled_keeps_nothing(city, check, monkeypatch):
    real = long_sql.doubled
    monkeypatch.setattr(long_lists, "CHUNK", 2)

    def cancelled(self, done, total=0, message=""):
        Job.objects.filter(pk=self.job.pk).update(cancel_asked=True)
        return step(self, done, total, message)

    step = Progress.step
    monkeypatch.setattr(Progress, "step", cancelled)

    job, upload = check(person("77000011"), person("77000012"), person("77000013"))

    assert real is long_sql.doubled
    assert job.state == Job.State.CANCELLED
    assert upload is None
    assert not StagedLine.objects.exists()


def test_a_check_that_another_worker_took_up_leaves_the_list_to_it(shi, check, monkeypatch):
    """The one that was silent for too long is not the user: nothing of the list is thrown away."""

    def taken(self, done, total=0, message=""):
        if self.job.attempt == 1:
            reap_later()
        return step(self, done, total, message)

    step = Progress.step
    monkeypatch.setattr(Progress, "step", taken)

    job, upload = check(person("77000011"), person("77000012"), person("77000013"))

    assert (job.state, job.attempt) == (Job.State.DONE, 2)
    assert upload.checked_at
    assert StagedLine.objects.count() == 3


def test_a_sheet_without_a_heading_is_refused_in_the_jobs_own_words(check):
    job, upload = check(["77000011", "席照川"], headings=["甲", "乙"])

    assert job.state == Job.State.FAILED
    assert "没有找到表头" in job.message
    assert upload is None


def test_the_pages_lead_from_the_upload_to_the_result(city, sign_in, monkeypatch):
    monkeypatch.setattr(long_lists, "LONG", 0)
    client = sign_in("shi")
    file = io.BytesIO(xlsx(MEMBER_HEADINGS, person("77000011")))
    file.name = "全市.xlsx"

    waiting = client.post(reverse("members-in"), {"file": file})
    assert client.get(waiting.url).status_code == 200
    work()
    page = client.get(waiting.url).content.decode()
    preview = reverse("members-in-one", args=[Upload.objects.get().pk])
    assert preview in page

    shown = client.get(preview)
    assert "席照川" in shown.content.decode()
    assert client.post(preview, {"seen": "another"}).status_code == 409
    writing = client.post(preview, {"seen": shown.context["preview"].fingerprint})
    work()

    assert "已导入：新增 1 人。" in client.get(writing.url).content.decode()
    assert Member.objects.get(number="77000011").branch == city.jia
    assert sign_in("wu").get(writing.url).status_code == 404
