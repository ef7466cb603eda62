"""Certificates and the minimum: none below the target, suspended by a reversal, resumed again."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from credits import certificates, ledger, rule_changes, verification
from credits.ledger import Source
from credits.models import Certificate, CertificateEvent, Standing
from portal import appointments, members, mending
from portal.models import Role
from portal.refusals import Refusal
from tests.cast import NOW, TODAY, days_ago, moment, rules_json
from tests.credits.conftest import PERIODS, branch_row, earn, standing_of

pytestmark = [pytest.mark.django_db, pytest.mark.both]
Event = CertificateEvent.Event
LATER = moment(days_ago(-2))


@pytest.fixture
def completed(programme, complete, lin):
    """林小满 at exactly 24 hours; the keys of the postings."""
    return complete(programme, lin)


@pytest.fixture
def certificate(city, programme, completed, lin):
    return certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)


@pytest.fixture
def withdraw(city, programme, lin):
    """Reverse what a session gave 林小满, giving so many minutes instead."""

    def act(key, *, revision=2, minutes=0, day=1, period=PERIODS[0], at=LATER):
        credits_ = [earn(lin, minutes, day=days_ago(day), period=period)] if minutes else []
        return ledger.correct(
            programme, Source("session", key, "活动"), revision=revision, organiser=city.jia,
            withdraw=[lin], credits=credits_, reason="更正", by=city.by, at=at,
        )  # fmt: skip

    return act


def events(certificate):
    return list(certificate.events.order_by("pk").values_list("event", flat=True))


def test_it_is_a_snapshot_of_name_target_hours_and_day(certificate, programme, lin):
    assert (certificate.name, certificate.branch_name) == ("林小满", "青川县甲支部")
    assert (certificate.target, certificate.hours, certificate.rules) == (2400, 2400, 1)
    assert certificate.completed_on == standing_of(programme, lin).completed_on
    assert certificate.number == f"dsxx-2021-2021-{lin.number}-1"


def test_none_is_issued_below_the_target(city, programme, post, lin):
    for number, period in enumerate(PERIODS, 1):
        post(programme, earn(lin, 180, day=days_ago(number), period=period))

    with pytest.raises(certificates.NotComplete, match="还差 8 学时"):
        certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)


def test_none_is_issued_while_one_period_lacks_its_minimum(city, programme, post, lin):
    for number in range(1, 5):
        post(programme, earn(lin, 315, day=days_ago(number), period=PERIODS[number % 3]))
    assert standing_of(programme, lin).recognised == 2800

    with pytest.raises(certificates.NotComplete, match="还差 4 学时"):
        certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)


def test_the_database_itself_refuses_one_below_the_target(certificate):
    certificate.pk, certificate.number, certificate.hours = None, "x", 2399

    with pytest.raises(IntegrityError, match="certificate_reached_target"), transaction.atomic():
        certificate.save(force_insert=True)


def test_the_database_refuses_a_completed_standing_with_a_shortfall(programme, completed, lin):
    for wrong in ({"shortfall": 1}, {"completed_at": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Standing.objects.filter(programme=programme, member=lin).update(**wrong)


def test_the_database_refuses_more_completed_than_due(city, programme):
    row = branch_row(programme, city.jia)
    with pytest.raises(IntegrityError), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(completed=row.due + 1)


def test_nobody_certifies_themselves(city, programme, complete, zhou):
    complete(programme, zhou)

    with pytest.raises(certificates.NotYourself):
        certificates.issue(standing_of(programme, zhou), by=city.actor("zhou", "secretary"), at=NOW)


def test_one_person_holds_one_living_certificate(city, programme, certificate, lin):
    with pytest.raises(certificates.AlreadyIssued, match=certificate.number):
        certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)
    certificate.pk, certificate.number = None, "second"
    with pytest.raises(IntegrityError), transaction.atomic():
        certificate.save(force_insert=True)


def test_mistake_15_a_correction_that_stays_at_the_target_keeps_the_completion_date(
    city, programme, completed, post, certificate, withdraw, lin
):
    post(programme, earn(lin, 90, day=TODAY))  # two hours to spare
    before = standing_of(programme, lin)

    withdraw(completed[0], minutes=180)  # four instead of six: 24 remain

    after = standing_of(programme, lin)
    assert (after.recognised, after.shortfall) == (2400, 0)
    assert (after.completed_at, after.completed_on) == (before.completed_at, before.completed_on)
    assert after.completed_at == NOW < LATER
    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.VALID
    assert events(certificate) == [Event.ISSUED]
    assert branch_row(programme, city.jia).completed == 1
    assert verification.verify(at=LATER).problems == []


def test_mistake_16_a_reversal_below_the_target_ends_completion_and_suspends_the_certificate(
    city, programme, completed, certificate, withdraw, post, lin
):
    withdraw(completed[0])

    row = standing_of(programme, lin)
    assert (row.recognised, row.shortfall, row.completed_at, row.completed_on) == (
        1800, 600, None, None,
    )  # fmt: skip
    assert branch_row(programme, city.jia).completed == 0
    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.SUSPENDED
    suspended = certificate.events.get(event=Event.SUSPENDED)
    assert (suspended.at, suspended.reason) == (LATER, "学时更正后不足应学学时")
    assert verification.verify(at=LATER).problems == []

    again = moment(days_ago(-3))
    post(programme, earn(lin, 270, day=days_ago(8), period=PERIODS[0]), at=again)

    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.VALID
    assert events(certificate) == [Event.ISSUED, Event.SUSPENDED, Event.RESUMED]
    assert standing_of(programme, lin).completed_at == again
    assert Certificate.objects.count() == 1
    assert verification.verify(at=again).problems == []


def test_mistake_16_the_statement_page_tells_of_the_suspension(
    completed, certificate, withdraw, enter, evening
):
    withdraw(completed[0], at=NOW)

    text = enter("lin").get(reverse("my-hours")).content.decode()

    assert "暂停" in text
    assert "学时更正后不足应学学时" in text


def test_a_correction_within_one_act_never_suspends(city, programme, completed, certificate,
                                                     withdraw):  # fmt: skip
    """The reversal alone would fall below; with its replacement in the same posting it does not."""
    withdraw(completed[0], minutes=270)

    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.VALID
    assert events(certificate) == [Event.ISSUED]


def test_certificates_stay_valid_under_their_own_rules(city, programme, certificate, lin):
    new = rules_json(target=2800)
    rule_changes.change_rules(
        programme, new, since=TODAY, authority="测试", reason="测试",
        shown=rule_changes.rehearse(programme, new).shown, by=city.by, at=NOW,
    )  # fmt: skip
    rule_changes.bring_up(programme, city.jia.pk, at=NOW)

    certificate.refresh_from_db()
    assert standing_of(programme, lin).shortfall == 400
    assert (certificate.state, certificate.rules) == (Certificate.State.VALID, 1)


def test_mistake_28_a_corrected_name_gives_a_reissue_that_points_to_the_old_number(
    city, certificate, lin
):
    mending.mend(lin, {"name": "林大满"}, by=city.by, at=NOW)
    assert Certificate.objects.get().name == "林小满"

    new = certificates.replace(certificate, reason="姓名更正", by=city.by, at=LATER)

    certificate.refresh_from_db()
    assert (new.name, new.replaces, certificate.state) == (
        "林大满", certificate, Certificate.State.REPLACED,
    )  # fmt: skip
    assert new.number != certificate.number
    assert new.events.get().reason == f"换发自 {certificate.number}"
    with pytest.raises(Refusal, match="已换发"):
        certificates.replace(certificate, reason="再换", by=city.by, at=LATER)


def test_mistake_28_leaving_and_transfers_change_no_certificate(city, certificate, lin):
    members.transfer(lin, city.bing, on=TODAY, by=city.by, at=NOW)
    members.leave(lin, on=TODAY, by=city.by, at=NOW)

    certificate.refresh_from_db()
    assert (certificate.state, certificate.branch_name) == ("valid", "青川县甲支部")


def test_a_revoked_certificate_is_never_resumed(city, programme, completed, certificate, withdraw,
                                                 post, lin):  # fmt: skip
    with pytest.raises(Refusal, match="理由"):
        certificates.revoke(certificate, reason="", by=city.by, at=NOW)
    certificates.revoke(certificate, reason="冒名", by=city.by, at=NOW)
    withdraw(completed[0])
    post(programme, earn(lin, 270, day=days_ago(8), period=PERIODS[0]), at=LATER)

    certificate.refresh_from_db()
    assert certificate.state == Certificate.State.REVOKED
    assert events(certificate) == [Event.ISSUED, Event.REVOKED]


def test_mistake_29_looking_writing_an_address_and_changing_roles_issue_nothing(
    city, programme, completed, enter, evening, lin
):
    """Certificates come from `issue` alone; whoever becomes secretary stays in the list."""
    mending.mend(lin, {"email": "lin@example.org"}, by=city.by, at=NOW)
    enter("zhou").get(reverse("branch-hours"))
    enter("lin").get(reverse("my-hours"))
    assert Certificate.objects.count() == 0

    certificates.issue(standing_of(programme, lin), by=city.by, at=NOW)
    appointments.appoint(lin, Role.SECRETARY, city.yi, since=TODAY, by=city.by, at=NOW)

    page = enter("zhou").get(reverse("branch-hours"))
    assert lin.pk in page.context["certified"]
    assert "林小满" in page.content.decode()
    assert Certificate.objects.count() == 1
