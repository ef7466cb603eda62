"""The ledger: posting once, refusing with reasons, correcting by revision."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from credits import ledger
from credits.ledger import AlreadyPosted, Credit, OutOfTurn, Source
from credits.models import BranchStanding, CreditedTime, LedgerEntry, Posting, Standing
from tests.cast import NOW, TODAY, City, days_ago, moment

pytestmark = [pytest.mark.django_db, pytest.mark.both]

SESSION = Source("session", "s1", "读书班第 1 次")


def seminar(member, day=TODAY, *, hour=9, minutes=90, period="reform", **values):
    start = moment(day, hour)
    values.setdefault("form", "seminar")
    return Credit(
        member,
        day=day,
        minutes=minutes,
        period=period,
        start=start,
        end=start + timedelta(minutes=minutes),
        **values,
    )


def standing(programme, member):
    return Standing.objects.get(programme=programme, member=member)


def test_a_posting_credits_everyone_and_moves_the_sums(city: City, programme, lin, zhou):
    posted = ledger.post(
        programme,
        SESSION,
        organiser=city.jia,
        credits=[seminar(lin), seminar(zhou)],
        by=city.by,
        at=NOW,
    )

    assert [line.hours for line in posted.lines] == [200, 200]
    assert standing(programme, lin).recognised == 200
    assert standing(programme, lin).shortfall == 2200
    row = BranchStanding.objects.get(programme=programme, branch=city.jia)
    assert (row.due, row.completed, row.hours, row.points) == (2, 0, 400, 4000)


def test_the_same_act_twice_is_posted_once(city, programme, lin):
    first = ledger.post(
        programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW
    )
    again = ledger.post(
        programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW
    )

    assert again.repeated
    assert again.posting.pk == first.posting.pk
    assert LedgerEntry.objects.count() == 1


def test_the_same_source_with_other_lines_is_refused(city, programme, lin, zhou):
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)

    with pytest.raises(AlreadyPosted):
        ledger.post(
            programme, SESSION, organiser=city.jia, credits=[seminar(zhou)], by=city.by, at=NOW
        )

    assert Posting.objects.count() == 1


def test_overlap_is_refused_for_the_one_and_credits_the_other(city, programme, lin, zhou):
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)

    posted = ledger.post(
        programme,
        Source("session", "s2", "专题党课"),
        organiser=city.jia,
        credits=[seminar(lin, hour=10), seminar(zhou, hour=10)],
        by=city.by,
        at=NOW,
    )

    assert [line.member for line in posted.lines] == [zhou.pk]
    [refused] = posted.refused
    assert refused.code == "overlap"
    assert "读书班第 1 次" in refused.message
    assert "09:00–10:30" in refused.message


def test_touching_ends_do_not_overlap(city, programme, lin):
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)

    posted = ledger.post(
        programme,
        Source("session", "s2", "x"),
        organiser=city.jia,
        credits=[
            Credit(
                lin,
                "seminar",
                TODAY,
                45,
                "reform",
                start=moment(TODAY, 10, 30),
                end=moment(TODAY, 11, 15),
            )
        ],
        by=city.by,
        at=NOW,
    )

    assert not posted.refused


def test_the_daily_cap_refuses_and_never_clips(city, programme, lin):
    log = lambda key: Source("log", key, "自学")  # noqa: E731
    ledger.post(
        programme,
        log("a"),
        organiser=city.jia,
        credits=[Credit(lin, "self", TODAY, 315, "reform")],
        by=city.by,
        at=NOW,
    )

    posted = ledger.post(
        programme,
        log("b"),
        organiser=city.jia,
        credits=[Credit(lin, "self", TODAY, 90, "reform")],
        by=city.by,
        at=NOW,
    )

    [refused] = posted.refused
    assert refused.code == "cap"
    assert "已记 7 学时" in refused.message
    assert "上限 8 学时" in refused.message


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (TODAY + timedelta(days=1), "future"),
        (days_ago(31), "late"),
        (date(2021, 2, 28), "outside"),
    ],
)
def test_days_out_of_reach_are_refused(city, programme, lin, day, code):
    posted = ledger.post(
        programme,
        SESSION,
        organiser=city.jia,
        credits=[Credit(lin, "self", day, 45, "reform")],
        by=city.by,
        at=NOW,
    )

    assert [r.code for r in posted.refused] == [code]
    assert not posted.lines


def test_what_lies_outside_the_programme_is_not_let_in_by_a_second_try(city, programme, lin):
    """A source whose lines were all refused has a posting, and what follows is a revision."""
    outside = [Credit(lin, "self", date(2021, 2, 28), 45, "reform")]
    first = ledger.post(programme, SESSION, organiser=city.jia, credits=outside, by=city.by, at=NOW)

    second = ledger.correct(
        programme,
        SESSION,
        revision=2,
        organiser=city.jia,
        withdraw=[],
        credits=outside,
        reason="再试一次",
        by=city.by,
        at=NOW,
    )

    assert [r.code for r in (*first.refused, *second.refused)] == ["outside", "outside"]
    assert not LedgerEntry.objects.exists()


def test_ten_minutes_earn_nothing_and_say_why(city, programme, lin):
    posted = ledger.post(
        programme,
        SESSION,
        organiser=city.jia,
        credits=[Credit(lin, "self", TODAY, 10, "reform")],
        by=city.by,
        at=NOW,
    )

    assert posted.refused[0].message == "10 分钟不足最小计时单位（12 分钟），不能记学时。"


def test_mistake_21_the_same_lesson_twice_is_credited_once(city, programme, lin):
    lesson = lambda day: Credit(lin, "online", day, 45, "reform", content="lesson:huozhong")  # noqa: E731
    ledger.post(
        programme,
        Source("log", "a", "微党课《火种》"),
        organiser=city.jia,
        credits=[lesson(days_ago(2))],
        by=city.by,
        at=NOW,
    )

    posted = ledger.post(
        programme,
        Source("log", "b", "微党课《火种》"),
        organiser=city.jia,
        credits=[lesson(TODAY)],
        by=city.by,
        at=NOW,
    )

    assert posted.refused[0].message == "同一内容已在《微党课《火种》》中记过学时，不重复计算。"


def test_a_correction_reverses_and_replaces_in_one_posting(city, programme, lin, zhou):
    ledger.post(
        programme,
        SESSION,
        organiser=city.jia,
        credits=[seminar(lin), seminar(zhou)],
        by=city.by,
        at=NOW,
    )

    posted = ledger.correct(
        programme,
        SESSION,
        revision=2,
        organiser=city.jia,
        withdraw=[lin],
        credits=[seminar(lin, minutes=45)],
        reason="早退",
        by=city.by,
        at=NOW,
    )

    assert [line.hours for line in posted.lines] == [-200, 100]
    assert standing(programme, lin).recognised == 100
    assert standing(programme, zhou).recognised == 200
    assert CreditedTime.objects.filter(member=lin).count() == 1


def test_a_correction_out_of_turn_is_refused(city, programme, lin):
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)

    with pytest.raises(OutOfTurn):
        ledger.correct(
            programme,
            SESSION,
            revision=3,
            organiser=city.jia,
            withdraw=[lin],
            credits=[],
            reason="x",
            by=city.by,
            at=NOW,
        )


def test_completion_needs_the_minimum_of_every_period(city, programme, lin):
    for number in range(12):
        ledger.post(
            programme,
            Source("session", f"s{number}", "x"),
            organiser=city.jia,
            credits=[
                seminar(
                    lin, days_ago(number), period=["reform", "new-era", "socialist"][number % 3]
                )
            ],
            by=city.by,
            at=NOW,
        )
    row = standing(programme, lin)
    assert (row.recognised, row.shortfall, row.completed_at) == (2400, 400, None)

    ledger.post(
        programme,
        Source("session", "last", "x"),
        organiser=city.jia,
        credits=[seminar(lin, days_ago(13), minutes=180, period="new-democratic")],
        by=city.by,
        at=NOW,
    )

    row = standing(programme, lin)
    assert row.shortfall == 0
    assert row.completed_at == NOW
    assert BranchStanding.objects.get(branch=city.jia).completed == 1


@pytest.mark.parametrize("table", ["credits_ledgerentry", "credits_posting"])
def test_the_ledger_refuses_raw_updates_and_deletes(city, programme, lin, table):
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)
    column = "hours" if table == "credits_ledgerentry" else "title"

    for sql in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


def test_replace_into_does_not_walk_round_the_guard(city, programme, lin):
    if connection.vendor != "sqlite":
        pytest.skip("REPLACE exists on SQLite only")
    ledger.post(programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW)

    sql = "INSERT OR REPLACE INTO credits_ledgerentry SELECT * FROM credits_ledgerentry"
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_overlapping_time_is_refused_by_the_database_itself(city, programme, lin):
    posted = ledger.post(
        programme, SESSION, organiser=city.jia, credits=[seminar(lin)], by=city.by, at=NOW
    )

    with pytest.raises(IntegrityError), transaction.atomic():
        CreditedTime.objects.create(
            programme=programme,
            member=lin,
            entry_id=posted.lines[0].entry + 1,
            start=moment(TODAY, 10),
            end=moment(TODAY, 11),
        )
