"""What passing a lesson earns: once a programme, later where something stood in the way, and taken
back by the branch."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from courses import line_queries, study_logs
from courses.models import LessonCredit, StudyLog
from courses.online import lesson_credits
from courses.online.lesson_credits import NotYourself
from courses.study_logs import CannotLog, Study
from credits import ledger
from credits.ledger import Credit, Source
from credits.models import LedgerEntry, Standing
from portal import members
from portal.audit import Actor
from portal.models import AuditEvent
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, open_programme, rules_json
from tests.courses import lesson_hands as hands

pytestmark = [pytest.mark.django_db, pytest.mark.both]


@pytest.fixture
def lesson(city, programme):
    return hands.published(city.actor("shi", "official"))


@pytest.fixture
def lin(city):
    return city.people["lin"]


@pytest.fixture
def full_day(city, programme, lin):
    """Today's cap is reached."""
    credit = Credit(lin, "lecture", TODAY, minutes=360, period="reform")
    ledger.post(programme, Source("session", "full", "全天"), organiser=city.jia,
                credits=[credit], by=city.by, at=NOW)  # fmt: skip


def hours_of(member) -> list[int]:
    rows = LedgerEntry.objects.filter(member=member, posting__kind="lesson")
    return list(rows.order_by("pk").values_list("hours", flat=True))


def test_what_the_daily_cap_refuses_is_kept_and_credited_tomorrow_once(lesson, lin, full_day):
    made = hands.answer(lesson, lin)
    assert made.state == "waiting"
    assert "每日上限" in made.message
    credit = LessonCredit.objects.get()
    assert (credit.state, credit.hours, credit.day) == ("waiting", 0, None)
    by = Actor(lin, "member")

    with pytest.raises(Refusal, match=r"还不能计入：.*每日上限"):
        lesson_credits.credit_now(credit, by=by, at=NOW)
    tomorrow = NOW + timedelta(days=1)
    done = lesson_credits.credit_now(credit, by=by, at=tomorrow)
    again = lesson_credits.credit_now(credit, by=by, at=tomorrow)

    assert (done.state, done.day, again.hours) == ("credited", TODAY + timedelta(days=1), 100)
    assert hours_of(lin) == [100]


def test_a_form_that_is_not_admitted_leaves_the_pass_with_its_reason(city, lin):
    forms = [form for form in rules_json()["forms"] if form["code"] != "online"]
    open_programme(city, forms=forms)
    lesson = hands.published(city.actor("shi", "official"))

    made = hands.answer(lesson, lin)

    assert made.state == "waiting"
    assert "不计这种学习方式" in made.message


def test_a_band_that_is_worth_less_than_a_step_is_said(city, lin):
    open_programme(city, minutes_per_hour=90)
    lesson = hands.published(city.actor("shi", "official"), band=15)

    assert "不足最小计时单位" in hands.answer(lesson, lin).message


def test_mistake_21_a_lesson_seen_in_a_session_is_not_credited_again_and_says_why(
    city, programme, lesson, lin
):
    credit = Credit(lin, "lecture", TODAY, minutes=45, period="reform", content=lesson.content)
    source = Source("session", "seen", "集中看微党课")
    ledger.post(programme, source, organiser=city.jia, credits=[credit], by=city.by, at=NOW)

    made = hands.answer(lesson, lin)

    assert made.state == "waiting"
    assert "集中看微党课" in made.message
    assert hours_of(lin) == []


def test_mistake_21_a_lesson_with_questions_is_not_logged_besides(city, programme, lesson, lin):
    study = Study("online", TODAY, 20, "火种", "reform", lesson.content)

    with pytest.raises(CannotLog, match="移动课堂答题"):
        study_logs.submit(programme, lin, study, by=Actor(lin, "member"), at=NOW)

    assert not StudyLog.objects.exists()


def test_each_open_programme_on_whose_roll_one_is_credits_it_once(city, programme, lesson, lin):
    other = open_programme(city, code="second")

    made = hands.answer(lesson, lin)

    assert made.state == "credited"
    assert {c.programme for c in LessonCredit.objects.all()} == {programme, other}
    assert hours_of(lin) == [100, 100]
    with pytest.raises(Refusal, match="已经通过"):
        hands.answer(lesson, lin)


def test_who_is_on_no_roll_passes_without_hours(city, programme, lesson, lin):
    Standing.objects.filter(member=lin).update(on_roll=False)

    made = hands.answer(lesson, lin)

    assert made.state == "passed"
    assert "不在进行中的专题教育名单上" in made.message
    with pytest.raises(Refusal, match="已经通过"):
        hands.answer(lesson, lin)


def test_a_lesson_without_band_is_passed_without_hours(city, programme, lin):
    lesson = hands.published(city.actor("shi", "official"), band=0)

    assert hands.answer(lesson, lin).state == "passed"
    assert not LessonCredit.objects.exists()


def test_the_book_is_that_of_the_branch_on_the_day(city, programme, lesson, lin):
    members.transfer(lin, city.yi, on=TODAY, by=city.by, at=NOW)
    lin.refresh_from_db()

    hands.answer(lesson, lin)

    entry = LedgerEntry.objects.get(member=lin)
    assert (entry.home, entry.posting.book.organization) == (city.yi, city.yi)


@pytest.mark.usefixtures("full_day")
def test_a_closed_programme_keeps_the_pass_and_takes_nothing(programme, lesson, lin):
    hands.answer(lesson, lin)
    programme.state = "closed"
    programme.books_close_on = TODAY
    programme.save()

    with pytest.raises(Refusal, match="不能记学时"):
        lesson_credits.credit_now(LessonCredit.objects.get(), by=Actor(lin, "member"), at=NOW)


def test_the_secretary_takes_hours_back_and_the_member_may_answer_again(city, lesson, lin):
    hands.answer(lesson, lin)
    credit, by = LessonCredit.objects.get(), city.actor("zhou", "secretary")
    asked = line_queries.ask(
        LedgerEntry.objects.select_related("programme").get(member=lin), "length", text="代答",
        by=Actor(lin, "member"), at=NOW,
    )  # fmt: skip
    assert asked.place == city.jia

    with pytest.raises(Refusal, match="理由"):
        lesson_credits.reverse(credit, reason=" ", by=by, at=NOW)
    with pytest.raises(NotYourself):
        lesson_credits.reverse(credit, reason="代答", by=Actor(lin, "secretary"), at=NOW)
    done = lesson_credits.reverse(credit, reason="他人代答", by=by, at=NOW)
    with pytest.raises(Refusal, match="已冲销，不能冲销"):
        lesson_credits.reverse(credit, reason="他人代答", by=by, at=NOW)
    with pytest.raises(Refusal, match="已冲销，不能再计入"):
        lesson_credits.credit_now(credit, by=by, at=NOW)

    assert (done.state, done.hours, done.decided_by) == ("reversed", 0, by.member)
    assert hours_of(lin) == [100, -100]
    assert AuditEvent.objects.filter(event="correction", subject="冲销微党课：火种").exists()
    asked.refresh_from_db()
    assert asked.state != "open"
    assert hands.answer(lesson, lin, at=NOW + timedelta(hours=1)).state == "credited"
    assert hours_of(lin) == [100, -100, 100]
    call_command("verify_ledger")


def test_verification_accepts_lessons(city, lesson, lin):
    hands.answer(lesson, lin)
    call_command("verify_ledger")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"hours": 0}, "lesson_credit_has_hours"),
        ({"state": "waiting", "day": None, "reason": "已满"}, "lesson_credit_has_hours"),
        ({"state": "waiting", "hours": 0, "day": None, "reason": ""}, "lesson_credit_says_why"),
        ({"state": "reversed", "hours": 0, "reason": "误记"}, "lesson_credit_taken_back_by_whom"),
    ],
)
def test_the_database_holds_what_a_credit_is(lesson, lin, change, name):
    hands.answer(lesson, lin)
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        LessonCredit.objects.update(**change)


def test_the_database_refuses_a_second_credit_and_ones_own_reversal(lesson, lin):
    hands.answer(lesson, lin)
    credit = LessonCredit.objects.get()
    own = {"state": "reversed", "hours": 0, "reason": "误", "decided_at": NOW, "decided_by": lin}
    with pytest.raises(IntegrityError), transaction.atomic():
        LessonCredit.objects.update(**own)
    credit.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        credit.save(force_insert=True)


def test_the_statement_leads_back_to_the_lesson(client, city, lesson, lin):
    hands.answer(lesson, lin)
    entry = LedgerEntry.objects.select_related("posting").get(member=lin)
    assert entry.posting.has_page
    address = reverse("source", args=["lesson", entry.posting.key])

    client.force_login(lin, "portal.sign_in.MemberBackend")
    assert client.get(address).url == reverse("lesson-detail", args=[lesson.pk])
    client.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    assert client.get(address).url == reverse("lesson-credits")
    client.force_login(city.people["wu"], "portal.sign_in.MemberBackend")
    assert client.get(address).status_code == 404
