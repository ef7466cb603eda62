"""Finding people: by the beginning of name, pinyin initials or number, through an index."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from django.core.paginator import Paginator
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from portal import members, mending, name_index
from portal.access import Capability
from portal.models import Member, SearchTerm
from tests.cast import NOW

pytestmark = pytest.mark.both
CROWD = 4000
QUERY_PLAN = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"


@pytest.fixture(autouse=True)
def _day(time_machine):
    time_machine.move_to(NOW)


@pytest.fixture
def crowd(city):
    """Thousands of others, with an index of their own and statistics for the planner."""
    unusable = make_password(None)
    people = Member.objects.bulk_create(
        Member(number=f"9{n:07d}", name=f"群{n}", branch=city.bing, password=unusable)
        for n in range(CROWD)
    )
    name_index.write(people)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def found(text):
    return set(Member.objects.search(text).values_list("name", flat=True))


def listed(client, text):
    return [
        person.name for person in client.get(reverse("member-list"), {"q": text}).context["page"]
    ]


@pytest.mark.parametrize("text", ["林", "林小", "林小满", " 林 小满 ", "lxm", "LX", "ｌｘｍ", "l"])
def test_a_name_is_found_by_its_beginning_and_by_its_initials(city, text):
    assert "林小满" in found(text)


@pytest.mark.parametrize("text", ["小满", "xm", "林小满满", "lxmm", "%", "_", "z"])
def test_only_beginnings_count(city, text):
    assert "林小满" not in found(text)


def test_a_number_is_found_by_its_beginning_zeros_included(city):
    city.enrol(city.jia, "席照川", number="00770001")
    city.enrol(city.jia, "席照原", number="00770002")

    assert found("00770001") == {"席照川"}
    assert found("０077") == {"席照川", "席照原"}
    assert found("770001") == set()


@pytest.mark.parametrize(
    ("name", "readings"),
    [
        ("单伟", {"sw", "dw"}),
        ("曾国梁", {"zgl", "cgl"}),
        ("仇和生", {"qhs", "chs"}),
        ("解放军", {"xfj", "jfj"}),
        ("查长乐", {"zcl", "zzl", "ccl", "ccy", "zcy"}),
    ],
)
def test_a_heteronym_is_found_by_each_of_its_readings(city, name, readings):
    city.enrol(city.jia, name)

    for initials in readings:
        assert name in found(initials), initials


@pytest.mark.parametrize(
    ("name", "usual"), [("余奇红", "yqh"), ("夏单奇", "xdq"), ("单重行", "szx"), ("折行俊", "zxj")]
)
def test_no_rare_reading_crowds_out_the_usual_one(name, usual):
    assert usual in name_index.initials(name)


def test_a_new_name_replaces_the_old_one_in_the_index(city, lin):
    mending.mend(lin, {"name": "萧小满"}, by=city.by, at=NOW)

    assert found("xxm") == {"萧小满"}
    assert found("lxm") == set()
    assert found(lin.number) == {"萧小满"}


def test_people_of_one_name_are_told_apart_by_the_last_digits(sign_in, city):
    for number in ("55550013", "55560027"):
        city.enrol(city.jia, "沈同名", number=number)

    page = sign_in("zhou").get(reverse("member-list"), {"q": "stm"})

    assert [p.tail for p in page.context["page"]] == ["0013", "0027"]
    assert "55550013" in page.content.decode()
    assert "55560027" in page.content.decode()


def test_each_sees_only_those_of_the_own_scope(sign_in, city):
    for branch in (city.jia, city.yi, city.bing):
        city.enrol(branch, f"沈在{branch.code[-1]}{branch.parent.code[-1]}")

    assert listed(sign_in("zhou"), "沈") == ["沈在1C"]
    assert listed(sign_in("gao"), "sz") == ["沈在1C", "沈在2C"]
    assert listed(sign_in("shi"), "sz") == ["沈在1C", "沈在2C", "沈在1H"]


def test_who_has_left_is_no_more_listed(sign_in, city, lin):
    members.leave(lin, on=NOW.date(), by=city.by, at=NOW)

    assert listed(sign_in("zhou"), "林") == []


def test_rows_and_their_count_take_two_queries(crowd, city, scope, django_assert_max_num_queries):
    shi = scope("shi")

    with django_assert_max_num_queries(2):
        people = Member.objects.within(shi, Capability.SEE_MEMBERS).active().search("q1")
        page = Paginator(people.select_related("branch").order_by("number"), 50).get_page(1)
        assert len({p.branch.name for p in page}) == 1
        assert page.paginator.count == 1111


def plan_of(sql):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"{QUERY_PLAN} {sql}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("text", ["群1234", "q1234", "9000012"])
def test_the_list_is_found_through_the_index_and_never_reads_all_members(
    crowd, sign_in, city, text
):
    client = sign_in("shi")
    with CaptureQueriesContext(connection) as queries:
        assert listed(client, text)

    searches = [q["sql"] for q in queries if SearchTerm._meta.db_table in q["sql"]]
    assert len(searches) == 2
    for sql in searches:
        plan = plan_of(sql)
        assert "search_term_text" in plan, plan
        assert "SCAN portal_member" not in plan, plan
        assert "Seq Scan" not in plan, plan
