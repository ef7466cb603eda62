"""Pages of book bags: read, downloaded once, kept small; chosen by officials of the place alone."""

from __future__ import annotations

import io
import json
import re
import zipfile

import pytest
from django.conf import settings
from django.urls import reverse

from courses.models import BookBag, Course, Lesson, Material, ReadingRight
from courses.online import book_bags, reading_rights
from tests.cast import NOW
from tests.courses.test_mending_pages import Hand

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clock")]
SMALL = 15 * 1024  # bytes of HTML


@pytest.fixture
def hand(city):
    return lambda name: Hand(city.people[name])


@pytest.fixture
def reading(programme):
    course = Course.objects.create(key="c", title="课程", kind="series", form="online")
    Lesson.objects.create(course=course, key="l", title="火种", form="online", minutes=20,
                          body="没有登记的正文。")  # fmt: skip
    return Material.objects.create(
        course=course, key="m", title="提纲", body="一、开头。\n二、然后。"
    )


@pytest.fixture
def bag(city, reading):
    by = city.actor("gao", "official")
    reading_rights.record(reading, "own", "本单位编写", by=by, at=NOW)
    made = book_bags.make(city.county, slug="one", title="第一辑：读物", by=by, at=NOW)
    book_bags.put_in(made, reading, by=by, at=NOW)
    return book_bags.publish(made, by=by, at=NOW)


def test_a_member_reads_a_bag_and_its_readings(hand, bag):
    member = hand("lin").open(reverse("course-list"))
    member.follow("红色电子书包")
    assert "1</span> 篇读物" in member.text
    member.follow("第一辑：读物")
    assert re.search(r"下载 EPUB（\d\.\d\xa0KB）", member.text)
    member.follow("提纲")
    assert "<p>一、开头。</p>\n<p>二、然后。</p>" in member.text
    assert "传播依据：自行编写。本单位编写" in member.text


def test_a_download_has_a_chinese_name_and_is_sent_once(city, client, bag):
    client.force_login(city.people["wu"], "portal.sign_in.MemberBackend")
    address = reverse("bag-epub", args=["one"])
    first = client.get(address)

    assert first["Content-Type"] == "application/epub+zip"
    assert first["Content-Disposition"] == (
        'attachment; filename="one.epub"; '
        "filename*=UTF-8''%E7%AC%AC%E4%B8%80%E8%BE%91%E8%AF%BB%E7%89%A9.epub"
    )
    with zipfile.ZipFile(io.BytesIO(first.content)) as packed:
        assert packed.testzip() is None
    again = client.get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    assert client.head(address).status_code == 200
    Material.objects.update(body="改过的正文。")
    changed = client.get(address, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_what_is_kept_is_named_completely_and_says_nothing_of_the_reader(city, client, bag):
    person = city.people["lin"]
    client.force_login(person, "portal.sign_in.MemberBackend")
    text = client.get(reverse("bag-detail", args=["one"])).content.decode()
    kept = re.search(r'data-urls="([^"]+)"', text)[1].split()

    item = bag.items.get().pk
    assert [a for a in kept if not a.startswith("/static/")] == [
        "/no-network/", "/bags/one/offline/", f"/bags/one/{item}/1/",
    ]  # fmt: skip
    for address in kept:
        if address.startswith("/static/"):
            continue
        page = client.get(address)
        shown = page.content.decode()
        assert len(page.content) < SMALL
        assert "Set-Cookie" not in page.headers
        for personal in (person.name, person.number, person.key, "csrf", "青川县甲支部"):
            assert personal not in shown, f"{address} says {personal}"
        used = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', shown))
        assert used <= set(kept), address


def test_a_long_reading_is_cut_into_small_pages_that_lead_on(city, client, bag, reading):
    body = "\n".join(f"第{n}段，" + "“党史”学习的一段话。" * 30 for n in range(80))
    Material.objects.filter(pk=reading.pk).update(body=body)
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    address, shown, pages = reverse("bag-reading", args=["one", bag.items.get().pk, 1]), "", 0
    while address:
        page = client.get(address)
        assert len(page.content) <= SMALL
        text, pages = page.content.decode(), pages + 1
        shown += "\n".join(re.findall(r"<p>(.*?)</p>", text)) + "\n"
        follows = re.search(r'href="([^"]+)">下一页', text)
        address = follows and follows[1]
    assert pages > 3
    assert shown.strip() == body
    assert (
        client.get(reverse("bag-reading", args=["one", bag.items.get().pk, 99])).status_code == 404
    )


def test_texts_are_shown_as_text(city, client, bag, reading):
    Material.objects.filter(pk=reading.pk).update(body="<script>alert(1)</script>")
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    page = client.get(reverse("bag-reading", args=["one", bag.items.get().pk, 1])).content.decode()
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in page


def test_a_page_of_a_reading_is_sent_again_only_when_it_has_changed(hand, bag):
    browser = hand("lin").open(reverse("home")).browser
    address = reverse("bag-reading", args=["one", bag.items.get().pk, 1])
    tag = browser.get(address)["ETag"]
    assert browser.get(address, headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("name", ["bag-detail", "bag-epub", "bag-offline"])
def test_a_bag_that_is_not_published_is_not_there_for_members(city, client, bag, name):
    book_bags.withdraw(bag, by=city.by, at=NOW)
    client.force_login(city.people["lin"], "portal.sign_in.MemberBackend")
    assert client.get(reverse(name, args=["one"])).status_code == 404
    assert "还没有书包" in client.get(reverse("bag-list")).content.decode()


def test_the_service_worker_answers_for_the_whole_site_and_is_asked_anew_each_time(client):
    answer = client.get("/service-worker.js")

    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cache-Control"] == "no-cache"
    assert answer["Service-Worker-Allowed"] == "/"
    assert answer.content == (settings.BASE_DIR / "static/service-worker.js").read_bytes()
    assert len(answer.content.splitlines()) <= 60, "a few dozen lines"
    again = client.get("/service-worker.js", headers={"if-none-match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "worker-src 'self'" in answer["Content-Security-Policy"]
    assert "'unsafe" not in answer["Content-Security-Policy"]


def test_the_addresses_in_the_service_worker_are_those_of_the_portal():
    text = (settings.BASE_DIR / "static/service-worker.js").read_text()
    written = set(re.findall(r'"(/[a-z-]+/)"', text))
    names = ("sign-in", "sign-out", "sign-out-everywhere", "no-network")
    assert written == {reverse(name) for name in names}
    kept = (settings.BASE_DIR / "static/keep.js").read_text()
    assert 'register("/service-worker.js"' in kept
    assert "`/bags/${slug}/offline/`" in kept
    assert reverse("bag-offline", args=["x"]) == "/bags/x/offline/"
    assert "`/lessons/${slug}/`" in kept
    assert reverse("lesson-detail", args=[5]) == "/lessons/5/"


def test_the_manifest_names_icons_that_are_there(client):
    answer = client.get("/manifest.webmanifest")
    said = json.loads(answer.content)

    assert answer["Content-Type"] == "application/manifest+json"
    assert (said["display"], said["start_url"]) == ("standalone", "/")
    assert said["name"]
    assert said["short_name"]
    assert {icon["sizes"] for icon in said["icons"]} == {"any", "192x192", "512x512"}
    for icon in said["icons"]:
        assert (settings.BASE_DIR / icon["src"].removeprefix("/")).is_file()
    page = client.get(reverse("sign-in")).content.decode()
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page


def test_an_official_makes_fills_and_publishes_a_bag(city, hand, reading):
    desk = hand("gao").open(reverse("bag-list"))
    desk.follow("编选书包")
    desk.send("建立", title="第一辑", slug="first", organization=city.county.pk, summary="")
    assert "书包已建立" in desk.text
    desk.send("发布")
    assert "放进至少一篇再发布" in desk.text
    above = hand("shi").open(reverse("reading-rights"))
    above.browser.post(
        above.at, {"reading": f"material-{reading.pk}", "kind": "own", "source": "本单位编写"}
    )
    bag = BookBag.objects.get()
    desk.open(reverse("bag-edit", args=[bag.pk]))
    desk.send("放入", reading=f"material-{reading.pk}")
    assert "已放入《提纲》" in desk.text
    desk.send("发布")
    assert "书包现在是已发布状态" in desk.text
    assert "第一辑" in hand("lin").open(reverse("bag-list")).text


def test_what_has_no_right_recorded_cannot_be_put_in_by_a_forged_form(city, client, bag):
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    lesson = Lesson.objects.get()
    body = {"reading": f"lesson-{lesson.pk}"}
    page = client.post(reverse("bag-put", args=[bag.pk]), body, follow=True)

    assert "《火种》还没有登记传播依据" in page.content.decode()
    assert bag.items.count() == 1


def test_rights_are_recorded_reworded_and_taken_back_on_one_page(city, client, bag, reading):
    client.force_login(city.people["shi"], "portal.sign_in.MemberBackend")
    address, lesson = reverse("reading-rights"), Lesson.objects.get()
    listed = client.get(f"{address}?only=missing").content.decode()
    assert "火种" in listed
    assert "提纲" not in listed
    body = {"reading": f"lesson-{lesson.pk}", "kind": "", "source": "自编的"}
    refused = client.post(address, body)
    assert refused.status_code == 422
    assert 'value="自编的"' in refused.content.decode()
    client.post(address, body | {"kind": "own"})
    assert lesson.right.by == city.people["shi"]
    address = reverse("right-revoke", args=[reading.right.pk])
    client.post(address, {"reason": ""})
    assert ReadingRight.objects.count() == 2
    page = client.post(address, {"reason": "授权到期"}, follow=True)
    assert "已从 1 个书包取出" in page.content.decode()
    bag.refresh_from_db()
    assert not bag.is_published


def test_of_the_rights_to_a_lesson_decides_who_governs_its_organisation(city, client, bag, reading):
    """The syllabus is the city's; a county decides of what it and its branches have written."""
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    made = {
        place.name: Lesson.objects.create(
            course=reading.course, organiser=place, key=place.code.lower(), title=f"{place}的课",
            form="online", minutes=20, body="正文。",
        )
        for place in (city.jia, city.bing)
    }  # fmt: skip
    beside = Material.objects.create(
        course=reading.course, lesson=made["青川县甲支部"], key="beside", title="甲的提纲",
        body="正文。",
    )  # fmt: skip
    address = reverse("reading-rights")

    listed = client.get(address).content.decode()
    assert "青川县甲支部的课" in listed
    assert "甲的提纲" in listed
    for title in ("丙支部的课", "火种", f'value="material-{reading.pk}"'):
        assert title not in listed
    body = {"kind": "own", "source": "自编"}
    for other in (f"lesson-{made['市文化局丙支部'].pk}", f"material-{reading.pk}"):
        refused = client.post(address, body | {"reading": other})
        assert refused.status_code == 422
        assert "不由您登记" in refused.content.decode()
    for own in (f"lesson-{made['青川县甲支部'].pk}", f"material-{beside.pk}"):
        client.post(address, body | {"reading": own})
    assert ReadingRight.objects.count() == 3
    said = {"reason": "授权到期"}
    assert client.post(reverse("right-revoke", args=[reading.right.pk]), said).status_code == 404
    client.post(reverse("right-revoke", args=[beside.right.pk]), said)
    assert ReadingRight.objects.count() == 2
    bag.refresh_from_db()
    assert bag.is_published


@pytest.mark.parametrize(
    "said", ["", "lesson-", "lesson-x", "course-1", "lesson-99999999999999999999"]
)
def test_a_form_that_names_no_reading_changes_nothing(city, client, bag, said):
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    page = client.post(reverse("bag-put", args=[bag.pk]), {"reading": said}, follow=True)
    assert "请选择要放入的读物" in page.content.decode()
    said = {"reading": said, "kind": "own", "source": "x"}
    assert client.post(reverse("reading-rights"), said).status_code == 422


def test_the_buttons_of_a_reading_act_on_that_reading(city, client, bag):
    by, client.cookies = city.actor("gao", "official"), client.cookies
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    lesson, address = Lesson.objects.get(), reverse("bag-act", args=[bag.pk])
    reading_rights.record(lesson, "own", "自编", by=by, at=NOW)
    item = book_bags.put_in(bag, lesson, by=by, at=NOW)

    client.post(address, {"act": "up", "item": item.pk})
    assert [str(one) for one in bag.items.all()] == ["火种", "提纲"]
    client.post(address, {"act": "out", "item": item.pk})
    assert [str(one) for one in bag.items.all()] == ["提纲"]
    for body in ({"act": "out", "item": "x"}, {"act": "up", "item": item.pk}, {"act": "burn"}):
        page = client.post(address, body, follow=True)
        assert 'class="note bad"' in page.content.decode()
    assert bag.items.count() == 1


def test_an_official_of_another_unit_reaches_no_bag_of_the_county(city, client, bag):
    """gao governs the county, not the bureau."""
    other = book_bags.make(city.bureau, slug="two", title="第二辑", by=city.by, at=NOW)
    client.force_login(city.people["gao"], "portal.sign_in.MemberBackend")
    assert client.get(reverse("bag-edit", args=[other.pk])).status_code == 404
    assert "第二辑" not in client.get(reverse("bag-desk")).content.decode()
    body = {"title": "书包", "slug": "three", "organization": city.bureau.pk}
    assert client.post(reverse("bag-desk"), body).status_code == 422
    assert BookBag.objects.count() == 2
