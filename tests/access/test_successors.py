"""Merges, dissolutions, transfers and departures: people, roles and unfinished work afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse

from courses.models import StudyLog, StudySession
from credits import verification
from credits.models import BranchStanding, Standing
from portal import appointments, members, organizations, reorganizations
from portal.access import Capability, scope_of
from portal.models import Appointment, AuditEvent, Member, Organization, Role
from portal.reorganizations import NotEmpty
from tests.access.test_bodies import post
from tests.cast import NOW, TODAY, days_ago, moment

pytestmark = pytest.mark.both


def ended():
    rows = AuditEvent.objects.filter(event=AuditEvent.Event.APPOINTMENT_ENDED)
    return set(rows.values_list("subject", flat=True))


@pytest.fixture
def merged(laid):
    """甲支部, with an open session and a pending log, is merged into 乙支部."""
    city = laid.city
    city.people["zhou"].refresh_from_db()
    reorganizations.merge(city.jia, city.yi, on=TODAY, by=city.by, at=NOW)
    return laid


def test_people_hours_and_figures_follow_a_merge(merged):
    city = merged.city

    assert not Member.objects.in_branch(city.jia).exists()
    assert city.people["lin"].memberships.get(until=None).branch == city.yi
    assert city.people["lin"].memberships.get(until=TODAY).ended == "merged"
    old = BranchStanding.objects.get(programme=merged.programme, branch=city.jia)
    assert (old.due, old.completed, old.hours) == (0, 0, 0)
    there = Standing.objects.filter(programme=merged.programme, branch=city.yi, on_roll=True)
    new = BranchStanding.objects.get(programme=merged.programme, branch=city.yi)
    assert new.due == there.due().count()
    assert new.completed == 2
    assert verification.verify(at=NOW).ok


def test_roles_in_a_merged_branch_end_and_the_trail_says_so(merged):
    city = merged.city

    assert not Appointment.objects.filter(organization=city.jia, until=None).exists()
    assert {f"{city.jia}支部书记：周明远", f"{city.jia}组织委员：组织某"} <= ended()


def test_the_successor_finishes_what_the_merged_branch_left_open(merged, client):
    client.force_login(merged.city.people["zheng"], backend="portal.sign_in.MemberBackend")
    session, log = merged.inside["session"], merged.inside["log"]

    page = client.get(reverse("session-detail", kwargs={"session": session}))
    assert "林小满" in page.content.decode()
    assert f"{merged.city.jia}活动" in client.get(reverse("class-list")).content.decode()
    body = {"close": "1", "confirmed": "1", "not_yet_becomes": "absent"}
    with time_machine.travel(moment(TODAY, 21), tick=False):
        post(client, "session-save", body, session=session)
    post(client, "log-decide", {"log": [log], "act": "confirm"})

    assert StudySession.objects.get(pk=session).is_closed
    assert StudyLog.objects.get(pk=log).state == "confirmed"
    assert verification.verify(at=NOW).ok


def test_a_merge_of_a_merge_is_inherited_too_and_nothing_else(merged):
    city = merged.city
    at_yi = scope_of(city.people["zheng"], at=NOW)
    assert at_yi.can(Capability.RECORD_ATTENDANCE, city.jia.path)
    assert not at_yi.can(Capability.RECORD_ATTENDANCE, city.bing.path)

    appointments.appoint(
        city.people["xun"], Role.SECRETARY, city.bing, since=TODAY, by=city.by, at=NOW
    )
    reorganizations.merge(city.yi, city.bing, on=TODAY, by=city.by, at=NOW)

    at_bing = scope_of(city.people["xun"], at=NOW)
    reached = Organization.objects.within(at_bing, Capability.RECORD_ATTENDANCE)
    assert set(reached) == {city.jia, city.yi, city.bing}


def test_a_branch_with_people_is_not_dissolved(laid):
    with pytest.raises(NotEmpty):
        reorganizations.dissolve(laid.city.jia, on=TODAY, by=laid.city.by, at=NOW)
    assert Organization.objects.get(pk=laid.city.jia.pk).dissolved_on is None


def test_whoever_is_transferred_is_secretary_no_longer_but_acting_ones_stay(laid):
    city = laid.city
    zhou, county_man = city.people["zhou"], city.enrol(city.yi, "代管人")
    spare = organizations.found(
        organizations.Founding("YL-QC-8", "青川县戊支部", "branch", city.county, days_ago(90)),
        by=city.by,
        at=NOW,
    )
    acting = appointments.act_for(county_man, spare, since=days_ago(9), by=city.by, at=NOW)

    members.transfer(zhou, city.yi, on=TODAY, by=city.by, at=NOW)
    members.transfer(county_man, city.jia, on=TODAY, by=city.by, at=NOW)

    assert not scope_of(zhou, at=NOW).can(Capability.RECORD_ATTENDANCE, city.jia.path)
    assert f"{city.jia}支部书记：周明远" in ended()
    acting.refresh_from_db()
    assert acting.until is None


def test_whoever_leaves_keeps_no_role_not_even_one_that_began_later(laid):
    city = laid.city
    zheng = city.people["zheng"]
    appointments.appoint(zheng, Role.OFFICIAL, city.yi, since=TODAY, by=city.by, at=NOW)

    members.leave(zheng, on=days_ago(3), by=city.by, at=NOW)
    members.readmit(zheng, city.jia, on=TODAY, by=city.by, at=NOW)

    assert not zheng.appointments.filter(until=None).exists()
    assert scope_of(zheng, at=NOW + timedelta(days=1)).reaches == ()
    assert f"{city.yi}机关干部：郑书棋" in ended()


def test_a_helper_sees_no_more_of_who_went_to_another_branch(laid):
    helper = laid.people["helper"]
    lin = laid.city.people["lin"]
    assert scope_of(helper, at=NOW).can(Capability.SEE_PERSONS, lin.branch.path, lin.pk)

    members.transfer(lin, laid.city.bing, on=TODAY, by=laid.city.by, at=NOW)

    assert not scope_of(helper, at=NOW).can(Capability.SEE_PERSONS, laid.city.bing.path, lin.pk)


def test_a_secretary_puts_nobody_into_a_foreign_branch(laid, as_role):
    lin, bing = laid.inside["member"], laid.city.bing
    body = {"branch": bing.code, "on": "2021-06-03", "group": ""}

    answer = post(as_role("secretary"), "member-transfer", body, member=lin)

    assert "不在您的范围内" in answer.content.decode()
    assert Member.objects.get(pk=lin).branch == laid.city.jia
    post(as_role("city"), "member-transfer", body, member=lin)
    assert Member.objects.get(pk=lin).branch == bing


def test_an_official_does_not_unseat_an_administrator(laid, as_role):
    seat = Appointment.objects.get(role=Role.ADMINISTRATOR, organization=laid.city.county)

    answer = post(as_role("official"), "appointment-end", {}, appointment=seat.pk)

    assert answer.status_code == 403
    seat.refresh_from_db()
    assert seat.until is None


def test_namesakes_elsewhere_are_not_named_to_a_secretary(laid, as_role):
    stranger = laid.city.enrol(laid.city.bing, "林小满")
    near = laid.city.enrol(laid.city.jia, "林小满")
    ids = {"session": laid.inside["session"], "member": laid.inside["member"]}

    page = as_role("secretary").get(reverse("session-one", kwargs=ids)).content.decode()

    assert near.number in page
    assert stranger.number not in page
