"""Pages of catch-up windows: opened and ended by officials; what came in is counted, not named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from credits import catch_up
from credits.catch_up import Span
from credits.models import CatchUpWindow
from tests.cast import NOW, STARTS, TODAY, days_ago
from tests.credits.conftest import earn

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("evening")]
BODY = {
    "organization": "青川县", "first_day": "2021-03-01", "last_day": "2021-05-31",
    "opens_on": "2021-06-03", "closes_on": "2021-06-10", "reason": "换届期间无人记录",
}  # fmt: skip


@pytest.fixture
def window(city, programme):
    return catch_up.open_(
        programme, city.county, days=Span(STARTS, TODAY), dates=Span(TODAY, TODAY),
        reason="换届", by=city.by, at=NOW,
    )  # fmt: skip


def test_an_official_opens_one_for_a_subtree(city, programme, enter):
    form = enter("gao").get(reverse("window-new")).content.decode()
    assert 'value="中共青川县委员会"' in form
    assert 'value="2021-03-01"' in form

    text = enter("gao").post(reverse("window-new"), BODY, follow=True).content.decode()

    made = CatchUpWindow.objects.get()
    assert (made.organization, made.opened_by) == (city.county, city.people["gao"])
    assert "已开设" in text
    assert "开放中" in text


@pytest.mark.parametrize("where", ["云岭市", "市文化局", "YL-WH-1", "没有的支部"])
def test_mistake_04_none_is_opened_over_what_is_above_or_beside(programme, enter, where):
    response = enter("gao").post(reverse("window-new"), BODY | {"organization": where})

    assert response.status_code == 422
    text = response.content.decode()
    assert "没有找到唯一的党组织" in text
    assert "换届期间无人记录" in text
    assert not CatchUpWindow.objects.exists()


def test_a_refusal_stands_beside_its_field(programme, enter):
    response = enter("gao").post(reverse("window-new"), BODY | {"first_day": "2021-02-01"})

    assert response.status_code == 422
    assert "起止日期（2021-03-01 至 2021-12-31）内" in response.content.decode()


def test_list_and_page_count_what_was_entered_by_branch_and_name_nobody(
    city, programme, post, enter, window, lin, zhou
):
    post(programme, earn(lin, day=days_ago(60)), earn(zhou, day=days_ago(60)))
    post(programme, earn(lin, day=days_ago(59)), earn(city.people["wu"], day=days_ago(59)))

    listed = enter("gao").get(reverse("window-list")).content.decode()
    shown = enter("gao").get(reverse("window-detail", args=[window.pk])).content.decode()

    assert "4 条 · 8 学时 · 3 人" in shown
    rows = [row for row in shown.split("<tr>") if "支部</td>" in row]
    assert ["甲支部" in rows[0], "乙支部" in rows[1], len(rows)] == [True, True, 2]
    assert [cell.split("<")[0] for cell in rows[0].split('<td class="r">')[1:]] == ["3", "6", "2"]
    for text in (listed, shown):
        assert "林小满" not in text
        assert "周明远" not in text


def test_an_official_ends_one_in_one_tap(enter, window):
    enter("gao").post(reverse("window-end", args=[window.pk]))

    window.refresh_from_db()
    assert window.ended_at == NOW
    assert window.ended_by.name == "高望川"
    assert "已终止" in enter("gao").get(reverse("window-list")).content.decode()


def test_the_statement_marks_what_was_entered_late(programme, post, enter, window, lin):
    post(programme, earn(lin, day=days_ago(60)))
    post(programme, earn(lin, day=TODAY, hour=8))

    text = enter("lin").get(reverse("my-hours")).content.decode()

    assert text.count(">补录</span>") == 1


def test_over_windows_of_elsewhere_nothing_is_learnt(city, programme, enter, window):
    other = catch_up.open_(
        programme, city.bureau, days=Span(STARTS, TODAY),
        dates=Span(TODAY, TODAY + timedelta(days=1)), reason="换届", by=city.by, at=NOW,
    )  # fmt: skip

    assert enter("gao").get(reverse("window-detail", args=[other.pk])).status_code == 404
    assert enter("gao").post(reverse("window-end", args=[other.pk])).status_code == 404
    assert "市文化局" not in enter("gao").get(reverse("window-list")).content.decode()
    assert CatchUpWindow.objects.filter(ended_at=None).count() == 2
