"""Anybody with the paper in hand can check it, and learns nothing else."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from credits import bulletins, certificates
from credits.models import BulletinRow, Standing
from portal.models import Cohort
from tests.cast import NOW
from tests.credits.guards import behind_the_guards

pytestmark = [pytest.mark.django_db, pytest.mark.both, pytest.mark.usefixtures("evening")]


@pytest.fixture
def bulletin(city, programme):
    by = city.actor("shi", "official")
    draft = bulletins.draw_up(programme, title="通报", cohorts=[Cohort.COUNTY], by=by, at=NOW)
    return bulletins.publish(draft, seen_version=draft.version, by=by, at=NOW)


@pytest.fixture
def certificate(city, programme, complete, lin):
    complete(programme, lin)
    by = city.actor("zhou", "secretary")
    return certificates.issue(Standing.objects.get(member=lin), by=by, at=NOW)


def ask(**given):
    answer = Client().get(reverse("paper-check"), given)
    assert "no-store" in answer["Cache-Control"]
    return answer.status_code, answer.content.decode()


def test_number_and_code_of_a_published_bulletin_agree(bulletin):
    code = bulletin.code.upper().replace("-", " ")

    status, text = ask(year=2021, number=1, code=code)

    assert status == 200
    assert "2021 年第 1 期由本平台于2021年6月3日发布，期号和核验码一致。" in text


@pytest.mark.parametrize("wrong", [{"year": 2020}, {"number": 2}, {"code": "0000-0000-0000"}])
def test_a_wrong_number_or_code_agrees_with_nothing(bulletin, wrong):
    given = {"year": 2021, "number": 1, "code": bulletin.code} | wrong

    _, text = ask(**given)

    assert "没有与这个期号和核验码相符的通报" in text
    assert "党史学习教育积分通报" not in text


def test_a_number_that_was_withdrawn_says_since_when(bulletin, city):
    by = city.actor("shi", "official")
    bulletins.withdraw(bulletin, reason="数字有误", by=by, at=NOW)

    _, text = ask(year=2021, number=1, code=bulletin.code)

    assert "已于2021年6月3日撤回" in text
    assert "数字有误" not in text


def test_figures_that_were_changed_in_the_database_are_not_vouched_for(bulletin):
    row = BulletinRow.objects.filter(bulletin=bulletin).first()
    behind_the_guards(f"UPDATE credits_bulletinrow SET hours = hours + 1 WHERE id = {row.pk}")

    _, text = ask(year=2021, number=1, code=bulletin.code)

    assert "与发布时不一致" in text


def test_a_certificate_is_valid_until_it_is_revoked(certificate, city):
    given = {"certificate": certificate.number, "code": certificate.code}
    _, text = ask(**given)
    assert "证明有效，2021年6月3日签发。" in text
    certificates.revoke(certificate, reason="误发", by=city.actor("zhou", "secretary"), at=NOW)

    _, text = ask(**given)

    assert "自2021年6月3日起撤销，现在无效。" in text
    for hidden in ("误发", "林小满", "甲支部"):
        assert hidden not in text


def test_a_certificates_number_alone_tells_nothing(certificate):
    _, text = ask(certificate=certificate.number, code="0000-0000-0000")

    assert "没有与这个编号和核验码相符的证明" in text
    assert "证明有效" not in text


@pytest.mark.parametrize("given", [{"year": "x", "number": "1", "code": "1"}, {"number": ""},
                                   {"certificate": "", "code": ""}])  # fmt: skip
def test_what_is_missing_or_no_number_is_named_and_kept(programme, given):
    status, text = ask(**given)

    assert status == 422
    assert "is-invalid" in text
