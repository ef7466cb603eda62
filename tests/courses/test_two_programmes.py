"""One class that counts for two programmes: the campaign's 24 hours and the year's 32, where only
collective study is admitted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from courses import corrections, crediting, reading_classes, roll_call, sessions, study_logs
from courses.models import AttendanceCredit, ReadingClass, StudyLog, StudySession
from courses.sheets import sheets_in
from courses.study_logs import Study
from credits import programmes, rule_changes, statements, verification
from credits.models import Exemption, LedgerEntry, Posting, Standing
from portal.refusals import Refusal
from tests.cast import ENDS, NOW, STARTS, TODAY, days_ago, moment, rules_json
from tests.courses.conftest import mark_of, plan, wish
from tests.courses.test_sheets_in import sheet

pytestmark = [pytest.mark.django_db, pytest.mark.both]
COLLECTIVE = ("seminar", "lecture")
DETAILS = {"form": "seminar", "every": "7", "method": "roll_call"}


def year_rules(**changes):
    """The year: 32 hours, collective study only, no history periods."""
    forms = [f | {"cap": f["cap"] if f["code"] in COLLECTIVE else 0} for f in rules_json()["forms"]]
    return rules_json(**{"target": 3200, "forms": forms, "periods": []} | changes)


@pytest.fixture
def year(city, programme):
    found = programmes.found(
        code="year-2021", name="年度 32 学时", organiser=city.root, scopes=[city.root],
        starts=STARTS, ends=ENDS, rules_=year_rules(), authority="组织部通知", by=city.by,
        at=moment(STARTS, 7),
    )  # fmt: skip
    return programmes.open_(found, by=city.by, at=moment(STARTS, 9))


@pytest.fixture
def both(city, programme, year, secretary):
    """A session that counts in both, opened."""
    made = sessions.schedule(city.jia, [programme, year], plan(), by=secretary, at=moment(TODAY, 8))
    return roll_call.open_(made, by=secretary, at=made.starts_at)


def recognised(programme):
    rows = Standing.objects.filter(programme=programme).order_by("member__number")
    return {s.member.name: s.recognised for s in rows.select_related("member")}


def test_closing_posts_once_in_each_programme(city, programme, year, both, secretary, lin):
    roll_call.close(both, {}, by=secretary, at=NOW)
    roll_call_again = StudySession.objects.get()

    assert Posting.objects.filter(key=both.key).count() == 2
    for each in (programme, year):
        assert LedgerEntry.objects.filter(programme=each, member=lin).get().hours == 200
        assert recognised(each)["林小满"] == recognised(each)["周明远"] == 200
    assert LedgerEntry.objects.get(programme=programme, member=lin).period == "reform"
    assert LedgerEntry.objects.get(programme=year, member=lin).period == ""  # it has no periods
    assert AttendanceCredit.objects.filter(state="credited").count() == 4
    assert roll_call_again.state == "closed"
    assert verification.verify(at=NOW).problems == []


def test_a_correction_corrects_both(city, programme, year, both, secretary, lin):
    roll_call.close(both, {}, by=secretary, at=NOW)

    corrections.correct(
        both, wish(mark_of(both, lin), "absent"), reason="没有到", by=secretary, at=NOW
    )

    for each in (programme, year):
        assert recognised(each)["林小满"] == 0
        assert recognised(each)["周明远"] == 200
    assert verification.verify(at=NOW).problems == []


def test_each_programme_has_its_own_statement(programme, year, both, secretary, lin, enter, clock):
    roll_call.close(both, {}, by=secretary, at=NOW)
    study = Study("self", days_ago(1), 45, "自学", "reform")
    log = study_logs.submit(programme, lin, study, by=secretary, at=NOW)
    study_logs.confirm([log], by=secretary, at=NOW)

    assert statements.of(programme, lin).total == 300
    assert statements.of(year, lin).total == 200
    browser = enter("lin")
    campaign = browser.get(reverse("my-hours"), {"programme": programme.code}).content.decode()
    annual = browser.get(reverse("my-hours"), {"programme": year.code}).content.decode()
    assert "自学" in campaign
    assert "还差 21 学时" in campaign
    assert "还差 30 学时" in annual


def test_a_form_that_one_does_not_admit_is_refused_before_the_session_is_planned(
    city, programme, year, secretary
):
    with pytest.raises(Refusal, match="年度 32 学时不计个人自学的学时。请改学习方式"):
        sessions.schedule(
            city.jia, [programme, year], plan(form="self"), by=secretary, at=moment(TODAY, 8)
        )
    assert not StudySession.objects.exists()


def test_a_form_that_is_no_longer_admitted_is_refused_per_person_with_the_reason(
    city, programme, year, secretary, both
):
    forms = [f | {"cap": 0} for f in year_rules()["forms"]]
    rule_changes.change_rules(
        year, year_rules(forms=[*forms[1:], forms[0]]), since=STARTS, authority="依据",
        reason="理由", shown=(0, 0), by=city.by, at=moment(TODAY, 8),
    )  # fmt: skip

    roll_call.close(both, {}, by=secretary, at=NOW)

    assert recognised(programme)["林小满"] == 200
    assert recognised(year)["林小满"] == 0
    refused = AttendanceCredit.objects.filter(programme=year)
    assert refused.count() == 2
    assert {(c.state, c.code, c.reason) for c in refused} == {
        ("refused", "form", "本专题教育不计这种学习方式的学时。")
    }
    assert verification.verify(at=NOW).problems == []


def test_closing_one_programmes_books_leaves_the_other_open(city, programme, year, secretary, both):
    programmes.close_study(year, by=city.by, at=NOW - timedelta(days=20))
    programmes.close_books(year, by=city.by, at=NOW)

    with pytest.raises(Refusal, match="年度 32 学时"):
        roll_call.close(both, {}, by=secretary, at=NOW)
    assert not Posting.objects.exists()


def test_a_period_that_neither_has_is_refused(city, programme, year, secretary):
    with pytest.raises(Refusal, match="没有这个历史时期"):
        sessions.schedule(
            city.jia, [programme, year], plan(period="nothing"), by=secretary,
            at=moment(TODAY, 8),
        )  # fmt: skip


def test_the_rehearsal_of_a_roll_names_both_programmes(programme, year, both):
    assert crediting.cannot_be_credited(both, {}, at=NOW) == []


# --- Pages ----------------------------------------------------------------------------------------


def test_a_class_is_founded_for_both_on_one_page(city, programme, year, enter, clock):
    secretary, address = enter("zhou"), reverse("class-new")
    form = secretary.get(address, {"programme": programme.code}).context["form"]
    assert [c for c, _ in form.fields["programmes"].choices] == [programme.code, year.code]
    assert "计集体研讨、专家讲课）" in str(form)
    values = {n: form[n].value() for n in form.fields if form[n].value() is not None}

    secretary.post(f"{address}?programme={programme.code}", values | DETAILS)

    made = ReadingClass.objects.get()
    assert made.programme == programme
    assert made.sessions.count() == 12
    for session in made.sessions.all():
        assert set(session.programmes.all()) == {programme, year}


def test_a_class_for_the_year_alone_has_one_turn_of_sessions(city, programme, year, enter, clock):
    secretary, address = enter("zhou"), reverse("class-new")
    form = secretary.get(address).context["form"]
    values = {n: form[n].value() for n in form.fields if form[n].value() is not None}

    secretary.post(address, values | DETAILS | {"programmes": [year.code]})

    made = ReadingClass.objects.get()
    assert (made.programme, made.sessions.count()) == (year, 3)
    assert {s.period for s in made.sessions.all()} == {""}


@pytest.mark.parametrize("chosen", [["dsxx-2021", "year-2021"], ["year-2021"]])
def test_a_session_counts_for_what_was_chosen(city, programme, year, enter, clock, chosen):
    secretary, address = enter("zhou"), reverse("session-new")
    values = {"title": "学习会", "occasion": "theme", "form": "seminar", "period": "reform",
              "day": "2021-06-04", "start": "09:00", "end": "10:30",
              "method": "roll_call"}  # fmt: skip

    none = secretary.post(address, values)
    own_study = secretary.post(address, values | {"form": "self", "programmes": chosen})
    secretary.post(address, values | {"programmes": chosen})

    assert none.status_code == own_study.status_code == 422
    assert "不计个人自学的学时" in own_study.content.decode()
    session = StudySession.objects.get()
    assert sorted(p.code for p in session.programmes.all()) == chosen


def test_programmes_in_which_the_branch_takes_no_part_are_not_offered(
    city, programme, enter, clock
):
    other = programmes.found(
        code="bureau", name="局里的", organiser=city.root, scopes=[city.bureau], starts=STARTS,
        ends=ENDS, rules_=year_rules(), authority="依据", by=city.by, at=moment(STARTS, 7),
    )  # fmt: skip
    programmes.open_(other, by=city.by, at=moment(STARTS, 9))
    form = enter("zhou").get(reverse("session-new"), {"programme": programme.code}).context["form"]

    assert "programmes" not in form.fields
    values = {"title": "学习会", "occasion": "theme", "form": "seminar", "period": "reform",
              "day": "2021-06-04", "start": "09:00", "end": "10:30", "method": "roll_call",
              "programmes": ["bureau"]}  # fmt: skip
    enter("zhou").post(f"{reverse('session-new')}?programme={programme.code}", values)
    assert list(StudySession.objects.get().programmes.all()) == [programme]


def test_own_study_is_logged_where_it_is_admitted(city, programme, year, enter, clock, lin):
    browser = enter("lin")
    page = browser.get(reverse("log-new"))

    assert page.context["programme"] == programme  # the year admits no own study
    assert page.context["others"] == []
    asked = browser.get(reverse("log-new"), {"programme": year.code})
    assert asked.context["programme"] == year
    assert asked.context["others"] == [programme]
    browser.post(
        reverse("log-new"),
        {"day": "2021-06-02", "form": "self", "period": "reform", "topic": "自学", "minutes": "45"},
    )
    assert StudyLog.objects.get().programme == programme


def test_a_class_that_counts_for_two_is_taken_by_its_own_programme(city, programme, year):
    made = reading_classes.found(
        programme, city.jia, name="班", plans=[plan("第一次", day=TODAY + timedelta(days=1))],
        starts=TODAY, ends=TODAY + timedelta(days=1), also=[year], by=city.by, at=NOW,
    )  # fmt: skip

    assert made.programme == programme
    assert set(made.sessions.get().programmes.all()) == {programme, year}


# --- Sheets and exemptions choose theirs ----------------------------------------------------------

WHOLE = {"0:form": "seminar", "0:occasion": "theme", "0:title": "补记的活动"}


@pytest.fixture
def staged(city, programme, year, secretary):
    data = sheet([1, "林小满", "√", ""], [2, "周明远", "√", ""])
    return sheets_in.stage(city.jia, data, "签到表.xlsx", by=secretary, at=NOW)


def confirmed(staged, by, **answers):
    answers = {f"0:{name}": value for name, value in answers.items()}
    staged = sheets_in.answer(staged, WHOLE | answers, by=by)
    seen = sheets_in.look(staged, at=NOW).fingerprint
    return sheets_in.confirm(staged, seen=seen, by=by, at=NOW)


def keys(staged):
    return {ask.key: dict(ask.choices) for ask in sheets_in.look(staged, at=NOW).open_asks}


def test_a_sheet_is_asked_for_which_of_two_programmes_its_meeting_counts(
    programme, year, staged, secretary, lin
):
    assert keys(staged)["0:programme"] == {
        year.code: str(year), programme.code: str(programme), "all": "2 个都记入"
    }  # fmt: skip

    confirmed(staged, secretary, programme="all", period="reform")

    session = StudySession.objects.get()
    assert set(session.programmes.all()) == {programme, year}
    assert (recognised(programme)["林小满"], recognised(year)["林小满"]) == (200, 200)
    assert verification.verify(at=NOW).problems == []


def test_a_sheet_is_asked_for_the_periods_of_the_programme_that_was_chosen(
    programme, year, staged, secretary
):
    """The year has none; the campaign's are asked for also when the year began later."""
    sheets_in.answer(staged, {"0:programme": year.code}, by=secretary)
    staged.refresh_from_db()
    assert "0:period" not in keys(staged)
    sheets_in.answer(staged, {"0:programme": programme.code}, by=secretary)
    staged.refresh_from_db()
    assert "reform" in keys(staged)["0:period"]

    confirmed(staged, secretary, programme=programme.code, period="reform")

    session = StudySession.objects.get()
    assert (list(session.programmes.all()), session.period) == ([programme], "reform")
    assert recognised(year)["林小满"] == 0


def test_an_exemption_is_asked_for_in_the_programme_that_was_chosen(
    programme, year, enter, lin, zhou, city, clock
):
    """By the page of one, the page of several; the official sees and decides all of them."""
    desk, terms = enter("zhou"), {"kind": "full", "since": TODAY.isoformat(), "reason": "病休"}
    one, many = reverse("exemption-ask", args=[lin.pk]), reverse("exemption-many")
    for address in (one, many):
        shown = desk.get(f"{address}?programme={programme.code}").content.decode()
        assert f"?programme={year.code}" in shown
        assert f"改为{year}" in shown
    told = desk.get(f"{reverse('branch-hours')}?programme={programme.code}").content.decode()
    assert f"{one}?programme={programme.code}" in told

    done = desk.post(f"{one}?programme={programme.code}", terms)
    desk.post(f"{many}?programme={year.code}", terms | {"member": [lin.pk]})

    assert done.url == f"{reverse('branch-hours')}?programme={programme.code}"
    rows = Exemption.objects.order_by("pk")
    assert [row.programme for row in rows] == [programme, year]
    office = enter("gao")
    listed = office.get(reverse("exemption-list")).content.decode()
    assert all(f"{each} · 病休" in listed for each in (programme, year))
    office.post(reverse("exemption-decide-many"), {"batch": rows[1].batch, "act": "approve"})
    office.post(reverse("exemption-decide", args=[rows[0].pk]), {"act": "approve"})
    assert {row.state for row in rows.all()} == {"approved"}
    assert all(Standing.objects.get(member=lin, programme=p).exempt for p in (programme, year))


def test_with_one_programme_no_page_offers_a_choice(programme, enter, lin, clock):
    desk = enter("zhou")
    for address in (reverse("exemption-ask", args=[lin.pk]), reverse("exemption-many"),
                    reverse("sheets")):  # fmt: skip
        assert '?programme=dsxx-2021">改' not in desk.get(address).content.decode()
