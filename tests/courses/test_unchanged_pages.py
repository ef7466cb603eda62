"""Start pages and overviews are not sent again while they would say the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from courses import attendance_plans, sessions, study_logs
from courses.models import StudyLog
from courses.study_logs import Study
from portal.rendering import page_if_changed
from tests.cast import NOW, TODAY

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _evening():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def copy_of(city, programme):
    """Look at a page until the browser has a copy; gives how to ask whether it is still right."""

    def look(who, address):
        browser = Client()
        browser.force_login(city.people[who], "portal.sign_in.MemberBackend")
        browser.get(address)  # brings the cookie of forms
        tag = browser.get(address)["ETag"]
        return lambda: browser.get(address, HTTP_IF_NONE_MATCH=tag)

    return look


@pytest.fixture
def log(city, programme):
    def submit(topic="自学党史"):
        study = Study("self", TODAY, 45, topic, "reform")
        by = city.actor("lin")
        return study_logs.submit(programme, city.people["lin"], study, by=by, at=NOW)

    return submit


@pytest.mark.parametrize("who", ["lin", "zhou", "gao", "shi"])
def test_a_start_page_that_did_not_change_is_not_sent_again(copy_of, schedule, log, who):
    schedule(), log()

    again = copy_of(who, reverse("home"))()

    assert (again.status_code, again.content) == (304, b"")
    assert again["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("who", ["lin", "zhou"])
def test_a_start_page_is_sent_again_once_its_lists_changed(copy_of, log, who):
    log()
    ask = copy_of(who, reverse("home"))

    log("再学一次")

    assert (ask().status_code, ask().status_code) == (200, 200)


def test_an_unchanged_ranking_asks_once_more_than_every_page(copy_of, django_assert_num_queries):
    """Session, member and appointments; the programme says itself that it may rank."""
    ask = copy_of("lin", reverse("ranking"))

    with django_assert_num_queries(4):
        assert ask().status_code == 304


def test_a_members_copy_is_wrong_after_their_log_was_confirmed(copy_of, log, city, secretary):
    log()
    ask = copy_of("lin", reverse("home"))

    study_logs.confirm(list(StudyLog.objects.all()), by=secretary, at=NOW)

    text = ask().content.decode()
    assert "还差 23 学时" in text


def test_an_answer_and_a_change_of_the_session_make_both_copies_wrong(
    copy_of, schedule, city, secretary
):
    session = schedule(day=TODAY + timedelta(days=2))
    of_member, of_secretary = copy_of("lin", reverse("home")), copy_of("zhou", reverse("home"))

    attendance_plans.ask_leave(session, "sick", by=city.actor("lin"), at=NOW)
    assert "待批" in of_member().content.decode()
    assert "林小满" in of_secretary().content.decode()

    copies = copy_of("lin", reverse("home")), copy_of("zhou", reverse("home"))
    sessions.cancel(session, reason="停电", by=secretary, at=NOW)
    assert [ask().status_code for ask in copies] == [200, 200]


def test_the_next_day_makes_a_copy_wrong(copy_of, schedule):
    schedule(day=TODAY + timedelta(days=2))
    ask = copy_of("lin", reverse("home"))

    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        assert ask().status_code == 200


def test_figures_are_sent_again_when_they_are_counted_anew(copy_of, city, log, secretary):
    ask = copy_of("gao", reverse("figures", args=[city.county.pk]))
    assert ask().status_code == 304

    with time_machine.travel(NOW + timedelta(seconds=61), tick=False):
        assert ask().status_code == 200


def test_a_branchs_figures_are_never_an_old_copy(copy_of, city, log, secretary):
    log()
    ask = copy_of("zhou", reverse("figures", args=[city.jia.pk]))
    with time_machine.travel(NOW + timedelta(seconds=20), tick=False):
        assert ask().status_code == 304

    study_logs.confirm(list(StudyLog.objects.all()), by=secretary, at=NOW)

    assert ask().status_code == 200


def test_a_context_that_a_tag_cannot_say_is_a_mistake_of_ours(rf, city):
    request = rf.get("/")
    request.META["CSRF_COOKIE"] = "c" * 32

    with pytest.raises(TypeError, match="object"):
        page_if_changed(request, "base.html", {"what": object()})
