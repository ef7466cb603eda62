"""The pages of reflections, as each role: write and save, read, recommend, accept, look."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from courses.models import Course, Lesson, Recommendation, Reflection
from courses.online import exemplars, reflection_reading, reflections
from courses.online.reflections import Writing
from tests.cast import NOW
from tests.courses.test_near_copies import CHANGED, ONE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock", "programme")]
ACCEPT = {"Accept": "application/json"}


def write(client, key="mine", *, version=0, headers=None, **values):
    body = {"title": "题目", "text": "正文", "about": "", "version": version, **values}
    return client.post(reverse("reflection-write", args=[key]), body, headers=headers)


def handed(city, name, key, text, *, consent=True):
    writing = Writing("一件小事", text, consent=consent)
    return reflections.hand_in(key, writing, seen_version=0, by=city.actor(name), at=NOW)


def text_of(response):
    return response.content.decode()


def test_a_new_one_has_a_key_in_its_address_and_writes_nothing(enter):
    lin = enter("lin")
    answer = lin.get(reverse("reflection-new"), {"about": "course-1"})

    assert answer.status_code == 302
    assert answer.url.endswith("?about=course-1")
    page = text_of(lin.get(answer.url))
    assert 'name="version" value="0"' in page
    assert not Reflection.objects.exists()


def test_a_script_saves_as_one_writes_and_gets_the_version(enter):
    lin = enter("lin")

    first = write(lin, headers=ACCEPT, text="一")
    second = write(lin, headers=ACCEPT, text="一二", version=1)

    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert second.json() == {"version": 2, "saved": "20:00"}
    assert Reflection.objects.get().text == "一二"


def test_a_script_never_hands_in(enter):
    answer = write(enter("lin"), headers=ACCEPT, act="hand-in")

    assert answer.status_code == 200
    assert Reflection.objects.get().state == "draft"


def test_a_script_that_saw_less_gets_what_stands_there(enter):
    lin = enter("lin")
    write(lin, headers=ACCEPT, text="手机")
    write(lin, headers=ACCEPT, text="手机二", version=1, consent="on")

    answer = write(lin, headers=ACCEPT, text="电脑", version=1)

    assert answer.status_code == 409
    assert answer.json() == {
        "title": "题目", "about": "", "text": "手机二", "consent": True, "version": 2,
        "saved": "20:00",
    }  # fmt: skip
    assert Reflection.objects.get().text == "手机二"


def test_what_is_too_long_is_told_to_the_script(enter):
    answer = write(enter("lin"), headers=ACCEPT, text="长" * 10_001)

    assert answer.status_code == 422
    assert "10000" in answer.json()["message"]


def test_without_a_script_both_texts_are_shown_and_either_can_be_kept(enter):
    lin = enter("lin")
    write(lin, text="手机写的那一份")
    write(lin, text="手机写的新一份", version=1)

    answer = write(lin, text="电脑写的这一份", version=1)

    page = text_of(answer)
    assert answer.status_code == 409
    assert "手机写的新一份" in page
    assert "电脑写的这一份" in page
    assert 'name="version" value="2"' in page
    assert Reflection.objects.get().text == "手机写的新一份"
    assert write(lin, text="电脑写的这一份", version=2).status_code == 302
    assert Reflection.objects.get().text == "电脑写的这一份"


def test_handed_in_it_is_shown_with_a_way_back_and_own_study_beside(enter):
    lin = enter("lin")
    assert write(lin, act="hand-in").status_code == 302

    page = text_of(lin.get(reverse("reflection-write", args=["mine"])))
    assert "撤回修改" in page
    assert "登记自学" in page
    assert "<textarea" not in page
    assert "data-handed-in" in page
    assert (
        text_of(lin.get(reverse("log-new"), {"topic": "写心得体会《题目》"})).count("题目》") == 1
    )

    lin.post(reverse("reflection-act", args=["mine"]), {"act": "take-back"})
    assert Reflection.objects.get().state == "draft"
    lin.post(reverse("reflection-act", args=["mine"]), {"act": "discard"})
    assert not Reflection.objects.exists()


def test_what_is_missing_is_said_beside_the_field_and_the_text_stays(enter):
    answer = write(enter("lin"), act="hand-in", title="", text="写了半天的正文")

    assert answer.status_code == 422
    assert "请写题目" in text_of(answer)
    assert "写了半天的正文" in text_of(answer)


def test_nobody_else_opens_saves_or_ends_it(enter):
    write(enter("lin"))
    for name in ("zhou", "wu", "gao", "guan"):
        client = enter(name)
        assert client.get(reverse("reflection-write", args=["mine"])).status_code == 404
        assert write(client, text="改").status_code == 404
        assert write(client, text="改", headers=ACCEPT).status_code == 404
        act = client.post(reverse("reflection-act", args=["mine"]), {"act": "discard"})
        assert act.status_code == 404
    assert Reflection.objects.get().text == "正文"


def test_a_draft_is_on_no_page_of_the_branch(enter):
    write(enter("lin"), title="只给自己看的")
    zhou = enter("zhou")

    for query in ({}, {"show": "decided"}):
        assert "只给自己看的" not in text_of(zhou.get(reverse("reflection-list"), query))
    pk = Reflection.objects.get().pk
    assert zhou.get(reverse("reflection-read", args=[pk])).status_code == 404
    assert zhou.post(reverse("reflection-read", args=[pk]), {"act": "read"}).status_code == 404


def test_a_device_is_told_apart_by_a_mark_that_is_no_key_of_the_member(enter, city):
    lin, zhou = enter("lin"), enter("zhou")
    pages = [text_of(c.get(reverse("my-reflections"))) for c in (lin, zhou)]
    marks = [page.split('data-local="')[1].split('"')[0] for page in pages]

    assert marks[0] != marks[1]
    assert city.people["lin"].key not in pages[0]
    assert marks[0] in text_of(lin.get(reverse("reflection-write", args=["new"])))


def test_the_secretary_reads_the_oldest_first_and_is_reminded(enter, city):
    handed(city, "lin", "second", ONE)
    Reflection.objects.update(handed_in_at=NOW - timedelta(days=1), title="早的")
    other = city.enrol(city.jia, "孙后到")
    city.people["sun"] = other
    handed(city, "sun", "first", CHANGED)
    zhou = enter("zhou")

    home = text_of(zhou.get(reverse("home")))
    page = text_of(zhou.get(reverse("reflection-list")))
    assert "篇心得体会" in home
    assert page.index("早的") < page.index("一件小事")


def test_the_reader_sees_a_near_copy_of_the_branch_by_name(enter, city):
    sun = city.people["sun"] = city.enrol(city.jia, "孙后到")
    handed(city, "sun", "first", ONE)
    copy = handed(city, "lin", "copy", CHANGED)

    page = text_of(enter("zhou").get(reverse("reflection-read", args=[copy.pk])))
    assert f"与{sun.name}的《一件小事》有" in page
    assert "% 相同段落" in page
    assert "<mark>" in page


def test_the_reader_sees_one_of_another_branch_without_a_name(enter, city):
    handed(city, "wu", "theirs", ONE + "这句话只有乙支部写了。")
    copy = handed(city, "lin", "copy", CHANGED)

    page = text_of(enter("zhou").get(reverse("reflection-read", args=[copy.pk])))
    assert "与另一支部的一篇有" in page
    assert "吴远舟" not in page
    assert "这句话只有乙支部写了" not in page


def test_read_returned_and_recommended_from_the_page(enter, city):
    row, zhou = handed(city, "lin", "mine", ONE), enter("zhou")
    address = reverse("reflection-read", args=[row.pk])

    assert zhou.post(address, {"act": "return", "remark": ""}).status_code == 422
    assert zhou.post(address, {"act": "return", "remark": "写自己的话"}).status_code == 302
    lin = enter("lin")
    assert "被退回，请修改" in text_of(lin.get(reverse("home")))
    assert "写自己的话" in text_of(lin.get(reverse("reflection-write", args=["mine"])))
    again = write(lin, version=row.version, act="hand-in", text=ONE + "改过。", consent="on")
    assert again.status_code == 302
    assert zhou.post(address, {"act": "read", "remark": "好"}).status_code == 302
    assert "好" in text_of(lin.get(reverse("reflection-write", args=["mine"])))
    for wrong in ({"organization": city.yi.pk}, {"organization": ""}, {}):
        body = {"act": "recommend", "reason": "实在", **wrong}
        assert zhou.post(address, body).status_code == 422
    body = {"act": "recommend", "reason": "实在", "organization": city.county.pk}
    assert zhou.post(address, body).status_code == 302
    assert Recommendation.objects.get().organization == city.county
    assert zhou.post(address, {"act": "nonsense"}).status_code == 422


def test_without_consent_the_page_offers_no_recommendation(enter, city):
    row = handed(city, "lin", "mine", ONE, consent=False)
    page = text_of(enter("zhou").get(reverse("reflection-read", args=[row.pk])))

    assert "作者没有同意作为典型展示" in page
    assert 'value="recommend"' not in page


def test_the_secretarys_own_is_left_to_somebody_else(enter, city):
    row, zhou = handed(city, "zhou", "own", ONE), enter("zhou")

    page = text_of(zhou.get(reverse("reflection-list")))
    assert "本人的由组织委员或上级阅读" in page
    assert "篇心得体会" not in text_of(zhou.get(reverse("home")))
    address = reverse("reflection-read", args=[row.pk])
    assert zhou.get(address).status_code == 302
    assert zhou.post(address, {"act": "read"}).status_code == 422
    assert Reflection.objects.get().state == "handed_in"


@pytest.fixture
def recommended(city):
    row = handed(city, "lin", "mine", ONE)
    by = city.actor("zhou", "secretary")
    return reflection_reading.recommend(row, city.county, reason="实在", by=by, at=NOW)


def test_the_official_accepts_and_everybody_below_reads_it(enter, recommended):
    gao, shown = enter("gao"), reverse("exemplar-detail", args=[recommended.pk])
    assert enter("wu").get(shown).status_code == 404
    assert "被推荐为典型" in text_of(gao.get(reverse("home")))
    address = reverse("recommended-detail", args=[recommended.pk])
    assert "实在" in text_of(gao.get(address))

    assert gao.post(address, {"act": "accept"}).status_code == 302

    for name in ("lin", "zhou", "wu", "zheng"):
        client = enter(name)
        assert "一件小事" in text_of(client.get(reverse("exemplar-list"))), name
        assert "机器不骗人" in text_of(client.get(shown)), name
    assert enter("guan").get(shown).status_code == 404
    assert "一件小事" not in text_of(enter("guan").get(reverse("exemplar-list")))


def test_the_official_declines_with_a_reason_that_the_branch_and_the_author_read(
    enter, recommended
):
    gao, address = enter("gao"), reverse("recommended-detail", args=[recommended.pk])
    assert gao.post(address, {"act": "decline", "reply": " "}).status_code == 422
    assert gao.post(address, {"act": "decline", "reply": "再充实些"}).status_code == 302

    decided = text_of(enter("zhou").get(reverse("reflection-list"), {"show": "decided"}))
    assert "未采用：再充实些" in decided
    assert "再充实些" in text_of(enter("lin").get(reverse("reflection-write", args=["mine"])))
    assert "再充实些" in text_of(gao.get(address))
    assert "未采用" in text_of(gao.get(reverse("recommended-list"), {"show": "decided"}))


def test_an_official_reads_of_others_no_name(enter, city, recommended):
    city.people["sun"] = city.enrol(city.jia, "孙后到")
    handed(city, "sun", "same", CHANGED)
    handed(city, "wu", "theirs", ONE + "乙支部写的。")

    page = text_of(enter("gao").get(reverse("recommended-detail", args=[recommended.pk])))
    assert "与同一支部的另一篇有" in page
    assert "与另一支部的一篇有" in page
    assert "孙后到" not in page
    assert "吴远舟" not in page


def test_the_author_withdraws_and_nobody_reads_it_any_more(enter, city, recommended):
    exemplars.accept(recommended, by=city.actor("gao", "official"), at=NOW)
    lin = enter("lin")
    lin.post(reverse("reflection-act", args=["mine"]), {"act": "withdraw"})

    shown = reverse("exemplar-detail", args=[recommended.pk])
    assert enter("wu").get(shown).status_code == 404
    address = reverse("recommended-detail", args=[recommended.pk])
    assert enter("gao").get(address).status_code == 404
    assert enter("gao").post(address, {"act": "accept"}).status_code == 404
    assert "不再作为典型展示" in text_of(lin.get(reverse("reflection-write", args=["mine"])))


def test_the_official_withdraws_it(enter, city, recommended):
    exemplars.accept(recommended, by=city.actor("gao", "official"), at=NOW)
    address = reverse("recommended-detail", args=[recommended.pk])

    assert enter("gao").post(address, {"act": "withdraw"}).status_code == 302
    assert Recommendation.objects.get().state == "withdrawn"


def test_one_comes_to_it_from_a_lesson_which_stays_chosen(enter):
    course = Course.objects.create(key="c", title="课程", kind="course", form="online")
    lesson = Lesson.objects.create(course=course, key="n", title="第一课", form="online", minutes=9)
    lin = enter("lin")
    link = f"{reverse('reflection-new')}?about=lesson-{lesson.pk}"
    assert link in text_of(lin.get(reverse("lesson-detail", args=[lesson.pk])))

    page = text_of(lin.get(lin.get(link).url))
    assert f'<option value="lesson-{lesson.pk}" selected>第一课</option>' in page
    write(lin, about=f"lesson-{lesson.pk}")
    assert Reflection.objects.get().about == lesson


def test_pages_of_many_take_no_more_queries(enter, city, django_assert_max_num_queries):
    people = [city.enrol(city.jia) for _ in range(12)]
    for number, person in enumerate(people):
        city.people[f"p{number}"] = person
        row = handed(city, f"p{number}", f"k{number}", ONE + str(number))
        if number % 2:
            by = city.actor("zhou", "secretary")
            made = reflection_reading.recommend(row, city.county, reason="好", by=by, at=NOW)
            if number % 4 == 1:
                exemplars.accept(made, by=city.actor("gao", "official"), at=NOW)
    for name, page, query in (
        ("zhou", "reflection-list", {}), ("zhou", "reflection-list", {"show": "decided"}),
        ("gao", "recommended-list", {}), ("gao", "recommended-list", {"show": "decided"}),
        ("wu", "exemplar-list", {}), ("p1", "my-reflections", {}),
    ):  # fmt: skip
        client = enter(name)
        client.get(reverse(page), query)
        with django_assert_max_num_queries(11):
            assert "一件小事" in text_of(client.get(reverse(page), query)), page


def test_the_answer_to_a_script_is_json_alone(enter):
    answer = write(enter("lin"), headers=ACCEPT)

    assert answer.headers["Content-Type"] == "application/json"
    assert set(json.loads(answer.content)) == {"version", "saved"}
