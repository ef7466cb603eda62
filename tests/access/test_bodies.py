"""Ids of another branch in a request's body: refused, and nothing is written.

Mistake 4, and invariant 6 for what no address shows.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from courses.models import Attendance, Enrolment, HostAttendance, StudyLog, StudySession
from credits.models import HoursClaim, LedgerEntry
from portal.models import Appointment, Member, SignInSlip
from tests.access.test_matrix import fingerprint

pytestmark = pytest.mark.both


def post(client, name, body, **ids):
    return client.post(reverse(name, kwargs=ids), body, follow=True)


def test_mistake_04_marks_of_people_outside_the_roll_write_nothing(laid, as_role):
    client = as_role("secretary")
    foreign, own = laid.outside["member"], laid.inside["session"]
    before = fingerprint()
    for name in ("session-save", "session-correct"):
        body = {f"seen-{foreign}": "not_yet", f"mark-{foreign}": "present", "reason": "理由"}
        response = post(client, name, body, session=own)
        assert response.status_code in (200, 409, 422)
    assert fingerprint() == before
    assert not Attendance.objects.filter(session=own, member=foreign).exists()


def test_mistake_04_one_foreign_mark_refuses_the_whole_form(laid, as_role):
    client = as_role("secretary")
    foreign, own = laid.outside["member"], laid.inside["member"]
    body = {
        f"seen-{own}": "not_yet", f"mark-{own}": "present",
        f"seen-{foreign}": "not_yet", f"mark-{foreign}": "present",
    }  # fmt: skip
    before = fingerprint()
    post(client, "session-save", body, session=laid.inside["session"])
    assert fingerprint() == before


def test_foreign_logs_are_neither_confirmed_nor_returned(laid, as_role):
    client = as_role("secretary")
    both = [laid.inside["log"], laid.outside["log"]]
    before = fingerprint()
    for act in ("confirm", "return"):
        post(client, "log-decide", {"log": both, "act": act, "reason": "理由"})
    assert fingerprint() == before
    logs = StudyLog.objects.filter(pk__in=both)
    assert set(logs.values_list("state", flat=True)) == {"pending"}
    assert not LedgerEntry.objects.filter(posting__kind="log").exists()


def test_foreign_host_sessions_are_neither_recognised_nor_declined(laid, as_role):
    client = as_role("secretary")
    rows = HostAttendance.objects.filter(pk__in=[laid.outside["host_attendance"]])
    rows.update(state="waiting", decided_by=None, decided_at=None, hours=0)
    before = fingerprint()
    for act in ("recognise", "decline"):
        post(client, "host-decide", {"row": [laid.outside["host_attendance"]], "act": act,
                                     "reason": "理由"})  # fmt: skip
        post(client, "host-decide", {"row": [laid.inside["attested"]], "act": act})
    assert fingerprint() == before


def test_a_host_attests_nobody_who_lives_elsewhere(laid, as_role):
    client = as_role("secretary")
    before = fingerprint()
    for stay in (laid.outside["hosted"], laid.inside["stay"]):
        told = post(client, "host-attest", {"stay": [stay]}, session=laid.inside["session"])
        assert "请先勾选" in told.content.decode()
    assert fingerprint() == before


def test_foreign_stated_hours_are_neither_approved_nor_returned(laid, as_role):
    client = as_role("official")
    both = [f"{laid.inside['claim']}.0", f"{laid.outside['claim']}.0"]
    before = fingerprint()
    for act in ("approve", "return"):
        post(client, "claims-decide", {"line": both, "act": act, "reason": "理由"})
    assert fingerprint() == before
    assert set(HoursClaim.objects.values_list("state", flat=True)) == {"pending"}


def test_hours_are_stated_for_nobody_outside(laid, as_role):
    client = as_role("secretary")
    count = HoursClaim.objects.count()
    body = {
        "key": "k", "rows": "1", "member": laid.outside["member"], "kind": "opening",
        "day": "2021-03-01", "proof": "册", "form_1": "seminar", "period_1": "", "hours_1": "4",
    }  # fmt: skip
    assert client.post(reverse("claim-new"), body).status_code == 422
    assert HoursClaim.objects.count() == count


def test_slips_are_printed_for_nobody_outside(laid, as_role):
    client = as_role("secretary")
    members = [laid.inside["member"], laid.outside["member"]]
    post(client, "member-slips", {"member": members})
    assert not SignInSlip.objects.exists()


def test_nobody_is_entered_into_a_foreign_branch(laid, as_role):
    client = as_role("secretary")
    body = {
        "number": "88880000", "name": "新来人", "branch": laid.city.bing.code,
        "day": "2021-06-03", "status": "full", "category": "employed",
    }  # fmt: skip
    assert "不在您的范围内" in post(client, "member-new", body).content.decode()
    assert not Member.objects.filter(number="88880000").exists()


def test_a_foreign_appointment_is_no_role_to_act_in(laid, as_role):
    client = as_role("member")
    secretary = Appointment.objects.get(member=laid.people["secretary"])
    post(client, "role-switch", {"role": secretary.pk})
    assert client.get(reverse("class-list")).status_code == 403


def test_dropping_somebody_of_another_class_changes_nothing(laid, as_role):
    client = as_role("secretary")
    before = set(Enrolment.objects.values_list("pk", "until"))
    body = {"member": laid.outside["member"]}
    post(client, "class-drop", body, reading_class=laid.inside["reading_class"])
    assert set(Enrolment.objects.values_list("pk", "until")) == before


def test_a_session_of_a_foreign_class_is_not_planned(laid, as_role):
    client = as_role("secretary")
    count = StudySession.objects.count()
    body = {
        "title": "活动", "occasion": "class", "form": "seminar", "day": "2021-06-09",
        "start": "09:00", "end": "10:30", "method": "roll_call", "band": "",
    }  # fmt: skip
    address = f"{reverse('session-new')}?class={laid.outside['reading_class']}"
    assert client.post(address, body).status_code in (403, 404)
    assert StudySession.objects.count() == count


def test_a_mark_in_one_session_cannot_be_mended_through_another(laid, as_role):
    client = as_role("secretary")
    before = fingerprint()
    ids = {"session": laid.inside["session"], "member": laid.outside["member"]}
    response = client.post(reverse("session-one", kwargs=ids), {"made_up_on": "2021-06-03"})
    assert response.status_code == 404
    assert fingerprint() == before


def test_mistake_04_cells_of_another_class_or_person_write_nothing(laid, as_role):
    client = as_role("secretary")
    own, foreign = laid.inside["reading_class"], laid.outside["session"]
    before = fingerprint()
    for session, member in ((foreign, laid.outside["member"]), (laid.inside["session"], 1)):
        body = {f"seen-{session}-{member}": "not_yet", f"mark-{session}-{member}": "present"}
        assert post(client, "class-roll", body, reading_class=own).status_code in (409, 422)
    for act in ("open", "close"):
        assert post(client, "class-roll", {act: foreign}, reading_class=own).status_code == 422
    assert fingerprint() == before


def test_a_foreign_organisation_is_no_place_to_draw_a_sample(laid, as_role):
    client = as_role("official")
    before = fingerprint()
    body = {"organization": laid.city.bureau.pk, "first": "2021-03-01", "last": "2021-06-03",
            "rate": "3", "reason": "理由", "due_on": "2021-06-30", "key": "k"}  # fmt: skip
    assert post(client, "sample-new", body).status_code in (404, 422)
    assert fingerprint() == before
