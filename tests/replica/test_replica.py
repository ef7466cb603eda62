"""Reading from a streaming standby: what goes there, what never does, and what when it fails."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager

import psycopg
import pytest
from django.urls import reverse

from portal.replica import TRUSTED_FOR, WRITTEN
from tests.access import policy
from tests.access.test_matrix import NAMES, address, patterns
from tests.replica.conftest import LAG, wait_for

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.xdist_group("replica"),
    pytest.mark.django_db,  # the tables are copied from the test database
]
MARKED = {p.name for p in patterns() if getattr(p.callback, "replica", False)}
ORGANIZATIONS = "/organizations/"
ROLES = ("city", "secretary", "member", "official", "administrator", "")
JIA = "SELECT id FROM portal_organization WHERE code = 'YL-QC-1'"


@contextmanager
def paused(site):
    """The standby goes on receiving, but shows nothing of it."""
    site.standby.ask("SELECT pg_wal_replay_pause()")
    try:
        yield
    finally:
        site.standby.ask("SELECT pg_wal_replay_resume()")


@contextmanager
def cut_off(site):
    """The standby has lost its primary."""
    said = site.standby.ask("SELECT current_setting('primary_conninfo')")
    _connect_to(site, "")
    try:
        yield
    finally:
        _connect_to(site, said)


def _connect_to(site, primary):
    quoted = primary.replace("'", "''")
    site.standby.ask(f"ALTER SYSTEM SET primary_conninfo = '{quoted}'")
    site.standby.ask("SELECT pg_reload_conf()")
    receivers = "SELECT count(*) FROM pg_stat_wal_receiver"
    wait_for(lambda: site.standby.ask(receivers) == bool(primary), "the receiver obeys")


def rename(site, name):
    site.primary.ask("UPDATE portal_organization SET name = %s WHERE code = 'YL-QC-1'", [name])


def test_marked_pages_are_read_from_the_standby_and_no_other_page_is(site):
    """Every address, asked by somebody whom the policy lets in; the standby's own log tells."""
    pages = {"ranking", "ranking-trend", "figures", "organization-list"}
    assert pages | {"bulletin-list", "bulletin-detail"} == MARKED
    there, asked, before = set(), [], len(site.log.read_text())
    for name in NAMES:
        allowed = (r for r in ROLES if policy.may(name, r or "anonymous", inside=True))
        if (role := next(allowed, None)) is None:
            continue  # of something that the world has only outside
        path = address(name, site.ids)
        if reads := site.reads(lambda path=path, role=role: _fine(site.get(path, role))):
            there.add(name)
            asked += reads
    assert there == MARKED
    # What a connection says of itself at its beginning, and reads: nothing else.
    strange = [said for said in asked if not re.match(r"SELECT|SET |SHOW ", said)]
    assert strange == []
    tables = set(re.findall(r'"((?:portal|credits|courses|django)_\w+)"', " ".join(asked)))
    assert tables
    assert not tables & {"django_session", "portal_appointment"}, "the scope is the primary's"
    assert "Read once more" not in site.log.read_text()[before:]


def _fine(answer):
    assert answer.status < 500, answer.text
    return answer


def test_mistake_18_no_page_writes_through_the_standby_whoever_asks(site):
    """Nothing is refused there, because nothing is tried: every role, every marked page."""
    before = len(site.log.read_text())
    for role in site.sessions:
        for name in MARKED:
            _fine(site.get(address(name, site.ids), role))
    assert "read-only" not in site.log.read_text()[before:]


def test_a_page_from_the_standby_may_be_late_but_not_for_whoever_has_written(site):
    with paused(site):
        rename(site, "改过名的支部")

        assert "改过名的支部" not in site.get(ORGANIZATIONS).text
        assert "改过名的支部" in site.get(ORGANIZATIONS, cookies=f"{WRITTEN}=1").text
        own = reverse("organization-detail", args=[site.primary.ask(JIA)])
        assert "改过名的支部" in site.get(own).text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_whoever_sends_something_reads_from_the_primary_for_as_long_as_a_standby_may_lag(
    site, method
):
    answer = site.ask(method, reverse("look"), "member")

    [cookie] = [c for c in answer.cookies.split("\n") if c.startswith(f"{WRITTEN}=")]
    assert f"Max-Age={LAG + TRUSTED_FOR};" in cookie
    assert "HttpOnly" in cookie
    assert site.reads(lambda: site.get(ORGANIZATIONS, cookies=f"{WRITTEN}=1")) == []
    assert f"{WRITTEN}=" not in site.get(ORGANIZATIONS).cookies, "who only looks has not written"


def test_a_role_that_ends_has_ended_although_the_standby_does_not_know_it(site):
    figures = reverse("figures", args=[site.primary.ask(JIA)])
    assert site.get(figures, "guidance").status == 200
    with paused(site):
        ended = "UPDATE portal_appointment SET until = since WHERE role = 'guidance' RETURNING id"
        assert site.primary.ask(ended)

        assert site.get(figures, "guidance").status == 403
    site.primary.ask("UPDATE portal_appointment SET until = NULL WHERE role = 'guidance'")


@pytest.mark.parametrize("trouble", [paused, cut_off])
def test_a_standby_that_lags_too_long_is_not_read_and_is_again_when_it_has_caught_up(site, trouble):
    with trouble(site):
        rename(site, f"新名字{trouble.__name__}")
        late = site.get(ORGANIZATIONS)
        assert trouble is cut_off or f"新名字{trouble.__name__}" not in late.text

        shown = f"新名字{trouble.__name__}"
        wait_for(lambda: shown in site.get(ORGANIZATIONS).text, "read from the primary", LAG + 3)
        assert site.reads(lambda: site.get(ORGANIZATIONS)) == []
    wait_for(lambda: site.reads(lambda: site.get(ORGANIZATIONS)), "read from the standby again")


def test_an_idle_primary_is_not_a_lagging_one(site):
    behind = "SELECT now() - pg_last_xact_replay_timestamp() > make_interval(secs => %s)"
    wait_for(lambda: site.standby.ask(behind, [LAG]), "nobody has written for longer than the lag")

    assert site.reads(lambda: site.get(ORGANIZATIONS))


@contextmanager
def asked_in_mid_flight(site, path):
    """A page whose read on the standby waits for a lock that the primary holds; yields what will be
    its answer when the block has ended."""
    answers = []
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with psycopg.connect(site.primary.url("portal")) as holder:
        holder.execute("LOCK TABLE credits_bulletin IN ACCESS EXCLUSIVE MODE")
        rename(site, "锁中改名")  # what commits takes the lock along to the standby
        wait_for(site.is_caught_up, "the standby holds the lock")
        wait_for(lambda: site.reads(lambda: site.get(ORGANIZATIONS)), "the portal trusts it now")
        page = threading.Thread(target=lambda: answers.append(site.get(path)))
        page.start()
        wait_for(lambda: site.standby.ask(waiting) >= 1, "the page waits on the standby")
        yield answers
        holder.rollback()
    page.join(30)


def test_a_read_that_is_cut_off_on_the_standby_is_answered_by_the_primary(site):
    with asked_in_mid_flight(site, reverse("bulletin-list")) as answers:
        end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type='Lock'"
        assert site.standby.ask(end)

    [answer] = answers
    assert answer.status == 200
    assert "通报" in answer.text


def test_the_standby_is_stopped_in_mid_flight_and_comes_back(site):
    with asked_in_mid_flight(site, reverse("bulletin-list")) as answers:
        site.standby.stop()
    [answer] = answers
    assert answer.status == 200
    for name in sorted(MARKED):
        assert site.get(address(name, site.ids)).status == 200, "without a standby, too"

    site.standby.start()
    wait_for(lambda: site.reads(lambda: site.get(ORGANIZATIONS)), "read from the standby again")


def test_what_is_not_there_yet_is_looked_for_on_the_primary(site):
    """Somebody else has made it a moment ago and passed its address on."""
    with paused(site):
        copy = """
            INSERT INTO portal_organization (code, path, parent_id, name, short_name, kind, unit_id,
                                             cohort, founded_on)
            SELECT 'YL-NEU', path || 'ZZ', id, '新支部', '新立支部', 'branch', unit_id, cohort,
                   founded_on FROM portal_organization WHERE code = 'YL-QC' RETURNING id
        """
        new = site.primary.ask(copy)
        answer = site.get(reverse("figures", args=[new]))

        assert answer.status == 200
        assert "新立支部" in answer.text
    site.primary.ask("DELETE FROM portal_organization WHERE code = 'YL-NEU' RETURNING id")
