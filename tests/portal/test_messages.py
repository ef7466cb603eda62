"""Messages: sent once, read by their receiver alone; e-mail only where it was chosen."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, transaction
from django.urls import reverse

from portal import mail, messages
from portal.messages import Letter
from portal.models import AuditEvent, MailChoice, Message
from portal.refusals import Refusal
from tests.cast import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.both]


def letter(member, key="2021-W22", text="还差 2 学时。", **values):
    return Letter(member.pk, "weekly", key, "学习提醒", text, **values)


def send(*letters, at=NOW):
    messages.send_many(letters, at=at)


def as_it_stands(batch):
    return {m.pk: m.text for m in batch}


@pytest.fixture
def by_mail(settings, city, lin):
    """E-mail is on, and 林小满 has chosen it."""
    settings.MAIL_ON = True
    messages.choose_mail("lin@example.org", wanted=True, by=city.actor("lin"), at=NOW)
    return lin


def states():
    return list(Message.objects.order_by("pk").values_list("mail", flat=True))


# --- Once


def test_the_same_matter_is_told_once(lin, wu):
    send(letter(lin), letter(wu))
    send(letter(lin, text="另一种说法"), letter(lin, "2021-W23"), at=NOW + timedelta(days=7))

    assert list(lin.messages.order_by("pk").values_list("key", "text")) == [
        ("2021-W22", "还差 2 学时。"),
        ("2021-W23", "还差 2 学时。"),
    ]
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(member=wu, kind="weekly", key="2021-W22", text="x", made_at=NOW)


@pytest.mark.parametrize("link", ["https://elsewhere.example/", "//elsewhere.example/", "x"])
def test_a_message_leads_into_the_portal_only(lin, link):
    with pytest.raises(ValueError, match="leads into the portal only"):
        send(letter(lin, link=link))
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"text": ""},
        {"read_at": NOW - timedelta(days=1)},
        {"mail": "sending"},
        {"mail": "waiting", "mail_at": NOW},
    ],
)
def test_the_database_refuses_what_contradicts_itself(lin, values):
    whole = {"member": lin, "kind": "weekly", "key": "k", "text": "x", "made_at": NOW}
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(**(whole | values))


# --- Reading


def test_reading_marks_ones_own_message_and_the_first_time_counts(city, lin):
    send(letter(lin))
    message = lin.messages.get()
    assert lin.messages.unread().count() == 1
    messages.read(message, by=city.actor("lin"), at=NOW)
    messages.read(message, by=city.actor("lin"), at=NOW + timedelta(days=1))
    message.refresh_from_db()
    assert (message.read_at, lin.messages.unread().count()) == (NOW, 0)


def test_nobody_reads_for_others(city, lin, client, zhou):
    send(letter(lin))
    message = lin.messages.get()
    with pytest.raises(Refusal):
        messages.read(message, by=city.actor("zhou", "secretary"), at=NOW)
    messages.read_all(by=city.actor("zhou", "secretary"), at=NOW)
    client.force_login(zhou, "portal.sign_in.MemberBackend")
    assert client.post(reverse("message-read", args=[message.pk])).status_code in (403, 404)
    assert "还差 2 学时" not in client.get(reverse("message-list")).content.decode()
    assert lin.messages.unread().count() == 1


def test_the_page_shows_what_is_unread_first_and_opens_it_with_one_tap(client, city, lin):
    send(letter(lin, "a", "旧的", link="/warnings/mine/"), letter(lin, "b", "新的"))
    old, new = lin.messages.order_by("pk")
    messages.read(new, by=city.actor("lin"), at=NOW)
    client.force_login(lin, "portal.sign_in.MemberBackend")
    said = client.get(reverse("message-list")).content.decode()
    assert said.index("旧的") < said.index("新的")
    answer = client.post(reverse("message-read", args=[old.pk]))
    assert answer["Location"] == "/warnings/mine/"
    assert lin.messages.unread().count() == 0


def test_all_are_marked_at_once(client, lin):
    send(letter(lin, "a"), letter(lin, "b"))
    client.force_login(lin, "portal.sign_in.MemberBackend")
    client.post(reverse("message-read-all"))
    assert lin.messages.unread().count() == 0


def test_messages_are_kept_for_a_year(lin):
    send(letter(lin, "a"))
    send(letter(lin, "b"), at=NOW + timedelta(days=200))
    assert messages.expire(at=NOW + messages.KEPT) == 0
    assert messages.expire(at=NOW + messages.KEPT + timedelta(minutes=1)) == 1
    assert lin.messages.get().key == "b"


# --- Choosing e-mail


@pytest.mark.parametrize("email", ["", "  ", "kein", "a@b", "a@b.cn\nBcc: x@y.cn", "x" * 300])
def test_wanting_e_mail_needs_an_address(city, lin, email):
    with pytest.raises(Refusal) as refused:
        messages.choose_mail(email, wanted=True, by=city.actor("lin"), at=NOW)
    assert refused.value.field == "email"
    assert not MailChoice.objects.exists()
    lin.refresh_from_db()
    assert lin.email == ""


def test_the_choice_is_made_and_taken_back_on_a_page(client, lin):
    client.force_login(lin, "portal.sign_in.MemberBackend")
    address = reverse("message-by-mail")
    refused = client.post(address, {"email": "kein", "wanted": "on"})
    assert refused.status_code == 422
    assert "kein" in refused.content.decode()
    client.post(address, {"email": "lin@example.org", "wanted": "on"})
    assert lin.mail_choice
    client.post(address, {"email": "lin@example.org"})
    assert not MailChoice.objects.exists()
    trail = "".join(str(e.subject) + str(e.detail) for e in AuditEvent.objects.all())
    assert "邮件提醒：开" in trail
    assert "lin@example.org" not in trail


# --- Sending


def test_only_those_who_chose_it_get_an_e_mail(by_mail, wu, city):
    wu.email = "wu@example.org"  # known, but not chosen
    wu.save()
    send(letter(by_mail), letter(wu))
    assert mail.send_waiting("weekly", as_it_stands, at=NOW) == 1
    [sent] = outbox.outbox
    assert sent.to == ["lin@example.org"]
    assert (sent.subject, "学时" in sent.subject) == (mail.SUBJECT, False)
    assert sent.body.startswith("还差 2 学时。")
    assert states() == ["sent", ""]


def test_nothing_is_sent_where_no_server_is_set(by_mail, settings):
    send(letter(by_mail, "a"))
    settings.MAIL_ON = False
    send(letter(by_mail, "b"))
    assert mail.send_waiting("weekly", as_it_stands, at=NOW) == 0
    assert outbox.outbox == []
    assert states() == ["waiting", ""]


def test_whoever_changed_their_mind_left_or_was_helped_meanwhile_gets_none(by_mail, city, wu,
                                                                          zheng):  # fmt: skip
    for key in ("wu", "zheng"):
        messages.choose_mail(f"{key}@example.org", wanted=True, by=city.actor(key), at=NOW)
    send(letter(by_mail), letter(wu), letter(zheng))
    messages.choose_mail("wu@example.org", wanted=False, by=city.actor("wu"), at=NOW)
    zheng.is_active = False
    zheng.save()
    assert mail.send_waiting("weekly", lambda batch: {}, at=NOW) == 0
    assert outbox.outbox == []
    assert states() == ["dropped", "dropped", "dropped"]


def test_what_waited_for_days_is_no_news(by_mail):
    send(letter(by_mail))
    assert mail.send_waiting("weekly", as_it_stands, at=NOW + timedelta(days=5)) == 0
    assert states() == ["dropped"]


def test_mistake_34_an_e_mail_goes_out_once_even_if_the_worker_dies(by_mail, monkeypatch):
    """It is marked before it is sent; what became of it then is unknown, and it is not repeated."""
    send(letter(by_mail))

    class Killed(BaseException):
        pass

    def die(self, *args, **kwargs):
        assert states() == ["sending"]
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("django.core.mail.EmailMessage.send", die)
        with pytest.raises(Killed):
            mail.send_waiting("weekly", as_it_stands, at=NOW)
    for hours in (0.1, 2, 3):
        assert mail.send_waiting("weekly", as_it_stands, at=NOW + timedelta(hours=hours)) == 0
    assert outbox.outbox == []
    assert states() == ["unknown"]


def test_a_server_that_does_not_answer_is_asked_again_later(by_mail, monkeypatch, caplog):
    send(letter(by_mail))
    with monkeypatch.context() as patched:
        patched.setattr(
            "django.core.mail.backends.locmem.EmailBackend.open", _refuse, raising=False
        )
        assert mail.send_waiting("weekly", as_it_stands, at=NOW) == 0
    assert states() == ["waiting"]
    assert mail.send_waiting("weekly", as_it_stands, at=NOW) == 1


@pytest.mark.parametrize(
    ("error", "second"),
    [
        (smtplib.SMTPRecipientsRefused({"lin@example.org": (550, b"no")}), "sent"),
        (smtplib.SMTPServerDisconnected("lin@example.org"), "waiting"),
    ],
)
def test_a_refusal_is_not_repeated_and_no_address_stands_in_the_log(by_mail, city, wu, caplog,
                                                                   monkeypatch, error,
                                                                   second):  # fmt: skip
    messages.choose_mail("wu@example.org", wanted=True, by=city.actor("wu"), at=NOW)
    send(letter(by_mail), letter(wu))
    whole = outbox.EmailMessage.send

    def refuse(self, *args, **kwargs):
        if self.to == ["lin@example.org"]:
            raise error
        return whole(self, *args, **kwargs)

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    mail.send_waiting("weekly", as_it_stands, at=NOW)
    assert states() == ["unknown", second]
    assert caplog.text
    assert "example.org" not in caplog.text


def _refuse(self):
    raise ConnectionRefusedError("mail.example.org")
