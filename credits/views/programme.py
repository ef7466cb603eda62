"""The page of a programme: its state, its rules and their rehearsed change, its permit to rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import figures, programmes, rankings, rule_book, rule_changes, rule_words
from credits.forms import PermitForm, ReasonForm
from credits.models import Form, Programme, RankingPermit
from credits.rule_book import RuleBook
from credits.rule_sets import Rules
from credits.views import archive
from credits.views.shown import address_of, governed
from portal import gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page

ACTS: dict[str, Callable[..., Programme]] = {
    "open": programmes.open_,
    "close-study": programmes.close_study,
    "close-books": programmes.close_books,
}


@require_GET
@gate.required(Capability.GOVERN)
def detail(request: MemberRequest) -> HttpResponse:
    """What governs the programme: dates, state, rules in words, permits."""
    programme = governed(request)
    book, permit_ = rule_book.of(programme), rankings.permit_of(programme)
    context = {
        "programme": programme,
        "programmes": Programme.objects.within(request.scope, Capability.GOVERN),
        "versions": _versions(programme),
        "rules": _rules(programme, book),
        "waiting": rule_changes.waiting(programme) if programme.takes_postings else 0,
        "forms": dict(Form.choices),
        "permits": programme.permits.select_related("by")[:10],
        "permit_form": PermitForm(initial={"level": permit_.level} if permit_ else None),
        "now": figures.of(programme, programme.organiser),
    }
    return page(request, "credits/programme.html", context)


@require_POST
@gate.required(Capability.GOVERN)
def permit(request: MemberRequest) -> HttpResponse:
    """Permit or forbid ranking, resting on a document."""
    programme, form = governed(request), PermitForm(request.POST)
    if not form.is_valid():
        messages.error(request, "请写明排行范围和依据文件。")
        return redirect(address_of(programme))
    level = RankingPermit.Level(form.cleaned_data["level"])
    by = request.scope.actor(Capability.GOVERN)
    programmes.permit(
        programme, level, document=form.cleaned_data["document"], by=by, at=request.at
    )
    messages.success(request, f"已登记：{level.label}。")
    return redirect(address_of(programme))


@require_POST
@gate.required(Capability.GOVERN)
def act(request: MemberRequest) -> HttpResponse:
    """Begin, end the study, close the books, archive."""
    programme, verb = governed(request), ACTS.get(request.POST.get("act", ""))
    if request.POST.get("act") in ("prove", "archive"):
        return archive.begin(request, programme)
    if verb is None:
        messages.error(request, "没有这样的操作。")
        return redirect(address_of(programme))
    try:
        programme = verb(programme, by=request.scope.actor(Capability.GOVERN), at=request.at)
        messages.success(request, f"{programme}：{programme.get_state_display()}。")
    except Refusal as refusal:
        messages.error(request, refusal.message)
    ending = verb is not programmes.open_
    return redirect(address_of(programme, "programme-ending" if ending else "programme"))


@require_http_methods(["GET", "POST"])
@gate.required(Capability.ADMINISTER)
def reopen(request: MemberRequest) -> HttpResponse:
    """Open closed books once more, with a reason: administrators only."""
    programme, form = governed(request), ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.ADMINISTER)
        try:
            reason = form.cleaned_data["reason"]
            programmes.reopen(programme, reason=reason, by=by, at=request.at)
            messages.success(request, "已重新开账。")
            return redirect(address_of(programme))
        except Refusal as refusal:
            form.add_error(None, refusal.message)
    context = {"form": form, "title": f"重新开账：{programme}", "verb": "重新开账"}
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


def _versions(programme: Programme) -> list[dict[str, Any]]:
    """The rule versions, the newest first, each with what it changed."""
    shown: list[dict[str, Any]] = []
    before: Rules | None = None
    for version in programme.rule_versions.select_related("made_by", "programme").order_by(
        "number"
    ):
        parsed = rule_book.parsed(version.rules)
        changes = rule_words.differences(before, parsed) if before else []
        shown.insert(0, {"version": version, "changes": changes})
        before = parsed
    return shown


def _rules(programme: Programme, book: RuleBook) -> Rules | None:
    """The rules that count, or of a draft those that will."""
    if not book.versions:
        return None
    draft = programme.state == Programme.State.DRAFT
    return (book.versions[0] if draft else book.current).rules
