"""Start pages and rolls: what is asked for together is what the plain ORM gives, in any world."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from courses import attendance_plans, expected, roll_call, roll_pages, sessions, start_pages, todos
from courses.models import Enrolment, StudySession
from courses.querysets import of_member
from credits import figures, ledger, statements
from credits.ledger import Credit, Source
from portal import messages
from portal.access import Capability, scope_of
from portal.audit import Actor
from portal.messages import Letter
from portal.models import PATH_STEP, Member
from portal.querysets import after
from tests.cast import NOW, TODAY, days_ago
from tests.courses.test_page_queries import grow  # noqa: F401 - a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.both]
ASKED = (expected, figures, roll_pages, start_pages, statements, todos)


@pytest.fixture
def world(city, programme, grow, schedule):  # noqa: F811
    """Some of everything, and people who say this and that, by chance."""

    def lay_out(seed):
        chance = Random(seed)
        grow()
        people = list(Member.objects.filter(branch__in=[city.jia, city.yi]).order_by("pk"))
        for n in range(6):
            where = chance.choice([city.jia, city.yi])
            day = TODAY + timedelta(days=chance.randrange(1, 20))
            session = schedule(f"第{n}次", organiser=where, day=day, hour=9 + n)
            for person in chance.sample(people, 4):
                by = Actor(person, "member")
                if person.branch_id == where.pk and chance.random() < 0.7:
                    attendance_plans.sign_up(session, by=by, at=NOW)
                elif person.branch_id == where.pk:
                    attendance_plans.ask_leave(session, "sick", reason="病", by=by, at=NOW)
        for n, person in enumerate(chance.sample(people, 5)):
            letter = Letter(person.pk, "weekly", f"{seed}-{n}", "提醒", "还差 2 学时。", "/")
            messages.send_many([letter], at=NOW)
            credit = Credit(person, "seminar", days_ago(25), 90, "reform")
            ledger.post(programme, Source("session", f"z{seed}{n}", "课"), organiser=city.jia,
                        credits=[credit], by=city.by, at=NOW)  # fmt: skip
        return people

    return lay_out


@pytest.fixture
def plainly(monkeypatch):
    """Rows of the queries that a page makes, each by the ORM alone with the values themselves."""

    def ask(make, values):
        for module in ASKED:
            monkeypatch.setattr(module, "given", lambda name, kind: values[name])
        found = {name: list(queryset) for name, queryset in make().items()}
        monkeypatch.undo()
        return found

    return ask


def same(found, plain):
    """By name, as plain tuples; the sums of nothing are no row or nothing."""
    for name, rows in plain.items():
        assert list(map(tuple, found.rows(name))) == rows, name
    return sum(map(len, plain.values()))


@pytest.mark.parametrize("seed", [1, 2])
def test_what_a_member_reads_is_what_the_orm_gives(city, programme, world, plainly, seed):
    seen = 0
    for person in world(seed):
        path = person.scope_path
        since = NOW - sessions.LONGEST
        values = {"programme": programme.pk, "since": since, **todos.viewer(person.pk, NOW)} | {
            f"above{n}": path[: (n + 1) * PATH_STEP] for n in range(10)
        }
        seen += same(start_pages._own(**values), plainly(start_pages._own._make, values))
        own = start_pages.own(programme, person, at=NOW)
        inside = StudySession.objects.filter(pk__in=of_member(person.pk, [path]))
        assert {s.pk for s in own.coming} >= set(
            inside.filter(state="planned", ends_at__gt=NOW).values_list("pk", flat=True)
        )
    assert seen > 100


@pytest.mark.parametrize("seed", [3, 4])
def test_what_a_secretary_reads_is_what_the_orm_gives(city, programme, world, plainly, seed):
    world(seed)
    scope = scope_of(city.people["zhou"], at=NOW)
    paths = scope.places(Capability.MANAGE_CLASSES)
    values = {
        "programme": programme.pk, "soon": NOW + start_pages.AHEAD,
        "path": city.jia.path, "after": after(city.jia.path), **todos.viewer(scope.member_id, NOW),
    }  # fmt: skip

    seen = same(
        start_pages._desk(paths, **values),
        plainly(lambda: start_pages._desk._make(paths), values),
    )

    assert seen > 10
    desk = start_pages.desk(programme, scope, city.jia, at=NOW)
    assert desk.now == figures.of(programme, city.jia)
    assert desk.own == statements.standing(programme, city.people["zhou"])


@pytest.mark.parametrize("of", ["branch", "class"])
def test_what_a_roll_shows_is_what_the_orm_gives(
    city, programme, world, plainly, secretary, class_, opened, of
):
    world(5)
    session = opened if of == "branch" else class_.sessions.order_by("starts_at").last()
    if of == "class":
        session = roll_call.open_(session, by=secretary, at=session.starts_at)
        late = city.enrol(city.yi)
        Enrolment.objects.create(reading_class=class_, member=late, since=TODAY)
    else:
        city.enrol(city.jia)
    scope = scope_of(city.people["zhou"], at=NOW)
    paths = scope.places(Capability.CONFIRM_STUDY)
    values = {"member": scope.member_id, **expected.places_of(session)}
    ask = roll_pages._of_class if of == "class" else roll_pages._of_branch

    same(ask(paths, **values), plainly(lambda: ask._make(paths), values))

    roll = roll_pages.roll(session, scope)
    assert {row.member_id for row in roll.marks} == set(
        session.attendances.values_list("member", flat=True)
    )
    assert [row.name for row in roll.missing]
    assert [change.what for change in roll.changes]
    assert scope.__dict__["pending_logs"] == todos.pending_logs(scope_of(scope.member, at=NOW))
