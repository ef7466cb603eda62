"""Long attendance sheets: read and written by a worker, previewed from what it kept."""

from __future__ import annotations

from datetime import date

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from courses.models import SheetImport, StagedMark
from courses.sheets import sheet_said, sheet_staging, sheets_in
from portal import jobs, reaping, workbooks
from portal.audit import Actor
from portal.members import Enrolment, enrol_many
from portal.models import Job, Member, Membership
from portal.progress import Progress
from tests.cast import BEFORE, days_ago
from tests.courses.test_sheets_in import EVENING, both, marks_in, sheet

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture(autouse=True)
def _long(monkeypatch):
    monkeypatch.setattr(sheets_in, "LONG", 0)


@pytest.fixture
def desk(client, city, programme):
    """The secretary's desk, in the evening."""
    client.force_login(city.people["zhou"], backend="portal.sign_in.MemberBackend")
    with time_machine.travel(EVENING, tick=False):
        yield client


@pytest.fixture
def upload(desk, city):
    """Send a file as its secretary does; returns the job."""

    def send(data, name="六月三日签到表.xlsx"):
        fields = {"branch": city.jia.pk, "file": SimpleUploadedFile(name, data)}
        answer = desk.post(reverse("sheet-upload"), fields)
        return sent_on(answer)

    return send


def sent_on(answer):
    job = Job.objects.latest("pk")
    assert answer.url == reverse("job-detail", args=[job.pk])
    return job


def run(job):
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def page_of(desk, staged):
    return desk.get(reverse("sheet-import", args=[staged.pk])).content.decode()


def test_a_worker_reads_it_and_its_page_shows_what_was_found_without_reading_it_again(
    schedule, desk, upload, monkeypatch
):
    schedule()
    job = upload(both("迟到", "√"))
    staged = SheetImport.objects.get()
    assert "正在核对" in page_of(desk, staged)

    assert (run(job).state, job.result) == ("done", {"sessions": 1, "rows": 2})

    monkeypatch.setattr(workbooks, "read", None)  # whoever reads the file now fails
    text = page_of(desk, staged)
    assert "林小满" in text
    assert "迟到" in text
    assert 'name="confirm"' in text
    assert job.back_url == reverse("sheet-import", args=[staged.pk])


def test_the_page_of_a_long_sheet_says_the_same_as_that_of_a_short_one(
    schedule, desk, upload, monkeypatch
):
    schedule()
    run(upload(both("迟到", "到场")))
    staged = SheetImport.objects.get()

    long = page_of(desk, staged)
    SheetImport.objects.update(is_long=False)
    short = page_of(desk, staged)

    def card(text):
        return text[text.index('<section class="card">') : text.rindex("</section>")]

    assert card(long) == card(short)


def test_it_is_confirmed_by_a_worker_as_it_was_seen_and_once(schedule, desk, upload):
    session = schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    address = reverse("sheet-import", args=[staged.pk])
    fields = {"seen": staged.said["fingerprint"], "confirm": "1"}

    jobs_ = [sent_on(desk.post(address, fields)) for _ in range(2)]
    for job in jobs_:
        assert (run(job).state, job.result) == ("done", {"sessions": 1, "rows": 2})

    assert marks_in(session) == {"林小满": "出席", "周明远": "出席"}
    assert "撤销导入" in page_of(desk, staged)


def test_cancelled_while_it_is_written_or_taken_back_it_says_what_was_done(
    schedule, desk, upload, monkeypatch
):
    session = schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    for name in ("confirm", "undo"):
        monkeypatch.setattr(sheets_in, name, cancelling(getattr(sheets_in, name)))
    address = reverse("sheet-import", args=[staged.pk])
    fields = {"seen": staged.said["fingerprint"], "confirm": "1"}

    wrote = run(sent_on(desk.post(address, fields)))
    assert marks_in(session) == {"林小满": "出席", "周明远": "出席"}
    assert wrote.state == "done"
    assert wrote.message.endswith("已经办完。已导入 1 次活动，改动 2 人次。")

    undone = run(sent_on(desk.post(reverse("sheet-import-undo", args=[staged.pk]))))
    assert undone.state == "done"
    assert undone.message.endswith("已经办完。已撤销导入，考勤和学时恢复到导入之前。")


def test_while_it_is_written_it_says_what_the_time_depends_on(schedule, desk, upload, monkeypatch):
    schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    told = []

    def tells(self, done, total=0, message="", **more):
        told.append((done, total, message))
        step(self, done, total, message, **more)

    step = Progress.step
    monkeypatch.setattr(Progress, "step", tells)
    address = reverse("sheet-import", args=[staged.pk])
    run(sent_on(desk.post(address, {"seen": staged.said["fingerprint"], "confirm": "1"})))
    run(sent_on(desk.post(reverse("sheet-import-undo", args=[staged.pk]))))

    how = "是一次完成的，中途不能取消；所需时间与人数成正比。"
    said = [(0, 2, f"正在{verb} 2 人次，{verb}{how}") for verb in ("写入", "撤销")]
    assert [one for one in told if "中途" in one[2]] == said


def cancelling(act):
    """The same, while its user asks the job to stop."""

    def cancelled(*args, **kwargs):
        Job.objects.filter(state=Job.State.RUNNING).update(cancel_asked=True)
        return act(*args, **kwargs)

    return cancelled


def test_written_by_a_worker_that_died_it_cannot_be_cancelled_any_more(schedule, desk, upload):
    schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    address = reverse("sheet-import", args=[staged.pk])
    fields = {"seen": staged.said["fingerprint"], "confirm": "1"}
    job = sent_on(desk.post(address, fields))
    staged.refresh_from_db()
    sheets_in.confirm(staged, seen=fields["seen"], by=Actor(job.by, job.role), at=job.created_at)
    Job.objects.filter(pk=job.pk).update(attempt=1, cancel_asked=True)

    assert run(job).message.endswith("已经办完。已导入 1 次活动，改动 2 人次。")


def test_sent_twice_while_it_waits_or_is_being_read_it_is_read_once(schedule, desk, upload):
    schedule()
    data = both("迟到", "√")  # the same bytes: a workbook bears the second of its making
    first = upload(data)
    assert upload(data) == first
    Job.objects.update(state=Job.State.RUNNING)
    assert upload(data) == first
    assert Job.objects.count() == 1


def test_an_answer_has_it_read_anew_before_it_can_be_confirmed(schedule, desk, upload):
    session = schedule()
    run(upload(sheet([1, "林小满", "√"])))  # somebody who is due does not stand in it
    staged = SheetImport.objects.get()
    assert staged.said["open"] == 1
    text = page_of(desk, staged)
    assert 'name="confirm"' not in text
    [ask] = staged.said["plans"][0]["asks"]
    address = reverse("sheet-import", args=[staged.pk])

    again = sent_on(desk.post(address, {f"a:{ask['key']}": "absent", "confirm": "1"}))
    assert "正在核对" in page_of(desk, staged)
    run(again)

    staged.refresh_from_db()
    assert (staged.state, staged.said["open"]) == ("read", 0)
    fields = {"seen": staged.said["fingerprint"], f"a:{ask['key']}": "absent", "confirm": "1"}
    run(sent_on(desk.post(address, fields)))
    assert marks_in(session) == {"林小满": "出席", "周明远": "缺席"}


def test_what_changed_since_it_was_read_stops_it_and_it_can_be_read_anew(
    schedule, desk, upload, secretary, city
):
    schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    other = schedule(hour=15)
    address = reverse("sheet-import", args=[staged.pk])
    staged.said["fingerprint"] = "older"
    job = run(sent_on(desk.post(address, {"seen": "older", "confirm": "1"})))

    assert job.state == "failed"
    assert "请看过新的预览再确认" in job.message
    run(sent_on(desk.post(address, {})))
    staged.refresh_from_db()
    run(sent_on(desk.post(address, {"seen": staged.said["fingerprint"], "confirm": "1"})))
    staged.refresh_from_db()
    assert staged.state == "written"
    assert not marks_in(other)


@pytest.mark.parametrize("data", ["品名,数量\n纸张,3\n笔,5\n".encode(), b"\x00\x01nothing"])
def test_a_file_without_attendance_is_not_kept_and_the_job_says_why(desk, upload, data):
    job = run(upload(data, "办公用品.csv"))

    assert job.state == "failed"
    assert job.message
    assert not SheetImport.objects.exists()
    assert desk.get(job.back_url).status_code == 200  # back to where another can be sent


def test_a_page_lists_the_first_changes_and_counts_the_others(schedule, desk, upload, monkeypatch):
    monkeypatch.setattr(sheet_said, "SHOWN", 1)
    schedule()
    run(upload(both("迟到", "早退")))

    text = page_of(desk, SheetImport.objects.get())

    assert "这次活动还有 1 处" in text
    assert 'name="confirm"' in text


def test_so_many_questions_come_at_once_and_the_others_after_they_are_answered(
    schedule, desk, upload, monkeypatch
):
    monkeypatch.setattr(sheet_said, "ASKED", 1)
    schedule()
    rows = [
        [n, name, "√", ""] for n, name in enumerate(("林小满", "周明远", "某甲乙", "某丙丁"), 1)
    ]
    run(upload(sheet(*rows)))
    staged = SheetImport.objects.get()
    assert "其余 1 处" in page_of(desk, staged)

    [asked] = staged.said["questions"]
    address = reverse("sheet-import", args=[staged.pk])
    run(sent_on(desk.post(address, {f"a:{asked['key']}": "skip"})))

    staged.refresh_from_db()
    [next_] = staged.said["questions"]
    assert next_["key"] != asked["key"]
    assert staged.said["unlisted"] == 0
    assert "其余" not in page_of(desk, staged)


def test_cancelled_before_it_began_nothing_is_said_of_it(desk, upload, schedule):
    schedule()
    job = upload(both())
    jobs.cancel(job, at=job.created_at)

    assert run(job).state == "cancelled"
    assert SheetImport.objects.get().said == {}


def test_what_is_staged_is_read_once_for_preview_and_confirmation(
    schedule, desk, upload, monkeypatch
):
    session = schedule()
    run(upload(both("迟到", "√")))
    staged = SheetImport.objects.get()
    assert StagedMark.objects.filter(sheet=staged).count() == 2

    monkeypatch.setattr(workbooks, "read", None)  # whoever reads the file now fails
    fields = {"seen": staged.said["fingerprint"], "confirm": "1"}
    job = run(sent_on(desk.post(reverse("sheet-import", args=[staged.pk]), fields)))

    assert (job.state, job.message) == ("done", "已导入 1 次活动，改动 2 人次。")
    assert marks_in(session) == {"林小满": "迟到", "周明远": "出席"}
    assert not StagedMark.objects.exists()


def test_an_answer_changes_only_the_rows_concerned(schedule, desk, upload):
    schedule()
    rows = [[n, name, "√", ""] for n, name in enumerate(("林小满", "周明远", "某甲乙"), 1)]
    run(upload(sheet(*rows)))
    staged = SheetImport.objects.get()
    before = {row.name: row for row in StagedMark.objects.all()}
    [asked] = staged.said["questions"]
    address = reverse("sheet-import", args=[staged.pk])

    run(sent_on(desk.post(address, {f"a:{asked['key']}": "skip"})))

    after = {row.name: row for row in StagedMark.objects.all()}
    assert before.keys() - after.keys() == {"某甲乙"}
    assert [after[name].pk for name in after] == [before[name].pk for name in after]
    staged.refresh_from_db()
    [shown] = staged.said["questions"]  # it can be taken back
    assert (shown["given"], shown["is_open"]) == ("skip", False)

    run(sent_on(desk.post(address, {f"a:{asked['key']}": ""})))
    assert {row.name for row in StagedMark.objects.all()} == before.keys()


def test_an_answer_about_a_session_has_nothing_read_again(schedule, desk, upload, monkeypatch):
    schedule()
    run(upload(sheet([1, "林小满", "√"])))
    staged = SheetImport.objects.get()
    [ask] = staged.said["plans"][0]["asks"]

    monkeypatch.setattr(workbooks, "read", None)
    address = reverse("sheet-import", args=[staged.pk])
    job = run(sent_on(desk.post(address, {f"a:{ask['key']}": "absent"})))

    assert job.state == "done"
    staged.refresh_from_db()
    assert staged.said["open"] == 0


def test_whoever_joined_since_it_was_read_stops_it_and_the_new_preview_is_there(
    schedule, desk, upload, city, secretary
):
    session = schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    person = Member.objects.create(number="99000001", name="高远航", branch=city.jia)
    Membership.objects.create(member=person, branch=city.jia, since=BEFORE.date())

    seen = staged.said["fingerprint"]
    address = reverse("sheet-import", args=[staged.pk])
    job = run(sent_on(desk.post(address, {"seen": seen, "confirm": "1"})))

    assert job.state == "failed"
    assert "请看过新的预览再确认" in job.message
    assert marks_in(session) == {}
    staged.refresh_from_db()
    assert staged.said["fingerprint"] != seen
    assert "高远航" in page_of(desk, staged)


def test_a_worker_that_dies_while_it_stages_begins_anew_and_ends_with_the_same(
    schedule, desk, upload, monkeypatch
):
    schedule()
    job = upload(both("迟到", "√"))
    monkeypatch.setattr(sheet_staging, "CHUNK", 1)
    told = Progress.step

    def dies(self, done, total=0, message=""):
        if StagedMark.objects.count() == 1:
            raise SystemExit  # as a signal would have it
        told(self, done, total, message)

    monkeypatch.setattr(Progress, "step", dies)
    with pytest.raises(SystemExit):
        jobs.run(job.pk)
    monkeypatch.setattr(Progress, "step", told)
    assert StagedMark.objects.count() == 1

    reaping.reap(at=timezone.now() + 2 * jobs.SILENCE)
    job.refresh_from_db()
    assert job.state == "waiting"
    assert run(job).state == "done"
    assert StagedMark.objects.count() == 2
    assert 'name="confirm"' in page_of(desk, SheetImport.objects.get())


def test_cancelled_while_it_is_read_nothing_is_said_and_it_can_be_read_again(
    schedule, desk, upload, monkeypatch
):
    schedule()
    job = upload(both())
    begun = sheet_staging.take_in

    def cancelled(*args, **kwargs):
        jobs.cancel(job, at=job.created_at)
        begun(*args, **kwargs)

    monkeypatch.setattr(sheet_staging, "take_in", cancelled)
    assert run(job).state == "cancelled"
    staged = SheetImport.objects.get()
    assert staged.said == {}
    monkeypatch.setattr(sheet_staging, "take_in", begun)
    assert run(sent_on(desk.post(reverse("sheet-import", args=[staged.pk])))).state == "done"


def test_a_long_sheet_is_taken_back_by_a_worker(schedule, desk, upload):
    session = schedule()
    run(upload(both()))
    staged = SheetImport.objects.get()
    address = reverse("sheet-import", args=[staged.pk])
    run(sent_on(desk.post(address, {"seen": staged.said["fingerprint"], "confirm": "1"})))

    job = run(sent_on(desk.post(reverse("sheet-import-undo", args=[staged.pk]))))

    assert (job.state, job.result) == ("done", {"kept": 0})
    staged.refresh_from_db()
    assert staged.state == "undone"
    assert marks_in(session) == {}


FIRST, SECOND = "甲乙丙丁戊己", "东南西北中和"


def test_writing_and_undoing_take_as_many_statements_for_many_as_for_few(
    schedule, desk, upload, city
):
    """The same for a few people as for thirty more: nothing is done row by row."""
    counted = []
    for number, many in enumerate((1, 30)):
        people = [
            Enrolment(f"8{number}{n:06d}", f"{'卫窦'[number]}{FIRST[n % 6]}{SECOND[n // 6]}",
                      city.jia, day=date(2020, 1, 1), key=f"many{number}{n}")
            for n in range(2, 2 + many)
        ]  # fmt: skip
        enrol_many(people, by=Actor(city.people["shi"], "official"), at=BEFORE)
        schedule(day=days_ago(number + 1))
        day = days_ago(number + 1)
        lines = [
            [n, name, "病假" if n % 7 == 0 else "√", "有备注" if n % 5 == 0 else ""]
            for n, name in enumerate(sorted({"林小满", "周明远", *(p.name for p in people)}))
        ]
        when = f"时间：{day.year}年{day.month}月{day.day}日 9:00-10:30"
        run(upload(sheet(*lines, when=when), f"第{number}次.xlsx"))
        staged = SheetImport.objects.latest("pk")
        address = reverse("sheet-import", args=[staged.pk])
        for ask in [a for p in staged.said["plans"] for a in p["asks"] if a["is_open"]]:
            run(sent_on(desk.post(address, {f"a:{ask['key']}": "absent"})))
        staged.refresh_from_db()
        fields = {"seen": staged.said["fingerprint"], "confirm": "1"}
        job = sent_on(desk.post(address, fields))
        with CaptureQueriesContext(connection) as wrote:
            assert run(job).state == "done", job.message
        undo = sent_on(desk.post(reverse("sheet-import-undo", args=[staged.pk])))
        with CaptureQueriesContext(connection) as undone:
            assert run(undo).state == "done", undo.message
        counted.append((len(wrote), len(undone)))
    assert counted[0] == counted[1]
