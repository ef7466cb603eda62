"""The page of spreadsheets: exports of attendance, and sheets filled in offline coming back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from courses import matrices, matrices_out, who_is_due
from courses.models import SheetImport, Status, StudySession
from courses.sheets import long_sheets, sheet_said, sheets_in, sheets_out
from credits.views.shown import others_of, programme_of
from portal import exporting, gate
from portal.access import Capability
from portal.gate import MemberRequest
from portal.giving import give
from portal.models import Organization
from portal.querysets import below
from portal.refusals import Conflict, Refusal
from portal.rendering import page
from portal.workbooks import Limits

RECORD, FIGURES = Capability.RECORD_ATTENDANCE, Capability.SEE_FIGURES
PER_PAGE = 20


@require_GET
@gate.required(FIGURES)
def sheets(request: MemberRequest) -> HttpResponse:
    """Every export within reach, the upload, and the imports so far."""
    return _sheets(request)


@require_POST
@gate.required(RECORD)
def session(request: MemberRequest, session: int) -> HttpResponse:
    """One session's attendance sheet."""
    found = _session(request, session)
    rows = found.attendances.count() or len(who_is_due.of_each([found])[found.pk])
    return give(
        request, RECORD, sheets_out.session_asked, rows=rows, title=f"{found.title}考勤表",
        back_url=_back(found.organiser_id), session=found.pk,
    )  # fmt: skip


@require_POST
@gate.required(RECORD)
def scans(request: MemberRequest, session: int) -> HttpResponse:
    """Every scan of one session."""
    found = _session(request, session)
    return give(
        request, RECORD, sheets_out.scans_asked, rows=found.scans.count(),
        title=f"{found.title}扫码记录", back_url=_back(found.organiser_id), session=found.pk,
    )  # fmt: skip


@require_POST
@gate.required(RECORD)
def matrix(request: MemberRequest, organization: int) -> HttpResponse:
    """The branch's members × sessions."""
    branch = gate.get(Organization.objects.all(), request.scope, RECORD, pk=organization)
    programme = programme_of(request)
    return give(
        request, RECORD, matrices_out.matrix_asked,
        rows=matrices.cells_in(programme, branch) // exporting.CELLS,
        title=f"{branch.name}考勤汇总", back_url=_back(branch.pk),
        programme=programme.pk, organization=branch.pk,
    )  # fmt: skip


@require_POST
@gate.required(FIGURES)
def summary(request: MemberRequest, organization: int) -> HttpResponse:
    """The counts that an organisation hands up; names of nobody."""
    where = gate.get(Organization.objects.all(), request.scope, FIGURES, pk=organization)
    programme = programme_of(request)
    branches = Organization.objects.filter(below(where.path)).branches()
    return give(
        request, FIGURES, matrices_out.summary_asked, rows=branches.count(),
        title=f"{where.name}汇总表", back_url=reverse("sheets"),
        programme=programme.pk, organization=where.pk,
    )  # fmt: skip


@require_POST
@gate.required(RECORD)
def upload(request: MemberRequest) -> HttpResponse:
    """Take a filled-in sheet and show what it would change."""
    chosen = request.POST.get("branch", "")
    file = request.FILES.get("file")
    try:
        if not chosen.isdecimal():
            raise Refusal("请先选择党支部。", field="branch")
        pk = int(chosen)
        branch = gate.get(Organization.objects.all(), request.scope, RECORD, pk=pk)
        if file is None:
            raise Refusal("请先选择要上传的文件。", field="file")
        data = file.read(Limits().upload_bytes + 1)
        by = request.scope.actor(RECORD)
        staged = sheets_in.stage(branch, data, file.name or "", by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _sheets(request, status=422)
    if staged.is_long and staged.state == SheetImport.State.READ and not staged.said:
        return _check(request, staged)
    return redirect("sheet-import", staged.pk)


@require_http_methods(["GET", "POST"])
@gate.required(RECORD)
def sheet_import(request: MemberRequest, sheet_import: int) -> HttpResponse:
    """What a sheet says, what has to be answered, what confirming changes; or the receipt."""
    staged = _staged(request, sheet_import)
    if request.method == "GET":
        return _import(request, staged)
    if staged.state != SheetImport.State.READ:  # sent twice: once was enough
        return redirect("sheet-import", staged.pk)
    by = request.scope.actor(RECORD)
    try:
        answers, confirms = _answers(request), "confirm" in request.POST
        if staged.is_long and (not confirms or not sheets_in.are_given(staged, answers)):
            staged = sheets_in.answer(staged, answers, by=by)
            return _check(request, staged, answered=True)
        if not staged.is_long:
            staged = sheets_in.answer(staged, answers, by=by)
        if not confirms:
            return redirect("sheet-import", staged.pk)
        seen = request.POST.get("seen", "")
        if staged.is_long:
            here = reverse("sheet-import", args=[staged.pk])
            job = long_sheets.confirm_later(staged, seen=seen, by=by, at=request.at, back_url=here)
            return redirect("job-detail", job.pk)
        staged = sheets_in.confirm(staged, seen=seen, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _import(request, staged, status=409 if isinstance(refusal, Conflict) else 422)
    messages.success(request, _written(staged))
    return redirect("sheet-import", staged.pk)


@require_POST
@gate.required(RECORD)
def undo(request: MemberRequest, sheet_import: int) -> HttpResponse:
    """Take an import back, keeping what was edited since."""
    staged, by = _staged(request, sheet_import), request.scope.actor(RECORD)
    if staged.is_long and staged.state == SheetImport.State.WRITTEN:
        here = reverse("sheet-import", args=[staged.pk])
        job = long_sheets.undo_later(staged, by=by, at=request.at, back_url=here)
        return redirect("job-detail", job.pk)
    try:
        kept = sheets_in.undo(staged, by=by, at=request.at)
    except Refusal as refusal:
        messages.error(request, refusal.message)
        return _import(request, staged, status=422)
    if kept:
        names = "、".join(kept)
        messages.warning(request, f"已撤销导入。以下各处导入后又改过，予以保留：{names}。")
    else:
        messages.success(request, "已撤销导入，考勤和学时恢复到导入之前。")
    return redirect("sheet-import", staged.pk)


def _session(request: MemberRequest, pk: int) -> StudySession:
    return gate.get(sheets_out.SESSIONS.all(), request.scope, RECORD, pk=pk)


def _back(branch: int) -> str:
    """The page of sheets, where the branch is chosen."""
    return f"{reverse('sheets')}?branch={branch}"


def _staged(request: MemberRequest, pk: int) -> SheetImport:
    rows = SheetImport.objects.select_related("organization", "by")
    return gate.get(rows, request.scope, RECORD, pk=pk)


def _check(request: MemberRequest, staged: SheetImport, *, answered: bool = False) -> HttpResponse:
    """Have a worker read a long sheet; its user waits on the job's page."""
    by, here = request.scope.actor(RECORD), reverse("sheet-import", args=[staged.pk])
    job = long_sheets.check_later(
        staged, by=by, at=request.at, back_url=here, refused_url=reverse("sheets"),
        answered=answered,
    )  # fmt: skip
    return redirect("job-detail", job.pk)


def _answers(request: MemberRequest) -> dict[str, str]:
    """The answers that the form sends: fields named `a:` and the key of what is asked."""
    sent = {name: str(value) for name, value in request.POST.items()}
    return {name[2:]: value for name, value in sent.items() if name.startswith("a:")}


def _sheets(request: MemberRequest, *, status: int = 200) -> HttpResponse:
    branches = request.scope.organizations(RECORD)
    wanted = request.GET.get("branch") or request.POST.get("branch", "")
    branch = next((b for b in branches if str(b.pk) == wanted), branches[0] if branches else None)
    sessions = StudySession.objects.within(request.scope, RECORD).filter(organiser=branch)
    pages = Paginator(sessions.alive().with_counts().order_by("-starts_at", "-pk"), PER_PAGE)
    imports = SheetImport.objects.within(request.scope, RECORD).filter(organization=branch)
    programme = programme_of(request)
    context = {
        "programme": programme,
        "programmes": others_of(programme),
        "branches": branches,
        "branch": branch,
        "places": request.scope.organizations(FIGURES),
        "page": pages.get_page(request.GET.get("page")),
        "query": f"branch={branch.pk}&" if branch else "",
        "imports": imports.defer("content").select_related("by")[:10],
    }
    return page(request, "courses/sheets.html", context, status=status)


def _import(request: MemberRequest, staged: SheetImport, *, status: int = 200) -> HttpResponse:
    staged.refresh_from_db()
    context: dict[str, Any] = {"staged": staged, "words": dict(Status.choices)}
    if staged.state == SheetImport.State.READ and staged.is_long:
        context["preview"] = sheet_said.shown(staged.said) if staged.said else None
    elif staged.state == SheetImport.State.READ:
        try:
            context["preview"] = sheets_in.look(staged, at=request.at)
        except Refusal as refusal:
            messages.error(request, refusal.message)
            return redirect("sheets")
    return page(request, "courses/sheet_import.html", context, status=status)


def _written(staged: SheetImport) -> str:
    sessions, rows = staged.wrote()
    if not sessions:
        return "表格与现有考勤完全一致，没有改动。"
    waiting = staged.records.filter(state=StudySession.State.OPEN).count()
    said = f"已导入 {sessions} 次活动、{rows} 条考勤。"
    if waiting:
        said += f"其中 {waiting} 次还没有记学时，请到点名页补齐后记学时。"
    return said
