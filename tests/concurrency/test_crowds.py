"""Real processes at the same instant: one entry for one time, sums that add up, no deadlock."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults import machine as machines

pytestmark = [pytest.mark.both, pytest.mark.xdist_group("crowds")]

LIVE = """
    SELECT e.member_id, e.day, e.starts_at, count(*) FROM credits_ledgerentry e
    WHERE e.reverses_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM credits_ledgerentry r WHERE r.reverses_id = e.id)
    GROUP BY e.member_id, e.day, e.starts_at
"""
OVERLAPS = """
    SELECT count(*) FROM credits_ledgerentry a JOIN credits_ledgerentry b
      ON a.member_id = b.member_id AND a.id < b.id
     AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at
"""
GUEST = """
    SELECT a.id, a.status, a.scanned, w.state FROM courses_attendance a
    JOIN courses_walkin w ON w.session_id = a.session_id AND w.member_id = a.member_id
"""


def lines(machine):
    """How many live lines each member has."""
    found = Counter()
    for member, _, _, count in machine.rows(LIVE):
        found[member] += count
    return found


def test_sixteen_close_the_rolls_of_one_branch(machine, crowd, verified):
    answers = crowd("close_rolls", 16)

    assert [a.get("said") for a in answers] == ["closed"] * 16
    assert machine.one("SELECT count(*) FROM credits_posting") == 17
    assert machine.one(OVERLAPS) == 0
    assert set(lines(machine).values()) == {1 + 8}  # the shared one, and one of each pair
    assert len(lines(machine)) == 34
    verified()


def test_mistake_09_leave_approved_by_eight_at_once_is_reversed_once(machine, crowd, verified):
    answers = crowd("approve_leave", 8)

    assert [a.get("said") for a in answers] == ["approved"] * 8
    hours = "SELECT hours FROM credits_ledgerentry WHERE member_id = {} ORDER BY id"
    lin = machine.one("SELECT id FROM portal_member WHERE name = '林小满'")
    zhou = machine.one("SELECT id FROM portal_member WHERE name = '周明远'")
    assert machine.rows(hours.format(lin)) == [(200,), (-200,)]
    assert machine.rows(hours.format(zhou)) == [(200,)]
    assert machine.one("SELECT count(*) FROM credits_posting") == 2
    granted = "SELECT count(*) FROM courses_sessionchange WHERE what = '病假获准'"
    assert machine.one(granted) == 1
    verified()


def test_mistake_27_a_lesson_answered_in_eight_browsers_at_once_is_credited_once(
    machine, crowd, verified
):
    answers = crowd("answer_lesson", 8)

    assert [a["said"] for a in answers if "said" in a] == ["credited"]
    refused = {a["refused"] for a in answers if "refused" in a}
    assert refused == {"这一课您已经通过，学时不重复计。"}
    assert machine.one("SELECT count(*) FROM credits_ledgerentry") == 1
    verified()


def test_one_token_sent_eight_times_at_once_is_told_the_same_and_credited_once(
    machine, crowd, verified
):
    answers = crowd("answer_lesson_once", 8)

    assert len({tuple(a["said"]) for a in answers}) == 1
    assert answers[0]["said"][0] == "credited"
    assert machine.one("SELECT count(*) FROM courses_lessonattempt") == 1
    assert machine.one("SELECT count(*) FROM credits_ledgerentry") == 1
    verified()


def test_eight_attest_and_recognise_the_same_mobile_members_once(machine, crowd, verified):
    answers = crowd("attest_and_recognise", 8)

    assert sum(a["said"]["attested"] for a in answers) == 8
    assert sum(a["said"]["recognised"] for a in answers) == 8
    assert machine.one("SELECT count(*) FROM credits_posting WHERE kind = 'host'") == 8
    states = "SELECT state, count(*), sum(hours) FROM courses_hostattendance GROUP BY state"
    assert machine.rows(states) == [("recognised", 8, 1600)]
    verified()


def test_a_discussion_that_eight_close_and_recognise_is_one_posting(machine, crowd, verified):
    answers = crowd("close_and_recognise", 8)

    assert sorted(a["said"]["recognised"] for a in answers) == [0] * 7 + [8]
    posted = "SELECT revision, lines FROM credits_posting WHERE kind = 'discussion'"
    assert machine.rows(posted) == [(1, 8)]
    states = "SELECT state, count(*), sum(hours) FROM courses_answer GROUP BY state"
    assert machine.rows(states) == [("recognised", 8, 800)]
    verified()


def test_sixteen_branches_credit_the_same_guests_who_have_no_standing_yet(machine, crowd, verified):
    guests = "member_id IN (SELECT id FROM portal_member WHERE number LIKE '8%')"
    assert machine.one(f"SELECT count(*) FROM credits_standing WHERE {guests}") == 0

    answers = crowd("credit_guests", 16)

    assert sum(a["said"]["credited"] for a in answers) == 16 * 3 + 4 * 8
    assert sum(a["said"]["refused"] for a in answers) == 12 * 8
    assert machine.one(f"SELECT count(*) FROM credits_standing WHERE {guests}") == 8
    each = machine.rows(
        f"SELECT count(*) FROM credits_ledgerentry WHERE {guests} GROUP BY member_id"
    )
    assert [count for (count,) in each] == [4] * 8
    assert machine.one(OVERLAPS) == 0
    verified()


def test_mistake_20_two_branches_with_each_others_guests_in_opposite_order(
    machine, crowd, verified
):
    """With a transfer to and fro and changes of rules between, neither deadlocks nor doubles."""
    answers = crowd("cross", 16)

    assert sum(a["said"].get("credited", 0) for a in answers) == 7 * 5 * 6
    assert machine.one("SELECT count(*) FROM credits_posting") == 14 * 5
    assert {count for *_, count in machine.rows(LIVE)} == {1}
    assert machine.one("SELECT count(*) FROM credits_ruleversion") == answers[15]["said"]["rules"]
    branch = "SELECT branch_id FROM credits_standing WHERE member_id = 9"
    assert machine.one(branch) == answers[14]["said"]["branch"]
    verified()


def test_mistake_19_rebuilding_while_sixteen_writers_post(machine, crowd, verified):
    """Transactions are open across its start; afterwards every total is what the ledger sums to."""
    answers = crowd("write_or_rebuild", 17)

    assert answers[16]["said"] == {"mended": [0, 0, 0]}  # it met no sum in between
    assert machine.one("SELECT count(*) FROM credits_posting") == 16 * 4
    report = verified()
    assert report["entries"] == machine.one("SELECT count(*) FROM credits_ledgerentry") > 0


def test_verifying_while_sixteen_writers_post(machine, crowd, verified):
    """Every process of a verification sees the same moment, whoever writes meanwhile."""
    answers = crowd("write_or_verify", 17)

    assert answers[16]["said"]["problems"] == []
    assert verified()["postings"] == 16 * 4


def test_thirty_two_phones_check_in_at_the_same_instant(machine, crowd):
    answers = crowd("check_in", 32)

    assert [a.get("said") for a in answers] == [302] * 32
    marked = "SELECT count(*) FROM courses_attendance WHERE status = 'present' AND scanned"
    assert machine.one(marked) == 32
    assert machine.one("SELECT count(*) FROM courses_scan WHERE accepted") == 32


def test_a_writer_waits_and_never_finds_the_database_locked(machine, crowd):
    """SQLite has one writer at a time: whoever checks in meanwhile waits for their turn."""
    answers = crowd("check_in_or_hold", 33)

    assert [a.get("said") for a in answers] == [302] * 32 + ["held"]
    assert machine.one("SELECT count(*) FROM courses_scan WHERE accepted") == 32


def test_mistake_03_scans_and_roll_calls_at_the_same_instant_leave_one_row(machine, crowd):
    answers = crowd("mark_one_row", 16)

    by_kind = [[a for a in answers if a["number"] % 4 == kind] for kind in range(4)]
    wrote = [sum(bool(a.get("said")) for a in kind) for kind in by_kind]  # [] means: agreed
    assert wrote[0] + wrote[1] == 1, "one mark is written, everybody else is told"
    assert wrote[2:] == [1, 4]
    assert "已经在名单上" in " ".join(a.get("refused", "") for a in by_kind[2])
    rows = machine.rows(
        "SELECT count(*) FROM courses_attendance a JOIN courses_studysession s"
        " ON s.id = a.session_id WHERE s.key = 'check-in' GROUP BY a.member_id"
    )
    assert {count for (count,) in rows} == {1}
    assert len(rows) == 34 + 1


def test_a_walk_in_admitted_by_many_who_scans_at_once_has_one_row(machine, crowd):
    answers = crowd("let_in", 16)

    rows = machine.rows(GUEST)
    assert len(rows) == 1
    [(row, status, scanned, state)] = rows
    assert (status, bool(scanned), state) == ("present", True, "admitted")
    admitted = [a for a in answers if a["number"] % 4 < 2]
    assert [a.get("said") for a in admitted] == [row] * 8, "whoever confirms is shown the same"
    added = [a["said"] for a in answers if a["number"] % 4 == 2 and "said" in a]
    assert added in ([], [row])


def test_a_walk_in_admitted_and_declined_at_once_is_decided_once(machine, crowd):
    answers = crowd("let_in_or_not", 16)

    said = {a["said"] for a in answers if "said" in a}
    assert len(said) == 1, "either all who say yes were first, or all who say no"
    assert sum("refused" in a for a in answers) == 8
    rows = machine.rows(GUEST)
    declined = said == {"declined"}
    assert [row[3] for row in rows] == ([] if declined else ["admitted"])
    state = machine.one("SELECT state FROM courses_walkin")
    assert state == ("declined" if declined else "admitted")


def test_mistake_03_an_import_and_scans_at_the_same_instant_leave_one_row(machine, crowd, verified):
    """The import is whole, and whoever was told that they are in is in."""
    answers = crowd("import_and_scan", 16)

    assert answers[0]["said"]["state"] == "written"
    accepted = {member for a in answers[1:] for member in a["said"]["accepted"]}
    rows = machine.rows(
        "SELECT a.member_id, a.status, a.scanned FROM courses_attendance a"
        " JOIN courses_studysession s ON s.id = a.session_id WHERE s.key = 'check-in'"
    )
    assert len(rows) == len({member for member, *_ in rows}) == 34
    assert sorted(status for _, status, _ in rows) == ["late"] + 33 * ["present"]
    assert {member for member, _, scanned in rows if scanned} == accepted
    assert lines(machine) == {member: 1 for member, *_ in rows}
    verified()


def test_a_query_is_answered_once_by_whoever_was_first(machine, crowd, verified):
    """Two secretaries say no and two correct the roll, for each of four queries."""
    crowd("ask_about_lines", 1)

    answers = crowd("decide_queries", 16)

    rows = machine.rows("SELECT state, reply FROM courses_linequery ORDER BY id")
    for turn, (state, reply) in enumerate(rows):
        own = [a for a in answers if a["number"] % 4 == turn]
        declined = [f"理由{a['number']}" for a in own if a.get("said") == "declined"]
        corrected = [f"更正{a['number']}" for a in own if a.get("said") == "corrected"]
        assert len(corrected) == 1, "the roll is corrected once, whatever became of the query"
        assert (declined or corrected) == [reply]
        assert state == ("declined" if declined else "corrected")
    assert len(rows) == 4
    verified()


def test_of_many_devices_one_begins_the_reflection_and_the_others_are_told(machine, crowd):
    answers = crowd("write_on_many_devices", 12)

    [said] = [a["said"] for a in answers if "said" in a]
    assert machine.rows("SELECT text, version FROM courses_reflection") == [(said, 1)]
    assert {a["refused"] for a in answers if "refused" in a} == {
        "这一篇在别的设备上改过，两份都在下面，请选用一份。"
    }


def test_a_recommendation_is_decided_once_and_withdrawn_once(machine, crowd):
    answers = crowd("decide_one_recommendation", 12)

    said = Counter(a["said"] for a in answers if "said" in a)
    [(state, decided)] = machine.rows("SELECT state, decided_by_id FROM courses_recommendation")
    assert state == "withdrawn" or said["declined"] == 1
    assert said["withdrawn"] <= 1
    assert said["declined"] <= 1
    assert not (said["accepted"] and said["declined"])
    assert (decided is not None) == bool(said["accepted"] or said["declined"])


def test_an_attendance_that_many_move_at_once_moves_once(machine, crowd, verified):
    """Half of them to other people, half to another session."""
    crowd("ask_about_lines", 1)
    before = machine.one("SELECT sum(hours) FROM credits_ledgerentry")

    answers = crowd("move_one", 16)

    assert sum(a.get("said") == "moved" for a in answers) == 1
    assert machine.one("SELECT sum(hours) FROM credits_ledgerentry") == before
    verified()


def test_stated_hours_are_handed_in_once_approved_once_and_taken_back_once(
    machine, crowd, verified
):
    """Eight send the same form; then fourteen approve the same lines while two undo it all."""
    assert {a["said"] for a in crowd("state_hours", 8)} == {8}

    answers = crowd("approve_stated_hours", 16)

    approved = sum(a["said"] for a in answers)
    assert approved in (0, 8)  # the receipt is undone before anybody approved, or after
    assert (
        machine.one("SELECT count(*) FROM credits_posting WHERE kind = 'opening'") == 2 * approved
    )
    assert machine.one("SELECT sum(hours) FROM credits_ledgerentry") in (None, 0)
    states = {state for (state,) in machine.rows("SELECT DISTINCT state FROM credits_hoursclaim")}
    assert states == {"reversed" if approved else "withdrawn"}
    verified()


def test_a_busy_evening_of_all_verbs_upon_the_same_people(machine, crowd, verified):
    """Sixteen processes, six kinds of work: no deadlock, and every sum is right in the end."""
    answers = crowd("everything", 16)

    assert [a for a in answers if "refused" in a] == []
    confirmed = [a["said"]["confirmed"] for a in answers if a["number"] % 6 == 1]
    assert confirmed == [20, 20, 20]
    assert machine.one("SELECT count(*) FROM credits_bulletin") == 2 * 2
    assert machine.one(OVERLAPS) == 0
    verified()


@pytest.mark.postgres
def test_branches_are_founded_and_moved_while_others_post_and_import_in_them(
    machine, crowd, verified
):
    """Whoever changes the tree locks the programme first, as those do who write in its books."""
    if not machines.POSTGRES:
        pytest.skip("SQLite has one lock, whose order nobody can mistake")
    answers = crowd("rearrange", 16)

    assert [a["refused"] for a in answers if "refused" in a] == []
    said = Counter(a.get("said") for a in answers)
    assert said == {"posted": 10, "imported": 2, "appointed": 2, "moved": 2}
    assert machine.one("SELECT count(*) FROM credits_posting WHERE key LIKE 'rearrange%'") == 120
    assert machine.one("SELECT count(*) FROM courses_sheetimport WHERE state = 'written'") > 0
    assert machine.one("SELECT count(*) FROM credits_standing WHERE NOT on_roll") == 0
    verified()


@pytest.mark.postgres
def test_postgresql_counted_no_deadlock(machine, crowd):
    """The server's own counter, beside answers without an error."""
    if not machines.POSTGRES:
        pytest.skip("PostgreSQL counts its deadlocks, SQLite has none")
    crowd("cross", 16)

    count = f"SELECT deadlocks FROM pg_stat_database WHERE datname = '{machine.name}'"
    assert machine.one(count) == 0


def test_mistake_34_eight_workers_tell_and_send_the_week_once(machine, crowd):
    crowd("choose_mail", 16)
    answers = crowd("tell_the_week", 8)

    sent = sorted(address for a in answers for address in a["said"])
    assert sent == sorted(f"p{n}@example.org" for n in range(16))
    assert machine.one("SELECT count(*) FROM portal_message WHERE mail = 'sent'") == 16
    told = "SELECT count(*), count(DISTINCT member_id) FROM portal_message"
    [(messages, people)] = machine.rows(told)
    assert messages == people > 16
    assert machine.one("SELECT count(*) FROM portal_messageround") == 1
