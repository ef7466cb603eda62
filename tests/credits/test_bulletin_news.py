"""News of a published bulletin: officials by e-mail and feed, secretaries their own unit's line."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.urls import reverse

from credits import bulletin_news, bulletins, feed_keys
from credits.models import FeedKey
from portal import appointments, messages
from portal.models import AuditEvent, Cohort, Message, Role
from tests.cast import NOW, TODAY

pytestmark = [pytest.mark.django_db, pytest.mark.both]
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def shi(city):
    return city.actor("shi", "official")


@pytest.fixture
def publish(programme, shi):
    def make(title="六月通报", at=NOW, cohorts=(Cohort.COUNTY, Cohort.MUNICIPAL)):
        draft = bulletins.draw_up(programme, title=title, cohorts=cohorts, by=shi, at=at)
        return bulletins.publish(draft, seen_version=draft.version, by=shi, at=at)

    return make


def told():
    return {m.member.name: m for m in Message.objects.filter(key__startswith="bulletin:")}


def test_officials_hear_of_it_and_secretaries_their_own_unit_s_line(
    city, programme, complete, publish
):
    complete(programme, city.people["wu"])
    bulletin = publish()
    bulletin_news.tell(at=LATER)

    found = told()
    assert set(found) == {"高望川", "石市成", "周明远", "郑书棋"}
    assert found["石市成"].text == f"{bulletin}已发布：六月通报。"
    for secretary in ("周明远", "郑书棋"):
        text = found[secretary].text
        assert "青川县：学满 1/4 人，学满率 25.0%，同类第 1 名" in text
        assert "市文化局" not in text
        assert "吴远舟" not in text
    assert {m.link for m in found.values()} == {reverse("bulletin-detail", args=[bulletin.pk])}


def test_nobody_is_told_twice_and_old_numbers_are_no_news(city, publish):
    publish()
    assert bulletin_news.tell(at=LATER) == 4
    assert bulletin_news.tell(at=LATER) == 0
    publish(at=NOW - timedelta(days=8))
    assert bulletin_news.tell(at=LATER) == 0
    assert Message.objects.filter(key__startswith="bulletin:").count() == 4


def test_a_unit_that_is_not_in_it_is_told_nothing(publish):
    publish(cohorts=[Cohort.MUNICIPAL])
    bulletin_news.tell(at=LATER)
    assert set(told()) == {"高望川", "石市成"}


def test_a_withdrawn_number_is_no_news(publish, shi):
    bulletins.withdraw(publish(), reason="有误", by=shi, at=NOW)
    assert bulletin_news.tell(at=LATER) == 0


@pytest.fixture
def by_mail(city, settings):
    settings.MAIL_ON = True
    for name in ("shi", "zhou"):
        by = city.actor(name)
        messages.choose_mail(f"{name}@example.org", wanted=True, by=by, at=NOW)


def test_an_official_who_chose_so_gets_it_by_e_mail_and_a_secretary_does_not(by_mail, publish):
    publish()
    bulletin_news.tell(at=LATER)
    assert bulletin_news.mail(at=LATER) == 1
    assert bulletin_news.mail(at=LATER) == 0
    assert [letter.to for letter in mail.outbox] == [["shi@example.org"]]
    assert "六月通报" in mail.outbox[0].body
    assert told()["周明远"].mail == Message.Mail.NONE


def test_what_was_withdrawn_before_it_was_sent_is_not_sent(by_mail, publish, shi):
    bulletin = publish()
    bulletin_news.tell(at=LATER)
    bulletins.withdraw(bulletin, reason="有误", by=shi, at=LATER)
    assert bulletin_news.mail(at=LATER) == 0
    assert not mail.outbox


# --- The feed -----------------------------------------------------------------------------------


def feed_of(client, secret):
    return client.get(reverse("bulletin-feed", args=[secret]))


@pytest.mark.usefixtures("evening")
def test_the_feed_says_titles_numbers_and_links_and_nothing_else(publish, shi, client, programme):
    bulletin = publish()
    withdrawn = publish(title="有误的一期")
    bulletins.withdraw(withdrawn, reason="有误", by=shi, at=NOW)
    response = feed_of(client, feed_keys.make(by=shi, at=NOW))

    assert response.headers["Content-Type"].startswith("application/atom+xml")
    text = response.content.decode()
    assert f"<title>{bulletin}：六月通报</title>" in text
    assert f"http://testserver{reverse('bulletin-detail', args=[bulletin.pk])}" in text
    for unsaid in ("青川县", "学满", "有误的一期", bulletin.code, "石市成"):
        assert unsaid not in text


@pytest.mark.usefixtures("evening")
def test_an_address_is_void_once_it_is_replaced_revoked_or_the_office_ended(
    city, shi, client, publish
):
    publish()
    first = feed_keys.make(by=shi, at=NOW)
    second = feed_keys.make(by=shi, at=NOW)
    assert feed_of(client, first).status_code == 404
    assert feed_of(client, second).status_code == 200
    feed_keys.revoke(by=shi, at=NOW)
    assert feed_of(client, second).status_code == 404

    gao = city.actor("gao", "official")
    third = feed_keys.make(by=gao, at=NOW)
    assert feed_of(client, third).status_code == 200
    [seat] = city.people["gao"].appointments.filter(role=Role.OFFICIAL)
    appointments.end(seat, on=TODAY, by=city.by, at=NOW)
    assert feed_of(client, third).status_code == 404
    assert feed_of(client, "x").status_code == 404


def test_a_secret_is_kept_as_a_hash_only(shi):
    secret = feed_keys.make(by=shi, at=NOW)
    kept = FeedKey.objects.get()
    assert secret not in (kept.digest, str(kept.pk))
    assert not AuditEvent.objects.filter(subject__contains=secret).exists()


@pytest.mark.usefixtures("evening")
def test_the_page_shows_the_address_once(city, enter):
    browser, address = enter("shi"), reverse("feed-choose")
    made = browser.post(address, {"act": "make"}).content.decode()
    assert "/feeds/bulletins/" in made
    assert "/feeds/bulletins/" not in browser.get(address).content.decode()
    browser.post(address, {"act": "revoke"})
    assert not FeedKey.objects.exists()
    assert enter("zhou").get(address).status_code == 403
