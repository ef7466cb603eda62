"""The public page on which anybody checks a printed bulletin or certificate: it says whether paper
and system agree, and nothing that does not stand on the paper."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from credits import bulletins
from credits.models import Bulletin, Certificate
from portal import gate
from portal.rendering import page
from portal.templatetags.portal import whole_day

State = Certificate.State


class BulletinCheckForm(forms.Form):
    year = forms.IntegerField(label="年度", min_value=2000, max_value=9999)
    number = forms.IntegerField(label="期号", min_value=1, max_value=9999)
    code = forms.CharField(label="核验码", max_length=20)


class CertificateCheckForm(forms.Form):
    certificate = forms.CharField(label="证明编号", max_length=80)
    code = forms.CharField(label="核验码", max_length=20)


@dataclass(frozen=True)
class Answer:
    """What the page says. kind: good, wait (not valid now) or bad."""

    kind: str
    text: str


@require_GET
@never_cache
@gate.public("whoever holds a printed bulletin or certificate may check it")
def check(request: HttpRequest) -> HttpResponse:
    """Check number and code of a bulletin, or of a certificate."""
    asked = request.GET
    of_bulletin = BulletinCheckForm(asked if "number" in asked else None)
    of_certificate = CertificateCheckForm(
        asked if "certificate" in asked else None, auto_id="id_certificate_%s"
    )
    answer = None
    if of_bulletin.is_valid():
        answer = _bulletin(**of_bulletin.cleaned_data)
    elif of_certificate.is_valid():
        answer = _certificate(**of_certificate.cleaned_data)
    context = {"bulletin_form": of_bulletin, "certificate_form": of_certificate, "answer": answer}
    wrong = of_bulletin.errors or of_certificate.errors
    return page(request, "credits/check.html", context, status=422 if wrong else 200)


def _bulletin(year: int, number: int, code: str) -> Answer:
    rows = Bulletin.objects.filter(year=year, number=number)
    for bulletin in rows.select_related("programme", "withdrawal", "replaced_by"):
        if not _same(bulletin.code, code):
            continue
        if bulletins.digest_of(bulletin) != bulletin.digest:
            return Answer("bad", "系统里的这一期与发布时不一致，请联系编发机关核实。")
        withdrawal = getattr(bulletin, "withdrawal", None)
        if withdrawal:
            other = getattr(bulletin, "replaced_by", None)
            later = f"，由 {other.year} 年第 {other.number} 期替代" if other else ""
            return Answer(
                "wait", f"{bulletin}确由本平台发布，已于{whole_day(withdrawal.at)}撤回{later}。"
            )
        said = f"{bulletin}由本平台于{whole_day(bulletin.published_at)}发布，期号和核验码一致。"
        return Answer("good", said)
    return Answer("bad", "没有与这个期号和核验码相符的通报，请对照纸面核对。")


def _certificate(certificate: str, code: str) -> Answer:
    found = Certificate.objects.filter(number=certificate.strip()).first()
    if found is None or not _same(found.code, code):
        return Answer("bad", "没有与这个编号和核验码相符的证明，请对照纸面核对。")
    if found.state == State.VALID:
        return Answer("good", f"证明有效，{whole_day(found.issued_at)}签发。")
    last = found.events.order_by("-pk").values_list("at", flat=True).first()
    since = f"，自{whole_day(last)}起" if last else ""
    return Answer("wait", f"证明确由本平台签发{since}{found.get_state_display()}，现在无效。")


def _same(code: str, given: str) -> bool:
    plain = "".join(given.lower().split()).replace("-", "")
    return constant_time_compare(code.replace("-", ""), plain)
