"""Pages of the published score bulletins; those of drafts show the same in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from credits import bulletin_texts, bulletins, check_codes, paper_files, papers, rankings
from credits.forms import ReasonForm
from credits.models import Bulletin, BulletinDraft, View
from credits.view_charts import Charts
from credits.views.shown import programme_of
from portal import gate
from portal.access import Capability
from portal.forms import refuse
from portal.gate import MemberRequest
from portal.refusals import Refusal
from portal.rendering import page, tag_of, unchanged


@require_GET
@gate.required(Capability.SEE_RANKINGS, replica=True)
def list_(request: MemberRequest) -> HttpResponse:
    """Published numbers, newest first; drafts for those who publish."""
    programme = programme_of(request)
    may_publish = request.scope.can(Capability.PUBLISH, programme.scope_path)
    context = {
        "programme": programme,
        "bulletins": Bulletin.objects.filter(programme=programme).select_related("withdrawal"),
        "may_publish": may_publish,
        "drafts": programme.drafts.filter(bulletin=None) if may_publish else (),
    }
    return page(request, "credits/bulletin_list.html", context)


@require_GET
@gate.required(Capability.SEE_RANKINGS, replica=True)
def detail(request: MemberRequest, bulletin: int) -> HttpResponse:
    """A published number with its four views, from its own rows alone."""
    rows = Bulletin.objects.select_related(
        "programme", "withdrawal", "previous", "replaces", "replaced_by"
    )
    number = rows.filter(pk=bulletin).first()
    if number is None:
        return page(request, "404.html", status=404)
    if answer := not_permitted(request, number):
        return answer
    programme, withdrawal = number.programme, getattr(number, "withdrawal", None)
    may_publish = request.scope.can(Capability.PUBLISH, programme.scope_path)
    # Its own rows and texts never change: they are what the digest is over.
    tag = tag_of(
        request, number.digest, withdrawal and withdrawal.pk, papers.replacement(number),
        programme.name, programme.state, may_publish,
        request.scope.has(Capability.SEE_FIGURES), rankings.unit_of(request.user),
    )  # fmt: skip
    if answer := unchanged(request, tag):
        return answer
    texts = {t.view: t.text for t in number.texts.all()}
    said = {t.unit_id: t.text for t in number.unit_texts.all()}
    context = shown(request, bulletins.published(number), texts, said) | {
        "bulletin": number,
        "programme": programme,
        "title": number.title,
        "image": check_codes.of_number(number.year, number.number, number.code),
        "withdrawal": withdrawal,
        "replacement": papers.replacement(number),
        "may_publish": may_publish,
        "files": paper_files.KINDS if request.scope.has(Capability.SEE_FIGURES) else {},
    }
    return page(request, "credits/bulletin.html", context, tag=tag)


@require_http_methods(["GET", "POST"])
@gate.required(Capability.PUBLISH)
def withdraw(request: MemberRequest, bulletin: int) -> HttpResponse:
    """Take a published number back, with a reason."""
    rows = Bulletin.objects.select_related("programme__organiser")
    number = gate.get(rows, request.scope, Capability.PUBLISH, pk=bulletin)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        by = request.scope.actor(Capability.PUBLISH)
        try:
            bulletins.withdraw(number, reason=form.cleaned_data["reason"], by=by, at=request.at)
            messages.success(request, f"已撤回：{number}。")
            return redirect("bulletin-detail", bulletin)
        except Refusal as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "title": f"撤回：{number}",
        "verb": "撤回",
        "warning": "撤回后期号不再使用；更正的内容请另发一期。",
    }
    return page(request, "portal/form.html", context, status=422 if form.errors else 200)


@require_POST
@gate.required(Capability.SEE_FIGURES)
def paper(request: MemberRequest, bulletin: int) -> HttpResponse:
    """Have a published number written as a file: PDF, Word, spreadsheet."""
    number = get_object_or_404(Bulletin.objects.select_related("programme"), pk=bulletin)
    here = reverse("bulletin-detail", args=[bulletin])
    return written(request, number, Capability.SEE_FIGURES, here)


def written(
    request: MemberRequest, source: Bulletin | BulletinDraft, needed: Capability, here: str
) -> HttpResponse:
    """Have a worker write one kind of file, and show how far that is."""
    try:
        job = paper_files.later(
            source,
            request.POST.get("kind", ""),
            copies=request.POST.get("copies", ""),
            by=request.scope.actor(needed),
            at=request.at,
            back_url=here,
        )
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return redirect(here)
    return redirect("job-detail", job.pk)


def not_permitted(request: MemberRequest, shown: Bulletin | BulletinDraft) -> HttpResponse | None:
    """The page that says why, once the programme of a draft or a number ranks no more: what was
    published stays as it is, but its ranks and movements are shown to nobody."""
    check = rankings.check_permitted if isinstance(shown, Bulletin) else bulletins.check_writable
    try:
        check(shown.programme)
    except Refusal as refusal:
        context = {"programme": shown.programme, "reason": refusal.message}
        return page(request, "credits/not_permitted.html", context)
    return None


def shown(
    request: MemberRequest,
    figures: bulletins.Figures,
    texts: Mapping[str, str],
    said: Mapping[int, str],
) -> dict[str, Any]:
    """The four views of figures and texts, the same for draft and published number. said: what
    units to learn from wrote, by unit."""
    unit = rankings.unit_of(request.user)
    own = unit.pk if unit else None
    charts = Charts(figures, own)
    return {
        "figures": figures,
        "tables": [
            (label, [(row, [column.text(row) for column in figures.more]) for row in rows])
            for label, rows in figures.listed
        ],
        "notes": papers.notes(figures),
        "texts": {view: texts.get(view, "") for view in View.values},
        "own": own,
        "charts": charts,
        "compared": _compared(figures, charts),
        "learn": [
            (row, bulletin_texts.evidence(row), said.get(row.unit_id, ""))
            for row in charts.exemplary
        ],
    }


def _compared(figures: bulletins.Figures, charts: Charts) -> dict[str, Any] | None:
    """The head of one cohort with the viewer's unit in it: their own, else the largest."""
    if not figures.cohorts:
        return None
    own = charts.own
    label, rows = max(
        figures.cohorts, key=lambda c: (any(row.unit_id == own for row in c[1]), len(c[1]))
    )
    head = [row for index, row in enumerate(rows) if index < 4 or row.unit_id == own]
    return {
        "label": label,
        "rows": head,
        "count": len(rows),
        "chart": charts.of_cohort(label, len(rows), head),
        "others": [chart for chart in charts.compared if chart.cohort != label],
    }
