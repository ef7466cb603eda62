"""Units changed from pages: shown first, done as shown, nothing of the past touched."""

from __future__ import annotations

import pytest
from django.urls import reverse

from courses import roll_call, study_logs, unfinished
from courses.models import StudySession
from courses.reorganizing import Changed, Plan, carry_out, rehearse
from courses.unfinished import LeftOpen
from credits import verification
from credits.models import LedgerEntry, Standing
from portal import appointments, members, organizations, reorganizations
from portal.models import Appointment, Member, Organization
from portal.organizations import Founding
from tests.access.test_matrix import fingerprint
from tests.cast import NOW, TODAY, days_ago
from tests.courses.conftest import mark_of, wish
from tests.courses.test_study_logs import study

pytestmark = [pytest.mark.both, pytest.mark.django_db, pytest.mark.usefixtures("clock")]


@pytest.fixture
def official(client, city):
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    return client


def send(client, act, organization, **body):
    return client.post(reverse(f"unit-{act}", args=[organization.pk]), body)


def confirm(client, act, organization, shown, **body):
    return send(client, act, organization, seen=shown.context["preview"].digest, **body)


def close(session, by):
    marks = {a.member_id: wish(a, "present") for a in session.attendances.all()}
    wishes = {k: v for each in marks.values() for k, v in each.items()}
    return roll_call.close(session, wishes, by=by, at=NOW)


def text(answer):
    return answer.content.decode()


MERGE = {"into": "YL-QC-2", "on": TODAY.isoformat()}


def test_a_preview_says_who_moves_and_what_stays_and_writes_nothing(official, city, opened):
    before = fingerprint()

    shown = send(official, "merge", city.jia, **MERGE)

    said = text(shown)
    assert fingerprint() == before
    assert "2 人</b>转到青川县乙支部" in said
    assert "林小满" in said
    assert '正在点名的活动 <b class="num">1 场' in said
    assert "由青川县乙支部的书记接着办" in said
    assert "青川县甲支部支部书记：周明远" in said


def test_the_merge_is_done_as_it_was_shown(official, city):
    shown = send(official, "merge", city.jia, **MERGE)

    done = confirm(official, "merge", city.jia, shown, **MERGE)

    assert done.url == reverse("organization-detail", args=[city.yi.pk])
    city.jia.refresh_from_db()
    assert (city.jia.dissolved_on, city.jia.merged_into) == (TODAY, city.yi)
    assert city.people["lin"] in Member.objects.in_branch(city.yi)
    again = confirm(official, "merge", city.jia, shown, **MERGE)
    assert again.status_code == 422
    assert "撤销，不能再变动" in text(again)


def test_a_preview_says_who_comes_on_the_roll_and_what_they_owe(city, found_programme):
    """Moved in in mid-year: by the rule for joiners; moved out again: off the roll."""
    found_programme(joiners="months")
    outer = organizations.found(
        Founding("YL-Y", "外市委员会", Organization.Kind.COMMITTEE, None, days_ago(900)),
        by=city.by, at=NOW,
    )  # fmt: skip
    branch = organizations.found(
        Founding("YL-Y-1", "外市支部", Organization.Kind.BRANCH, outer, days_ago(900)),
        by=city.by, at=NOW,
    )  # fmt: skip
    people = [city.enrol(branch, day=days_ago(800)) for _ in range(2)]
    coming = Plan("move", branch, TODAY, other=city.county)

    shown = rehearse(coming, by=city.by, at=NOW)

    assert shown.rolls == [
        "2 人列入《党史学习教育》学习名单：应学 16.75 学时（全额 24，按中途入册折算）。"
    ]
    carry_out(coming, seen=shown.digest, by=city.by, at=NOW)
    assert {s.target for s in Standing.objects.filter(member__in=people)} == {1675}
    branch.refresh_from_db()
    leaving = rehearse(Plan("move", branch, TODAY, other=outer), by=city.by, at=NOW)
    assert leaving.rolls == ["2 人退出《党史学习教育》学习名单，已记的学时保留。"]
    inside = rehearse(Plan("move", city.yi, TODAY, other=city.bureau), by=city.by, at=NOW)
    assert inside.rolls == []  # from one place of the scope to another


def test_a_preview_that_went_stale_is_shown_anew(official, city):
    shown = send(official, "merge", city.jia, **MERGE)
    city.enrol(city.jia, "新来者")

    answer = confirm(official, "merge", city.jia, shown, **MERGE)

    assert answer.status_code == 409
    assert "刚刚有变动" in text(answer)
    assert "新来者" in text(answer)
    assert not Organization.objects.exclude(dissolved_on=None).exists()
    confirm(official, "merge", city.jia, answer, **MERGE)
    assert city.people["lin"] in Member.objects.in_branch(city.yi)


@pytest.mark.parametrize("other", ["day", "into"])
def test_nothing_else_is_confirmed_than_what_was_shown(city, other):
    plan = Plan("merge", city.jia, TODAY, city.yi)
    seen = rehearse(plan, by=city.by, at=NOW).digest
    changed = {"day": Plan("merge", city.jia, days_ago(1), city.yi),
               "into": Plan("merge", city.jia, TODAY, city.bing)}[other]  # fmt: skip
    with pytest.raises(Changed):
        carry_out(changed, seen=seen, by=city.by, at=NOW)


def test_an_official_reaches_neither_into_nor_out_of_another_county(official, city):
    away = {"into": city.bing.code, "on": TODAY.isoformat()}
    assert "不在您的范围内" in text(send(official, "merge", city.jia, **away))
    assert send(official, "merge", city.bing, **MERGE).status_code == 404
    outside = send(official, "move", city.jia, parent=city.bureau.code)
    assert "不在您的范围内" in text(outside)
    assert outside.status_code == 422


def divide_body(*people, **values):
    body = {"name": "青川县甲二支部", "short_name": "甲二", "code": "YL-QC-1-2"}
    return body | {"on": TODAY.isoformat(), "people": [p.pk for p in people]} | values


def test_dividing_by_page(official, city):
    body = divide_body(city.people["lin"], secretary=city.people["lin"].pk)
    shown = send(official, "divide", city.jia, **body)
    assert "1 人</b>转到青川县甲二支部" in text(shown)
    assert "甲二正式党员 1 名，不足 3 名" in text(shown)

    confirm(official, "divide", city.jia, shown, **body)

    second = Organization.objects.get(code="YL-QC-1-2")
    assert list(Member.objects.in_branch(second)) == [city.people["lin"]]
    assert [a.member for a in appointments.secretaries(second, on=TODAY)] == [city.people["lin"]]


@pytest.mark.parametrize("field", ["people", "secretary"])
def test_mistake_04_a_forged_id_divides_nothing(official, city, field):
    body = divide_body(city.people["lin"], **{field: city.people["wu"].pk})
    before = fingerprint()

    answer = send(official, "divide", city.jia, **body, seen="x")

    assert answer.status_code == 422
    assert fingerprint() == before


def test_what_was_typed_stays_when_something_is_wrong(official, city):
    answer = send(official, "divide", city.jia, **divide_body(city.people["lin"], code="YL-QC-2"))
    assert answer.status_code == 422
    assert "已经有党组织使用" in text(answer)
    assert "青川县甲二支部" in text(answer)
    edited = send(official, "divide", city.jia, **divide_body(city.people["lin"]), edit="1")
    assert edited.status_code == 200
    assert "青川县甲二支部" in text(edited)


def test_a_new_name_is_shown_beside_the_old(official, city):
    body = {"name": "青川县第一支部", "short_name": "一支部", "on": TODAY.isoformat()}
    shown = send(official, "rename", city.jia, **body)
    assert "青川县甲支部 → <b>青川县第一支部" in text(shown)
    confirm(official, "rename", city.jia, shown, **body)
    page = official.get(reverse("organization-detail", args=[city.jia.pk]))
    assert "青川县甲支部" in text(page)
    assert Organization.objects.get(pk=city.jia.pk).short_name == "一支部"


def test_moving_takes_all_below_along(client, city, programme):
    client.force_login(city.people["shi"], "portal.sign_in.MemberBackend")
    body = {"parent": "市文化局"}

    shown = send(client, "move", city.jia, **body)

    assert '1 个</b>、党员 <b class="num">2 人</b>一同划转' in text(shown)
    assert "中共青川县委员会 → <b>中共云岭市文化局机关委员会" in text(shown)
    confirm(client, "move", city.jia, shown, **body)
    city.jia.refresh_from_db()
    assert city.jia.parent == city.bureau
    assert Standing.objects.get(member=city.people["lin"]).branch == city.jia
    assert verification.verify(at=NOW).ok


def test_what_nobody_would_finish_is_not_dissolved(city, opened):
    for name in ("lin", "zhou"):
        members.transfer(city.people[name], city.yi, on=TODAY, by=city.by, at=NOW)
    with pytest.raises(LeftOpen, match="正在点名的活动 1 场"):
        reorganizations.dissolve(city.jia, on=TODAY, by=city.by, at=NOW)
    reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)
    assert Organization.objects.get(pk=city.jia.pk).merged_into == city.yi


@pytest.mark.parametrize("act", ["merge", "divide"])
def test_mistake_01_no_sheet_and_no_rate_of_the_past_changes(
    city, opened, secretary, act, schedule
):
    close(opened, secretary)
    was = [(a.member_id, a.status, a.home_id) for a in opened.attendances.order_by("pk")]
    entries = list(LedgerEntry.objects.order_by("pk").values())
    if act == "merge":
        reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)
    else:
        part = reorganizations.Part("YL-QC-1-2", "甲二支部", [city.people["lin"]])
        reorganizations.divide(city.jia, [part], on=TODAY, by=city.by, at=NOW)

    assert [(a.member_id, a.status, a.home_id) for a in opened.attendances.order_by("pk")] == was
    assert list(LedgerEntry.objects.order_by("pk").values()) == entries
    lin = Standing.objects.get(member=city.people["lin"])
    assert lin.recognised == 200
    assert lin.branch == Member.objects.get(pk=lin.member_id).branch
    assert verification.verify(at=NOW).ok


def test_nothing_is_lost_when_a_branch_changes_hands(city, client, opened, programme, schedule):
    """To-do, drafts, classes and logs hang on the branch: the next secretary finds all of it."""
    draft = wish(mark_of(opened, city.people["lin"]), "late")
    roll_call.save(opened, draft, by=city.actor("zhou", "secretary"), at=NOW)
    log = study_logs.submit(programme, city.people["lin"], study(), by=city.actor("lin"), at=NOW)
    before = unfinished.of(city.jia.path)
    seat = Appointment.objects.get(member=city.people["zhou"], role="secretary")
    heir = city.enrol(city.jia, "任接棒")

    appointments.hand_over(seat, heir, on=TODAY, by=city.by, at=NOW)

    assert unfinished.of(city.jia.path) == before
    client.force_login(heir, "portal.sign_in.MemberBackend")
    said = text(client.get(reverse("handover")))
    assert "读书班第 1 次" in said
    assert '待确认的学习记录 <b class="num">1 条' in said
    assert "周明远" in said
    assert "管理元经办" in said
    roll = client.get(reverse("session-detail", args=[opened.pk]))
    assert mark_of(opened, city.people["lin"]).status == "late"
    assert roll.status_code == 200
    client.post(reverse("log-decide"), {"log": [log.pk], "act": "confirm"})
    log.refresh_from_db()
    assert log.state == "confirmed"
    client.force_login(city.people["zhou"], "portal.sign_in.MemberBackend")
    assert client.get(reverse("handover")).status_code == 403
    assert StudySession.objects.get(pk=opened.pk).state == "open"


def test_the_handover_page_names_what_was_merged_in(city, client, opened):
    reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)
    client.force_login(city.people["zheng"], "portal.sign_in.MemberBackend")
    said = text(client.get(reverse("handover")))
    assert "青川县甲支部" in said
    assert "读书班第 1 次" in said
